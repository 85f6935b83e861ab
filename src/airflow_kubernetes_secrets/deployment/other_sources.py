"""Connections and variables outside Kubernetes: in Airflow's metadata database and in this process's environment.

``export`` reads them all. ``explain`` and the page show those that are hidden: Airflow does not read them, because a
Secret with the same id is selected first.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from queue import Empty, Queue
from threading import BoundedSemaphore, Thread
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import has_teams, have_a_masker
from airflow_kubernetes_secrets.deployment.airflow_entries import (
    KINDS,
    NO_DESCRIPTION,
    AirflowEntry,
    SourceError,
    connection,
    decrypted,
    entry_of_value,
    fernet,
    variable,
)
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.lookup.selection import Kind, Lookup
from airflow_kubernetes_secrets.messages.printable import printable

ENVIRONMENT = "environment"
DATABASE = "metadata-db"

_PREFIXES = {Kind.CONNECTION: "AIRFLOW_CONN_", Kind.VARIABLE: "AIRFLOW_VAR_"}
# In Airflow 3.2 and later, a variable of the team `sales` is called AIRFLOW_CONN__SALES___ID.
_TEAM_SEPARATOR = "___"
_CASE = (
    "environment variables have names in capitals only, so ids are written in lower case: if a DAG uses an id "
    "with capitals, correct label and annotation"
)

# How many rows of the database are read at once.
_CHUNK = 500


# How long a person waits for the metadata database at most, while a lookup is explained.
_PATIENCE_SECONDS = 10.0
# A database that hangs blocks one thread for each query. This limits how many there are.
_query_threads = BoundedSemaphore(8)


@dataclass(frozen=True)
class Hidden:
    """A connection or variable that Airflow does not read, because it finds the id in Kubernetes Secrets first.

    Attributes:
        place: ``environment`` or ``metadata-db``.
        text: what is there, or why that could not be checked.
    """

    place: str
    text: str

    def as_json(self) -> dict[str, str]:
        """Return it as the JSON outputs show it; docs/reference/cli.md describes them."""
        return {"place": self.place, "text": self.text}


@dataclass(frozen=True)
class HiddenEntries:
    """The connections and variables outside Kubernetes that many lookups do not reach.

    Attributes:
        of: the hidden ones by kind, id and team of the lookup.
        failures: which of the two places could not be checked, and why.
    """

    of: Mapping[tuple[Kind, str, str | None], Sequence[Hidden]]
    failures: Sequence[tuple[str, str]]


# A lookup, and a description of a connection or variable that it does not reach.
_Found = tuple[Lookup, str]


def from_environment(kinds: Sequence[Kind] = KINDS) -> Iterator[AirflowEntry]:
    """Yield the connections and variables in the environment of this process, sorted by name.

    Airflow reads the variable for ``id.upper()``, so the spelling of the id is unknown.
    """
    airflow_conf()
    teams = has_teams()
    for kind in kinds:
        for name in sorted(os.environ):
            if not name.startswith(_PREFIXES[kind]):
                continue
            team, key, problem = None, name.removeprefix(_PREFIXES[kind]), ""
            if teams and key.startswith("_") and _TEAM_SEPARATOR in key:
                team, _, key = key[1:].partition(_TEAM_SEPARATOR)
            if teams and _TEAM_SEPARATOR in key:
                problem = f"Airflow does not read the environment for an id with '{_TEAM_SEPARATOR}' in it"
            team = team and team.lower()
            if problem:
                yield AirflowEntry(kind, key.lower(), team, problem=problem)
            else:
                yield entry_of_value(kind, key.lower(), os.environ[name], team, notes=(_CASE,))


def from_database(kinds: Sequence[Kind] = KINDS) -> Iterator[AirflowEntry]:
    """Yield the connections and variables in the metadata database, which is read in chunks.

    An entry that the Fernet key does not decrypt has a problem, and does not stop the others.

    Raises:
        SourceError: the database cannot be read, or has no tables.
    """
    engine, tables = _database()
    fernet()
    for kind in kinds:
        columns, last = tables[kind].c, -1
        while True:
            query = tables[kind].select().where(columns.id > last).order_by(columns.id).limit(_CHUNK)
            rows = [row._mapping for row in _rows(engine, query)]
            yield from (_entry_of_row(kind, row) for row in rows)
            if len(rows) < _CHUNK:
                break
            last = rows[-1]["id"]


def hidden(lookup: Lookup, *, database: bool) -> list[Hidden]:
    """Return the connections and variables outside Kubernetes that a lookup does not reach.

    The lookup searches Kubernetes Secrets first, and ends there.

    Args:
        database: whether to check the metadata database. If that fails, the result says so.
    """
    found = hidden_entries([lookup], database=database)
    unknown = [Hidden(place, f"could not check: {text}") for place, text in found.failures]
    return [*found.of.get(_key(lookup), ()), *unknown]


def hidden_entries(lookups: Sequence[Lookup], *, database: bool = True) -> HiddenEntries:
    """Return the connections and variables outside Kubernetes that many lookups do not reach.

    Args:
        database: whether to check the metadata database.
    """
    # The values of configuration options come from neither of the two places.
    requested = [lookup for lookup in lookups if lookup.kind in KINDS]
    of: dict[tuple[Kind, str, str | None], list[Hidden]] = defaultdict(list)
    failures = []
    searches: list[tuple[str, Callable[[], Sequence[_Found]]]] = [(ENVIRONMENT, lambda: _variables_of(requested))]
    if database:
        searches.append((DATABASE, lambda: _in_time(lambda: _rows_of(requested))))
    for place, search in searches if requested else ():
        try:
            for lookup, text in search():
                of[_key(lookup)].append(Hidden(place, text))
        except Exception as error:
            # Some errors of database drivers quote the URL, so only their class is shown.
            failures.append((place, str(error) if isinstance(error, SourceError) else type(error).__name__))
    return HiddenEntries(of, failures)


def _key(lookup: Lookup) -> tuple[Kind, str, str | None]:
    return lookup.kind, lookup.id, lookup.team


def _in_time(ask: Callable[[], list[_Found]]) -> list[_Found]:
    """Return the result of a query that runs in a thread, or raise its error.

    A database driver may wait forever to connect, so the thread is given up after ``_PATIENCE_SECONDS``.

    Raises:
        SourceError: there is no result in time, or too many earlier queries still wait for theirs.
    """
    if not _query_threads.acquire(blocking=False):
        raise SourceError("the metadata database has not answered earlier queries yet")
    results: Queue[list[_Found] | Exception] = Queue()

    def put_result() -> None:
        try:
            results.put(ask())
        except Exception as error:
            results.put(error)
        finally:
            _query_threads.release()

    try:
        Thread(target=put_result, daemon=True).start()
    except RuntimeError as error:
        _query_threads.release()
        raise SourceError("no thread can be started to query the metadata database") from error
    try:
        result = results.get(timeout=_PATIENCE_SECONDS)
    except Empty:
        raise SourceError(f"the metadata database has not responded in {_PATIENCE_SECONDS:g} s") from None
    if isinstance(result, Exception):
        raise result
    return result


def _entry_of_row(kind: Kind, row: Mapping[str, Any]) -> AirflowEntry:
    """Return the entry for a row of the database.

    Airflow's own models would stop at an unreadable row, or log what they cannot read.
    """
    key, team = row["conn_id" if kind is Kind.CONNECTION else "key"], row.get("team_name")
    encrypted = {"password": "is_encrypted", "extra": "is_extra_encrypted", "val": "is_encrypted"}
    fields = dict(row)
    for name, flag in encrypted.items():
        if fields.get(name) and fields.get(flag):
            fields[name] = decrypted(fields[name])
            if fields[name] is None:
                return AirflowEntry(
                    kind,
                    key,
                    team,
                    problem="it cannot be decrypted with [core] fernet_key; add the key that encrypted it",
                )
    if kind is Kind.CONNECTION:
        return connection(key, fields, team, ())
    return variable(key, fields["val"], team, (NO_DESCRIPTION,) if fields["description"] else ())


def _variables_of(lookups: Sequence[Lookup]) -> list[_Found]:
    """Return the environment variables that Airflow would read for each id, in the order in which it reads them."""
    airflow_conf()
    teams = has_teams()
    found = []
    for lookup in lookups:
        if teams and _TEAM_SEPARATOR in lookup.id:
            continue
        prefix, key = _PREFIXES[lookup.kind], lookup.id.upper()
        names = [f"{prefix}_{lookup.team.upper()}{_TEAM_SEPARATOR}{key}"] if teams and lookup.team else []
        names = [name for name in (*names, prefix + key) if name in os.environ]
        found += [(lookup, f"the variable {printable(name)} of this process") for name in names]
    return found


def _rows_of(lookups: Sequence[Lookup]) -> list[_Found]:
    """Return the rows of the metadata database for each id: those of the lookup's team, and those without a team."""
    engine, tables = _database()
    from sqlalchemy import literal, select

    found = []
    for kind in KINDS:
        columns = tables[kind].c
        column = columns["conn_id" if "conn_id" in columns else "key"]
        team = columns["team_name"] if "team_name" in columns else literal(None)
        requested = [lookup for lookup in lookups if lookup.kind is kind]
        for start in range(0, len(requested), _CHUNK):
            chunk = requested[start : start + _CHUNK]
            teams_by_id = defaultdict(list)
            for key, team_name in _rows(engine, select(column, team).where(column.in_({each.id for each in chunk}))):
                teams_by_id[key].append(team_name)
            for lookup in chunk:
                for name in (name for name in teams_by_id[lookup.id] if name in (None, lookup.team)):
                    of_team = f", of team {name!r}" if name else ""
                    found.append((lookup, f"a {kind.word} in the metadata database{of_team}"))
    return found


def _database() -> tuple[Any, dict[Kind, Any]]:
    """Return the engine, and the tables of connections and variables.

    Raises:
        SourceError: the database cannot be reached, or has no tables of Airflow's.
    """
    airflow_conf()
    problem = ""
    try:
        from airflow.models import Connection, Variable
        from sqlalchemy import inspect

        settings: Any = import_module("airflow.settings")
        if getattr(settings, "engine", None) is None:
            have_a_masker()
            settings.configure_vars()
            settings.configure_orm()
        engine: Any = settings.engine
        # SQLite would create the file.
        file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
        is_there = (file is None or Path(file).exists()) and inspect(engine).has_table("connection")
    except Exception as error:
        problem = type(error).__name__
    if problem:
        # This is raised outside the except block, with nothing chained, because some errors of drivers quote the URL.
        raise SourceError(
            f"the metadata database cannot be reached ({problem}): check [database] sql_alchemy_conn "
            "and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN; 'airflow db check' shows more"
        )
    if not is_there:
        raise SourceError("the metadata database does not have Airflow's tables: run 'airflow db migrate'")
    return engine, {Kind.CONNECTION: Connection.__table__, Kind.VARIABLE: Variable.__table__}


def _rows(engine: Any, query: Any) -> list[Any]:
    """Return all rows of a query.

    Raises:
        SourceError: the database cannot be read.
    """
    try:
        with engine.connect() as connection:
            return list(connection.execute(query))
    except Exception as error:
        problem = type(error).__name__
    # This is raised outside the except block, with nothing chained, because SQLAlchemy's errors contain the query's
    # parameters.
    raise SourceError(
        f"the metadata database cannot be read ({problem}): if another version of Airflow created it, run 'airflow "
        "db migrate'; 'airflow db check' shows whether it can be reached"
    )
