"""``airflow-kubernetes-secrets list``: lists the connections, variables and options in Secrets."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timezone

from airflow_kubernetes_secrets.cli.configured_options import options_for
from airflow_kubernetes_secrets.cli.output import print_document, print_message, print_rows, progress
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.entries import FOLDER_LAYOUT, Entry, inventory_of, problems_with_ids
from airflow_kubernetes_secrets.inventory.location import BackendLocation, location_of
from airflow_kubernetes_secrets.inventory.missing_namespaces import missing_namespaces
from airflow_kubernetes_secrets.inventory.owning_teams import OwningTeams
from airflow_kubernetes_secrets.inventory.similar_teams import similar_team
from airflow_kubernetes_secrets.inventory.snapshot import Snapshot, namespaces_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import shown_id
from airflow_kubernetes_secrets.messages.listing import SEE_JSON, first_names, first_texts
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_KINDS = {kind.plural: (kind,) for kind in Kind}
_COLUMNS = ("kind", "id", "team", "secret", "format", "type", "host", "age", "owner", "problems")


def run(arguments: argparse.Namespace) -> int:
    """List the entries.

    Returns:
        1 if something could not be read; else 0.

    Raises:
        KubernetesSecretsError: nothing could be listed.
    """
    _configured, options = options_for(arguments)
    kinds = _KINDS.get(arguments.kind, tuple(Kind))
    with (
        closing(location_of(options, arguments.as_user)) as location,
        progress(f"Listing the Secrets of {location.text}"),
    ):
        inventory = inventory_of(location, options, kinds)
        problems = location.problems()
        searched = _searched(options, location)
        hints = [] if inventory.entries else missing_namespaces(options, location)
        if arguments.team and (hint := _of_team(arguments.team, options, location)):
            hints.append(hint)
    failures = [*inventory.failures, *problems]
    if inventory.is_unread:
        # A failure can end with a command, which must be alone in its line.
        raise KubernetesSecretsError("\n".join(inventory.failures))
    entries = [entry for entry in inventory.entries if _is_requested(entry, arguments)]
    if arguments.output in ("json", "yaml"):
        print_document(_document(entries, failures, inventory.problems), arguments.output)
    else:
        _print(entries, arguments.output, failures, searched)
        of_layout = [each.text for each in inventory.problems if each.code == FOLDER_LAYOUT]
        others = [each.text for each in inventory.problems if each.code != FOLDER_LAYOUT]
        for text in (*others, *first_texts(of_layout, SEE_JSON)):
            print_message(f"- {text}")
    for hint in hints:
        print_message(hint)
    for failure in failures:
        print_message(f"error: {failure}")
    return 1 if failures else 0


def _of_team(team: str, options: Options, location: BackendLocation) -> str:
    """Return a suggestion for the team, if no Secret and no option belongs to it."""
    snapshot = Snapshot(location, options, tuple(Kind))
    found = [*(stored for each in snapshot.labelled.values() for stored in each), *snapshot.bundles]
    return similar_team(team, options, OwningTeams(options, location), [each.secret for each in found])


def _is_requested(entry: Entry, arguments: argparse.Namespace) -> bool:
    return arguments.team in (None, entry.team) and (not arguments.problems or bool(entry.problems))


def _document(entries: Sequence[Entry], failures: Sequence[str], problems: Sequence[Problem]) -> dict[str, object]:
    return {
        "entries": [entry.as_json() for entry in entries],
        "failures": list(failures),
        "problems": [problem.as_json() for problem in problems],
    }


def _searched(options: Options, location: BackendLocation) -> str:
    """Return which namespaces were searched, and where."""
    names = [name for name in namespaces_of(options, location) if name]
    word = "namespace" if len(names) == 1 else "namespaces"
    return f"{word} {first_names(names, len(names))} of {location.text}" if names else location.text


def _print(entries: Sequence[Entry], output: str | None, failures: Sequence[str], searched: str) -> None:
    now = datetime.now(timezone.utc)
    rows = [
        {
            "kind": entry.kind.name.lower(),
            "id": shown_id(entry.id),
            "team": entry.team,
            "secret": entry.shown_name,
            "format": entry.short_format,
            "type": entry.content.conn_type,
            "host": entry.content.host,
            "age": entry.age(now),
            "owner": entry.owner.short if entry.owner is not None else None,
            "problems": ", ".join(problem.code for problem in entry.problems),
        }
        for entry in entries
    ]
    if not rows:
        print_message(
            f"There are none in {searched}. This command cannot detect a misspelt label; 'doctor' and 'explain' can"
        )
        return
    # Empty columns would take width from the others.
    columns = [
        column for column in _COLUMNS if column in ("kind", "id", "problems") or any(row[column] for row in rows)
    ]
    print_rows(columns, rows, output)
    for problem in problems_with_ids(entries, failures):
        print_message(f"- {problem.text}")
