"""Search, filters, order and pages."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from typing import Any

import pytest

from airflow_kubernetes_secrets.deployment.hidden_entries import HiddenEntry
from airflow_kubernetes_secrets.inventory.content import Content
from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.inventory.stored_secret import Owner
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.ui.export import Format, exported
from airflow_kubernetes_secrets.ui.row import Row, UseState
from airflow_kubernetes_secrets.ui.table import Order, TableQuery, matching_rows, page_of
from airflow_kubernetes_secrets.usage.uses import Position, Use

WARNING = Problem("duplicate-id", "a text", Severity.WARNING)
ERROR = Problem("unreadable", "a text")


def row(
    id: str,
    kind: Kind = Kind.CONNECTION,
    *problems: Problem,
    team: str | None = None,
    secret: str = "s",
    namespace: str = "n",
    conn_type: str = "",
    host: str = "",
    created: str = "",
    owner: Owner | None = None,
    hidden: tuple[HiddenEntry, ...] = (),
) -> Row:
    content = Content("key 'value'", conn_type, host)
    return Row(Entry(kind, id, team, namespace, secret, content, created, owner, True, problems), hidden)


ROWS = [
    row(
        "warehouse",
        Kind.CONNECTION,
        ERROR,
        WARNING,
        conn_type="snowflake",
        host="acme.example.com",
        created="2026-01-03",
    ),
    row(
        "App_db", conn_type="postgres", host="db", owner=Owner("CloudNativePG", "Cluster", "app"), created="2026-01-01"
    ),
    row("app_db", team="blue", secret="blue-db", conn_type="mysql", created="2026-01-02"),
    row("bucket", Kind.VARIABLE, WARNING, hidden=(HiddenEntry("environment", "a text"),), namespace="zone"),
    row("metadata", Kind.CONFIG),
]


def ids(**wanted: Any) -> list[str]:
    return [entry["id"] for entry in page_of(ROWS, TableQuery(**wanted))["entries"]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("APP_DB", ["App_db", "app_db"]),
        ("blue", ["app_db"]),
        ("cloudnative", ["App_db"]),
        ("cluster app", ["App_db"]),
        ("snowflake acme", ["warehouse"]),
        ("snowflake postgres", []),
        ("zone/s", ["bucket"]),
        ("  ", ["App_db", "app_db", "bucket", "metadata", "warehouse"]),
        # This matches across the end of one field and the beginning of another.
        ("metadatan", []),
    ],
)
def test_search(search: str, found: list[str]) -> None:
    assert ids(search=search) == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"kind": "variable"}, ["bucket"]),
        ({"team": "blue"}, ["app_db"]),
        ({"team": "no team", "kind": "connection"}, ["App_db", "warehouse"]),
        ({"problem": "any"}, ["bucket", "warehouse"]),
        ({"problem": "none"}, ["App_db", "app_db", "metadata"]),
        ({"problem": "duplicate-id"}, ["bucket", "warehouse"]),
        ({"problem": "unreadable"}, ["warehouse"]),
        ({"problem": "hides"}, ["bucket"]),
        ({"problem": "duplicate-id", "kind": "connection", "search": "acme"}, ["warehouse"]),
        ({"kind": "secret"}, []),
    ],
)
def test_filters(wanted: dict[str, str], found: list[str]) -> None:
    assert ids(**wanted) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (Order.ID, ["App_db", "app_db", "bucket", "metadata", "warehouse"]),
        (Order.KIND, ["metadata", "App_db", "app_db", "warehouse", "bucket"]),
        (Order.TEAM, ["App_db", "bucket", "metadata", "warehouse", "app_db"]),
        (Order.SECRET, ["app_db", "App_db", "metadata", "warehouse", "bucket"]),
        (Order.TYPE, ["bucket", "metadata", "app_db", "App_db", "warehouse"]),
        (Order.HOST, ["app_db", "bucket", "metadata", "warehouse", "App_db"]),
        (Order.AGE, ["warehouse", "app_db", "App_db", "bucket", "metadata"]),
        (Order.OWNER, ["app_db", "bucket", "metadata", "warehouse", "App_db"]),
        (Order.PROBLEMS, ["App_db", "app_db", "metadata", "bucket", "warehouse"]),
    ],
)
def test_order(order: Order, found: list[str]) -> None:
    assert ids(order=order) == found


def test_equal_rows_are_ordered_by_id() -> None:
    assert ids(order=Order.SHAPE) == ids(order=Order.SHAPE, descending=True) == ids()


def test_descending() -> None:
    assert ids(descending=True) == ["warehouse", "metadata", "bucket", "App_db", "app_db"]
    assert ids(order=Order.PROBLEMS, descending=True)[:2] == ["warehouse", "bucket"]


def used(*dags: str) -> list[Use]:
    return [Use(Kind.CONNECTION, "x", "conn_id", Position("dag.py", 1, (dag,))) for dag in dags]


def test_id_without_a_secret_is_shown_only_by_its_filter() -> None:
    missing = Row(Entry(Kind.CONNECTION, "missing", None, "", ""), uses=used("etl"), use_state=UseState.MISSING)
    broken = replace(row("broken", Kind.CONNECTION, ERROR), uses=used("etl", "b"), use_state=UseState.MISSING)
    rows = [missing, broken, replace(row("idle"), uses=[], use_state=UseState.UNUSED), row("unknown")]

    everything = page_of(rows, TableQuery())
    assert [entry["id"] for entry in everything["entries"]] == ["broken", "idle", "unknown"]
    assert (everything["matching"], everything["total"]) == (3, 3)
    assert everything["counts"]["problem"]["used-but-missing"] == 2
    for problem, found in {"used-but-missing": ["broken", "missing"], "unused": ["idle"], "any": ["broken"]}.items():
        assert [each.entry.id for each in matching_rows(rows, TableQuery(problem=problem))] == found
    ordered = matching_rows(rows, TableQuery(order=Order.USED_BY, descending=True))
    assert [each.entry.id for each in ordered] == ["broken", "idle", "unknown"]


def test_exported_csv_contains_no_formulas() -> None:
    [header, line] = exported([row("=1+1", host="a,b")], Format.CSV).splitlines()
    assert header.split(",")[:3] == ["kind", "id", "team"]
    assert line.startswith('connection,\'=1+1,,n,s,,"a,b"')
    # Spreadsheets in some languages begin a cell at a semicolon.
    for text in ("a; =1+1", " @x", "\uff0bx", "a|-1"):
        [_header, line] = exported([row(text)], Format.CSV).splitlines()
        assert not re.search("(^|[;|,])\\s*[=+@\uff0b-]", line)


@pytest.mark.parametrize("text", ['a;"=1+1', 'a;""=1+1', 'a|" @x', '"=1+1', "a;\t=1+1", "a;'=1+1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_is_a_formula_whatever_separates_the_cells(text: str, delimiter: str) -> None:
    """In some languages, spreadsheets also split the lines of this file at semicolons, also within its quotes."""
    lines = exported([row(text)], Format.CSV).splitlines()
    for cells in csv.reader(lines, delimiter=delimiter):
        assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]


def test_pages() -> None:
    page = page_of(ROWS, TableQuery(offset=2, limit=2))

    assert [entry["id"] for entry in page["entries"]] == ["bucket", "metadata"]
    assert (page["matching"], page["total"], page["offset"]) == (5, 5, 2)
    assert page_of(ROWS, TableQuery(offset=9))["entries"] == []


def test_each_count_equals_the_rows_that_its_filter_shows() -> None:
    wanted: dict[str, Any] = {"kind": "connection", "problem": "any"}
    counts = page_of(ROWS, TableQuery(**wanted))["counts"]

    for name, choices in page_of(ROWS, TableQuery())["counts"].items():
        assert counts[name].keys() <= choices.keys()
        for choice in choices:
            assert len(ids(**{**wanted, name: choice})) == counts[name][choice], (name, choice)


def test_search_does_not_match_parts_of_an_id_that_is_a_uri() -> None:
    rows = [row("postgres://u:password@host/db")]

    assert page_of(rows, TableQuery(search="password"))["entries"] == []
    [entry] = page_of(rows, TableQuery(search="uri"))["entries"]
    assert entry["id"] == "(a URI)"
