"""Connections and variables outside Kubernetes that are hidden: Airflow does not read them.

The reason is that a Secret with the same id is selected first. ``explain`` and the page show them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from airflow_kubernetes_secrets.backend.airflow_versions import has_teams
from airflow_kubernetes_secrets.deployment.airflow_entries import STORED_KINDS, SourceError
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.deployment.database import CHUNK, metadata_engine, rows_of
from airflow_kubernetes_secrets.deployment.other_sources import (
    environment_variable,
    is_read,
    owners_in_environment,
    tables_by_kind,
)
from airflow_kubernetes_secrets.kubernetes.encoded_ids import is_unicode, is_uri
from airflow_kubernetes_secrets.lookup.bundles import TEAM_SEPARATOR
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages.printable import printable

ENVIRONMENT = "environment"
DATABASE = "metadata-db"

# The names of these origins as sources of `export --from`.
SOURCES = {ENVIRONMENT: "env", DATABASE: "metadata-db"}


@dataclass(frozen=True)
class HiddenEntry:
    """A connection or variable that Airflow does not read, because it finds the id in Kubernetes Secrets first.

    Attributes:
        origin: where it comes from: ``environment`` or ``metadata-db``.
        text: what is there, or why that could not be checked.
        owner: the team that it belongs to; ``None`` if it belongs to no team.
        is_there: whether it is there; false if that could not be checked.
    """

    origin: str
    text: str
    owner: str | None = None
    is_there: bool = True

    def as_json(self) -> dict[str, str]:
        """Return it as the JSON outputs show it; docs/reference/cli.md describes them."""
        return {"place": self.origin, "text": self.text}


@dataclass(frozen=True)
class HiddenEntries:
    """The connections and variables outside Kubernetes that a set of lookups does not reach.

    Attributes:
        by_lookup: the hidden ones by kind, id and team of the lookup.
        owners: the teams that have entries of their own, by kind and id.
        failures: which of the two origins could not be checked, and why.
    """

    by_lookup: Mapping[tuple[Kind, str, str | None], Sequence[HiddenEntry]]
    owners: Mapping[tuple[Kind, str], Set[str]]
    failures: Sequence[tuple[str, str]]


# A lookup, and a connection or variable that it does not reach: its description, and the team that it belongs to.
_Found = tuple[Lookup, str, "str | None"]

# The teams that have entries of their own, by kind and id.
_Owners = defaultdict[tuple[Kind, str], set[str]]


def hidden_entries_of(lookup: Lookup, *, database: bool) -> tuple[list[HiddenEntry], Set[str]]:
    """Return the connections and variables outside Kubernetes that a lookup does not reach.

    The lookup searches Kubernetes Secrets first, and ends there.

    Args:
        database: whether to check the metadata database. If that fails, the result contains the reason.

    Returns:
        These connections and variables, and the teams that have an entry of their own with the id.
    """
    found = hidden_entries([lookup], database=database)
    unknown = [HiddenEntry(origin, f"could not check: {text}", is_there=False) for origin, text in found.failures]
    entries = [*found.by_lookup.get(_key(lookup), ()), *unknown]
    return entries, found.owners.get((lookup.kind, lookup.id), frozenset())


def hidden_entries(lookups: Sequence[Lookup], *, database: bool = True) -> HiddenEntries:
    """Return the connections and variables outside Kubernetes that these lookups do not reach.

    Args:
        database: whether to check the metadata database.
    """
    # The values of configuration options have neither of the two origins. An id that is not valid Unicode, or that
    # contains a NUL, cannot be there, and would end the search for all ids.
    requested = [
        lookup for lookup in lookups if lookup.kind in STORED_KINDS and is_unicode(lookup.id) and "\0" not in lookup.id
    ]
    by_lookup: dict[tuple[Kind, str, str | None], list[HiddenEntry]] = defaultdict(list)
    owners: _Owners = defaultdict(set)
    failures = []
    searches: list[tuple[str, Callable[[], Sequence[_Found]]]] = [
        (ENVIRONMENT, lambda: _environment_variables_of(requested, owners))
    ]
    if database:
        searches.append((DATABASE, lambda: _rows_of(requested, owners)))
    for origin, search in searches if requested else ():
        try:
            for lookup, text, owner in search():
                by_lookup[_key(lookup)].append(HiddenEntry(origin, text, owner))
        except Exception as error:
            # Some errors of database drivers quote the URL, so only their class is shown.
            failures.append((origin, str(error) if isinstance(error, SourceError) else type(error).__name__))
    return HiddenEntries(by_lookup, owners, failures)


def _key(lookup: Lookup) -> tuple[Kind, str, str | None]:
    return lookup.kind, lookup.id, lookup.team


def _environment_variables_of(lookups: Sequence[Lookup], owners: _Owners) -> list[_Found]:
    """Return the environment variables that Airflow would read for each id, in the order in which it reads them.

    Args:
        owners: the teams that have variables of their own are added here.
    """
    airflow_conf()
    teams, of_teams = has_teams(), owners_in_environment()
    found: list[_Found] = []
    for lookup in lookups:
        if teams and TEAM_SEPARATOR in lookup.id:
            continue
        if of_team := of_teams.get((lookup.kind, lookup.id.upper())):
            owners[lookup.kind, lookup.id] |= of_team
        for owner in (lookup.team, None) if teams and lookup.team else (None,):
            name = environment_variable(lookup.kind, lookup.id, owner)
            if is_read(lookup.kind, owner, os.environ.get(name)):
                # The name contains the id, and a URI as an id can contain a password.
                shown = "a variable with a URI in its name" if is_uri(lookup.id) else f"the variable {printable(name)}"
                found.append((lookup, f"{shown} of this process", owner))
    return found


def _rows_of(lookups: Sequence[Lookup], owners: _Owners) -> list[_Found]:
    """Return the rows of the metadata database for each id: those of the lookup's team, and those without a team.

    Args:
        owners: the teams that have rows of their own are added here.
    """
    engine = metadata_engine()
    tables = tables_by_kind()
    from sqlalchemy import literal, select

    found: list[_Found] = []
    for kind in STORED_KINDS:
        columns = tables[kind].c
        column = columns["conn_id" if "conn_id" in columns else "key"]
        team = columns["team_name"] if "team_name" in columns else literal(None)
        requested = [lookup for lookup in lookups if lookup.kind is kind]
        for start in range(0, len(requested), CHUNK):
            chunk = requested[start : start + CHUNK]
            teams_by_id = defaultdict(list)
            for key, team_name in rows_of(engine, select(column, team).where(column.in_({each.id for each in chunk}))):
                teams_by_id[key].append(team_name)
                if team_name:
                    owners[kind, key].add(team_name)
            for lookup in chunk:
                for name in (name for name in teams_by_id[lookup.id] if name in (None, lookup.team)):
                    of_team = f", of team {name!r}" if name else ""
                    found.append((lookup, f"a {kind.word} in the metadata database{of_team}", name))
    return found
