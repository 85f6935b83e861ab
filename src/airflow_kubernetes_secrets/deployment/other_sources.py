"""Connections and variables outside Kubernetes: in Airflow's metadata database and in this process's environment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import has_teams
from airflow_kubernetes_secrets.deployment.airflow_entries import (
    NO_DESCRIPTION,
    STORED_KINDS,
    AirflowEntry,
    decrypted,
    entry_of_connection,
    entry_of_value,
    entry_of_variable,
    fernet,
)
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.deployment.database import CHUNK, metadata_engine, rows_of
from airflow_kubernetes_secrets.lookup.bundles import TEAM_SEPARATOR
from airflow_kubernetes_secrets.lookup.kinds import Kind

IN_LOWER_CASE = (
    "environment variables have names in capitals only, so ids are written in lower case: if a DAG uses an id "
    "with capitals, correct label and annotation"
)


def from_environment(kinds: Sequence[Kind] = STORED_KINDS) -> Iterator[AirflowEntry]:
    """Yield the connections and variables in the environment of this process, sorted by name.

    Airflow reads the variable for ``id.upper()``, so the spelling of the id is unknown.
    """
    airflow_conf()
    teams = has_teams()
    for kind in kinds:
        for name in sorted(os.environ):
            if not name.startswith(kind.env_prefix):
                continue
            team, key, problem = None, name.removeprefix(kind.env_prefix), ""
            if teams and key.startswith("_") and TEAM_SEPARATOR in key:
                team, _, key = key[1:].partition(TEAM_SEPARATOR)
            if teams and TEAM_SEPARATOR in key:
                problem = f"Airflow does not read the environment for an id with '{TEAM_SEPARATOR}' in it"
            if team and not os.environ[name]:
                continue  # lookups of the team search on
            team = team and team.lower()
            if problem:
                yield AirflowEntry(kind, key.lower(), team, problem=problem, environment_variable=name)
            else:
                entry = entry_of_value(kind, key.lower(), os.environ[name], team, notes=(IN_LOWER_CASE,))
                yield replace(entry, environment_variable=name)


def environment_variable(kind: Kind, identifier: str, team: str | None) -> str:
    """Return the name of the environment variable in which Airflow finds the id of a team, or of no team."""
    owner = f"_{team.upper()}{TEAM_SEPARATOR}" if team else ""
    return f"{kind.env_prefix}{owner}{identifier.upper()}"


def is_read(kind: Kind, team: str | None, value: str | None) -> bool:
    """Return whether Airflow reads an environment variable: an empty one only for a variable without a team.

    Args:
        value: ``None`` if there is no such environment variable.
    """
    return bool(value) or (value is not None and kind is Kind.VARIABLE and team is None)


def owners_in_environment() -> dict[tuple[Kind, str], set[str]]:
    """Return the teams that have environment variables of their own, by kind and id.

    Ids are in upper case and teams in lower case, since the case of both is unknown.
    """
    owners: dict[tuple[Kind, str], set[str]] = {}
    for kind in STORED_KINDS if has_teams() else ():
        prefix = f"{kind.env_prefix}_"
        for name in (each for each in os.environ if each.startswith(prefix) and os.environ[each]):
            team, separator, key = name.removeprefix(prefix).partition(TEAM_SEPARATOR)
            if separator:
                owners.setdefault((kind, key), set()).add(team.lower())
    return owners


def from_database(kinds: Sequence[Kind] = STORED_KINDS) -> Iterator[AirflowEntry]:
    """Yield the connections and variables in the metadata database, which is read in chunks.

    An entry that the Fernet key does not decrypt has a problem, and does not stop the others.

    Raises:
        SourceError: the database cannot be read, or has no tables.
    """
    engine = metadata_engine()
    tables = tables_by_kind()
    # If the key cannot be used, fail here and not for each entry.
    fernet()
    for kind in kinds:
        columns, last = tables[kind].c, -1
        while True:
            query = tables[kind].select().where(columns.id > last).order_by(columns.id).limit(CHUNK)
            chunk = [row._mapping for row in rows_of(engine, query)]
            yield from (_entry_of_row(kind, row) for row in chunk)
            if len(chunk) < CHUNK:
                break
            last = chunk[-1]["id"]


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
        return entry_of_connection(key, fields, team, ())
    return entry_of_variable(key, fields["val"], team, (NO_DESCRIPTION,) if fields["description"] else ())


def tables_by_kind() -> dict[Kind, Any]:
    """Return the tables of the metadata database with connections and variables."""
    from airflow.models import Connection, Variable

    return {Kind.CONNECTION: Connection.__table__, Kind.VARIABLE: Variable.__table__}
