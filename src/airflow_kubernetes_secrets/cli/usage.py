"""``airflow-kubernetes-secrets usage``: shows which ids DAGs use, and what provides each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from airflow_kubernetes_secrets.cli.configured_options import (
    access_arguments,
    dag_arguments,
    options_for,
    why_no_export,
)
from airflow_kubernetes_secrets.cli.dag_usage import found_in_dags, summary, unread_files, usage_of
from airflow_kubernetes_secrets.cli.output import print_document, print_message, print_rows
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.lookup.selection import shown_id
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.usage.next_commands import NextCommand, NextCommands, NoCommand
from airflow_kubernetes_secrets.usage.report import IdStatus, UsedId
from airflow_kubernetes_secrets.usage.uses import FoundUses

_COLUMNS = ("kind", "id", "team", "status", "provider", "problems", "used by")

# The most uses of an id in one row.
_MOST_USES = 3


def run(arguments: argparse.Namespace) -> int:
    """Show the ids.

    Returns:
        1 if an id is missing; else 2 if something could not be read; else 0.

    Raises:
        KubernetesSecretsError: the DAGs or the Secrets could not be read.
        OptionError: the arguments do not fit together.
    """
    if arguments.team is not None and not arguments.dags:
        raise OptionError("--team is the team of the DAGs in --dags. Add --dags, or remove --team")
    if arguments.missing and arguments.unused:
        raise OptionError("--missing and --unused cannot be used together. Remove one of them")
    configured, options = options_for(arguments)
    found = found_in_dags(arguments, database=arguments.database, processes=arguments.processes)
    report = usage_of(found, options, arguments, database=arguments.database)
    commands = NextCommands(
        options,
        access_arguments(arguments),
        dag_arguments(arguments),
        report.default_namespace,
        why_no_export(arguments, configured, options),
    )
    failures = [*report.failures, *unread_files(found)]
    ids = [each for each in report.ids if _is_requested(each, arguments)]
    unused = [each for each in report.unused if not arguments.missing and arguments.id in (None, each.id)]
    if arguments.output in ("json", "yaml"):
        print_document(_document(found, ids, commands, unused, failures), arguments.output)
    elif arguments.unused:
        _print_unused(unused, arguments.output)
    else:
        _print_ids(ids, arguments)
    if arguments.output not in ("json", "yaml"):
        print_message(summary(report, found))
        if not arguments.unused and (arguments.missing or arguments.id is not None):
            requested = [each for each in report.ids if arguments.id in (None, each.lookup.id)]
            _print_commands(requested, commands, database=arguments.database)
    for failure in failures:
        print_message(f"error: {failure}")
    return _status(ids, failures)


def _is_requested(used: UsedId, arguments: argparse.Namespace) -> bool:
    return (
        not arguments.unused
        and arguments.id in (None, used.lookup.id)
        and (not arguments.missing or used.status in (IdStatus.MISSING, IdStatus.UNKNOWN))
    )


def _status(ids: Sequence[UsedId], failures: Sequence[str]) -> int:
    if any(each.status is IdStatus.MISSING for each in ids):
        return 1
    return 2 if failures else 0


def _document(
    found: FoundUses, ids: Sequence[UsedId], commands: NextCommands, unused: Sequence[Entry], failures: Sequence[str]
) -> dict[str, object]:
    return {
        "files": len(found.paths),
        "ids": [each.as_json(commands) for each in ids],
        "computed": [each.as_json() for each in found.computed],
        "unused": [
            {
                "kind": each.kind.name.lower(),
                "id": shown_id(each.id),
                "team": each.team,
                "namespace": each.namespace,
                "secret": each.secret,
                "object_kind": each.object_kind,
            }
            for each in unused
        ],
        "failures": list(failures),
    }


def _print_ids(ids: Sequence[UsedId], arguments: argparse.Namespace) -> None:
    """Print one row for each id, or for ``--id`` one for each use."""
    rows = []
    for each in ids:
        uses = map(str, each.uses)  # an id can have thousands, and few are shown
        for used_by in uses if arguments.id is not None else [first_names(uses, len(each.uses), _MOST_USES)]:
            rows.append(
                {
                    "kind": each.lookup.kind.name.lower(),
                    "id": _visible(each.lookup.id),
                    "team": each.lookup.team,
                    "status": each.status.value,
                    "provider": None if each.provider is None else each.provider.text,
                    "problems": ", ".join(problem.code for problem in each.problems),
                    "used by": used_by,
                }
            )
    if not rows:
        if arguments.missing:
            print_message("Nothing is missing")
        elif arguments.id is not None:
            print_message(f"No DAG uses the id {shown_id(arguments.id)!r}. Blanks and upper case matter")
        else:
            print_message("No uses were found")
        return
    columns = [each for each in _COLUMNS if each in ("id", "status") or any(row[each] for row in rows)]
    print_rows(columns, rows, arguments.output)
    for text in dict.fromkeys(problem.text for each in ids for problem in each.problems):
        print_message(f"- {text}")


def _visible(identifier: str) -> str:
    """Return an id for a table. Blanks at its ends, which Airflow does not ignore, are visible between quotes."""
    text = shown_id(identifier)
    return text if text == text.strip() else f"'{text}'"


def _print_commands(ids: Sequence[UsedId], commands: NextCommands, *, database: bool) -> None:
    """Print the commands that create what is missing, and those that export what other sources provide."""
    steps = [(each, each.next_command(commands)) for each in ids]
    shown = [(each, step) for each, step in steps if isinstance(step, NextCommand)]
    if created := [step.text for each, step in shown if each.status is IdStatus.MISSING]:
        if not database:
            print_message("The metadata database may provide some of these ids. To check it, omit --no-database")
        print_message("\n  ".join([f"{commands.put_purpose(len(created))}:", *created]))
    without_command: dict[str, list[str]] = {}
    for each, step in steps:
        if isinstance(step, NoCommand):
            without_command.setdefault(step.reason, []).append(str(each.lookup))
    for reason, names in without_command.items():
        print_message(f"No command is shown for {first_names(names, len(names))}: {reason}")
    for text in sorted({str(step) for each, step in shown if each.status is IdStatus.FOUND}):
        print_message(text)


def _print_unused(unused: Sequence[Entry], output: str | None) -> None:
    rows = [
        {
            "kind": each.kind.name.lower(),
            "id": _visible(each.id),
            "team": each.team,
            "secret": each.shown_name,
        }
        for each in unused
    ]
    if not rows:
        print_message("Each Secret is used")
        return
    print_rows(["kind", "id", *(["team"] if any(row["team"] for row in rows) else []), "secret"], rows, output)
