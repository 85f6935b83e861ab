"""One page of the table. Search, filters, order and counts are computed on the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from airflow_kubernetes_secrets.lookup.selection import shown_id
from airflow_kubernetes_secrets.messages.problem import Severity
from airflow_kubernetes_secrets.messages.problem_codes import OF_SECRETS, SecretCode
from airflow_kubernetes_secrets.ui.snapshot_cache import Row, UseState

# The value of the team filter for entries without a team. No team has this name, because a label value has no space.
WITHOUT_TEAM = "no team"

# Values of the problem filter that are not problem codes.
ANY_PROBLEM = "any"
NO_PROBLEM = "none"
HIDES = "hides"


class Order(str, Enum):
    """The columns that the table can be sorted by."""

    KIND = "kind"
    ID = "id"
    TEAM = "team"
    SECRET = "secret"  # noqa: S105  # the name of a column
    SHAPE = "shape"
    TYPE = "conn_type"
    HOST = "host"
    AGE = "age"
    OWNER = "owner"
    PROBLEMS = "problems"
    USED_BY = "used_by"


@dataclass(frozen=True)
class TableQuery:
    """The rows that a user requests.

    Attributes:
        search: words, each a part of the id, Secret, namespace, type, host, owner or team. Case is ignored.
        kind, team, problem: the filters; an empty string means all.
        order: the column to sort by.
        offset, limit: the first row, and how many rows.
    """

    search: str = ""
    kind: str = ""
    team: str = ""
    problem: str = ""
    order: Order = Order.ID
    descending: bool = False
    offset: int = 0
    limit: int = 50


def page_of(rows: Sequence[Row], requested: TableQuery) -> dict[str, Any]:
    """Return the rows of one page, how many rows there are, and the values of each filter.

    The count of a filter value is how many rows it would show, together with the other filters.
    """
    found = _found(rows, requested.search)
    tests = _tests(requested)

    def matching_all_but(name: str) -> list[Row]:
        others = [test for each, test in tests.items() if each != name]
        return [row for row in found if all(test(row) for test in others)]

    matching = matching_rows(rows, requested)
    shown = matching[requested.offset : requested.offset + requested.limit]
    same_otherwise = matching_all_but("problem")
    return {
        "entries": [row.as_json() for row in shown],
        "matching": len(matching),
        "total": sum(row.has_secret for row in rows),
        "offset": requested.offset,
        "counts": {
            "kind": Counter(map(_kind, matching_all_but("kind"))),
            "team": Counter(map(_team, matching_all_but("team"))),
            "problem": Counter(code for row in same_otherwise for code in _problems(row)),
        },
        "codes": _codes(same_otherwise),
    }


def matching_rows(rows: Sequence[Row], requested: TableQuery) -> list[Row]:
    """Return the rows of all pages, in order."""
    tests = _tests(requested).values()
    matching = [row for row in _found(rows, requested.search) if all(test(row) for test in tests)]
    matching.sort(key=lambda row: shown_id(row.entry.id).casefold())
    # The oldest entry was created first, so the order by age is reversed.
    matching.sort(key=_KEYS[requested.order], reverse=requested.descending != (requested.order is Order.AGE))
    return matching


def _found(rows: Sequence[Row], search: str) -> Sequence[Row]:
    words = search.casefold().split()
    return [row for row in rows if all(word in row.text for word in words)] if words else rows


def _tests(requested: TableQuery) -> dict[str, Callable[[Row], bool]]:
    """Return what each filter requires of a row."""
    return {
        "kind": lambda row: requested.kind in ("", _kind(row)),
        "team": lambda row: requested.team in ("", _team(row)),
        "problem": lambda row: requested.problem in _problems(row) if requested.problem else row.has_secret,
    }


def _codes(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the problem codes in these rows: errors first, each with its meaning."""
    severities: dict[str, Severity] = {}
    for problem in (problem for row in rows for problem in row.entry.problems):
        if severities.get(problem.code) is not Severity.ERROR:
            severities[problem.code] = problem.severity
    return {
        code: {"severity": severity.value, "meaning": OF_SECRETS.get(cast("SecretCode", code), "")}
        for code, severity in sorted(severities.items(), key=lambda each: (each[1] is not Severity.ERROR, each[0]))
    }


def _kind(row: Row) -> str:
    return row.entry.kind.name.lower()


def _team(row: Row) -> str:
    return row.entry.team or WITHOUT_TEAM


def _problems(row: Row) -> set[str]:
    codes: set[str] = {problem.code for problem in row.entry.problems}
    use = {row.use.value} - {UseState.OTHER.value}
    if not row.has_secret:
        return use
    return codes | use | {ANY_PROBLEM if codes else NO_PROBLEM} | ({HIDES} if row.hidden else set())


def _severity(row: Row) -> tuple[int, int, int]:
    problems = row.entry.problems
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    return errors, len(problems), len(row.hidden)


_KEYS: dict[Order, Callable[[Row], Any]] = {
    Order.KIND: _kind,
    Order.ID: lambda row: shown_id(row.entry.id).casefold(),
    Order.TEAM: lambda row: row.entry.team or "",
    Order.SECRET: lambda row: (row.entry.namespace, row.entry.secret),
    Order.SHAPE: lambda row: row.entry.content.data_format,
    Order.TYPE: lambda row: row.entry.content.conn_type,
    Order.HOST: lambda row: row.entry.content.host,
    Order.AGE: lambda row: row.entry.created,
    Order.OWNER: lambda row: row.entry.owner.short if row.entry.owner is not None else "",
    Order.PROBLEMS: _severity,
    Order.USED_BY: lambda row: len(row.dags),
}
