"""One page of the table. Search, filters, order and counts are computed on the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from airflow_kubernetes_secrets.messages.problem import Severity
from airflow_kubernetes_secrets.messages.problem_codes import OF_SECRETS, SecretCode
from airflow_kubernetes_secrets.ui.row import FilterValues, Row


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
    counts: dict[str, Counter[str]] = {name: Counter() for name in FilterValues._fields}
    same_otherwise = set()
    # Thousands of rows have only a few different filter values.
    for filter_values, number in Counter(row.filter_values for row in found).items():
        failed = _failed(filter_values, requested)
        for name, values in filter_values._asdict().items():
            if failed <= {name}:
                counts[name].update(dict.fromkeys(values - {""}, number))
        if failed <= {"problem"}:
            same_otherwise.add(filter_values)
    matching = _in_order(found, requested)
    shown = matching[requested.offset : requested.offset + requested.limit]
    return {
        "entries": [row.as_json() for row in shown],
        "matching": len(matching),
        "total": sum(row.has_secret for row in rows),
        "offset": requested.offset,
        "counts": counts,
        "codes": _codes(row for row in found if row.entry.problems and row.filter_values in same_otherwise),
    }


def matching_rows(rows: Sequence[Row], requested: TableQuery) -> list[Row]:
    """Return the rows of all pages, in order."""
    return _in_order(_found(rows, requested.search), requested)


def _in_order(found: Sequence[Row], requested: TableQuery) -> list[Row]:
    """Return those of the rows that the filters show, in order."""
    passing = {
        filter_values for filter_values in {row.filter_values for row in found} if not _failed(filter_values, requested)
    }
    matching = [row for row in found if row.filter_values in passing]
    matching.sort(key=lambda row: row.order)
    # The oldest entry was created first, so the order by age is reversed.
    matching.sort(key=_KEYS[requested.order], reverse=requested.descending != (requested.order is Order.AGE))
    return matching


def _found(rows: Sequence[Row], search: str) -> Sequence[Row]:
    words = search.casefold().split()
    return [row for row in rows if all(word in row.text for word in words)] if words else rows


def _failed(filter_values: FilterValues, requested: TableQuery) -> set[str]:
    """Return the names of the filters that do not show a row with these filter values."""
    return {name for name, values in filter_values._asdict().items() if getattr(requested, name) not in values}


def _codes(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the problem codes in these rows: errors first, each with its meaning."""
    severities: dict[str, Severity] = {}
    for problem in (problem for row in rows for problem in row.entry.problems):
        if severities.get(problem.code) is not Severity.ERROR:
            severities[problem.code] = problem.severity
    return {
        code: {"severity": severity.value, "meaning": OF_SECRETS.get(cast("SecretCode", code), "")}
        for code, severity in sorted(severities.items(), key=lambda each: (each[1] is not Severity.ERROR, each[0]))
    }


def _severity(row: Row) -> tuple[int, int, int]:
    problems = row.entry.problems
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    return errors, len(problems), len(row.hidden)


_KEYS: dict[Order, Callable[[Row], Any]] = {
    Order.KIND: lambda row: row.entry.kind.name,
    Order.ID: lambda row: row.order,
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
