"""One page of the table. Search, filters, order and counts are computed on the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from airflow_kubernetes_secrets.lookup.selection import shown_id
from airflow_kubernetes_secrets.messages.problem import Severity
from airflow_kubernetes_secrets.ui.snapshot_cache import Row

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
    words = requested.search.casefold().split()
    found = [row for row in rows if all(word in row.text for word in words)] if words else list(rows)
    tests: dict[str, Callable[[Row], bool]] = {
        "kind": lambda row: requested.kind in ("", _kind(row)),
        "team": lambda row: requested.team in ("", _team(row)),
        "problem": lambda row: requested.problem == "" or requested.problem in _problems(row),
    }

    def matching_all_but(name: str) -> list[Row]:
        others = [test for each, test in tests.items() if each != name]
        return [row for row in found if all(test(row) for test in others)]

    matching = [row for row in matching_all_but("kind") if tests["kind"](row)]
    matching.sort(key=lambda row: shown_id(row.entry.id).casefold())
    # The oldest entry was created first, so the order by age is reversed.
    matching.sort(key=_KEYS[requested.order], reverse=requested.descending != (requested.order is Order.AGE))
    shown = matching[requested.offset : requested.offset + requested.limit]
    return {
        "entries": [row.as_json() for row in shown],
        "matching": len(matching),
        "total": len(rows),
        "offset": requested.offset,
        "counts": {
            "kind": Counter(map(_kind, matching_all_but("kind"))),
            "team": Counter(map(_team, matching_all_but("team"))),
            "problem": Counter(code for row in matching_all_but("problem") for code in _problems(row)),
        },
    }


def _kind(row: Row) -> str:
    return row.entry.kind.name.lower()


def _team(row: Row) -> str:
    return row.entry.team or WITHOUT_TEAM


def _problems(row: Row) -> set[str]:
    codes = {problem.code for problem in row.entry.problems}
    return codes | {ANY_PROBLEM if codes else NO_PROBLEM} | ({HIDES} if row.hidden else set())


def _severity(row: Row) -> tuple[int, int, int]:
    problems = row.entry.problems
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    return errors, len(problems), len(row.hidden)


_KEYS: dict[Order, Callable[[Row], Any]] = {
    Order.KIND: _kind,
    Order.ID: lambda row: shown_id(row.entry.id).casefold(),
    Order.TEAM: lambda row: row.entry.team or "",
    Order.SECRET: lambda row: (row.entry.namespace, row.entry.secret),
    Order.SHAPE: lambda row: row.entry.content.shape,
    Order.TYPE: lambda row: row.entry.content.conn_type,
    Order.HOST: lambda row: row.entry.content.host,
    Order.AGE: lambda row: row.entry.created,
    Order.OWNER: lambda row: row.entry.owner.short if row.entry.owner is not None else "",
    Order.PROBLEMS: _severity,
}
