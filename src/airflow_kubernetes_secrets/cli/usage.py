"""``airflow-kubernetes-secrets usage``: shows which ids DAGs use, and what provides each."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import closing

from airflow_kubernetes_secrets.cli.configured_options import options_for
from airflow_kubernetes_secrets.cli.output import counted, print_document, print_message, print_rows, progress
from airflow_kubernetes_secrets.deployment.secret_options import secret_options
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.lookup.selection import shown_id
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.usage.dag_files import DagFile
from airflow_kubernetes_secrets.usage.dag_sources import uses_in_deployment, uses_in_folders
from airflow_kubernetes_secrets.usage.report import IdStatus, UsageReport, UsedId, report_of, uses_of_options
from airflow_kubernetes_secrets.usage.uses import Found

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
        raise OptionError("--team is the team of the DAGs that --dags names. Add --dags, or remove it")
    _configured, options = options_for(arguments)
    if arguments.dags:
        found = uses_in_folders(arguments.dags, arguments.team, _count)
    else:
        found = uses_in_deployment(_count, database=arguments.database)
    found.uses += uses_of_options(secret_options())
    with (
        closing(location_of(options, arguments.as_user)) as location,
        progress(f"Listing the Secrets of {location.text}"),
    ):
        report = report_of(found, location, options, database=arguments.database)
    failures = [*report.failures, *(f"{path}: {problem}" for path, problem in found.unread.items())]
    ids = [each for each in report.ids if _is_requested(each, arguments)]
    unused = [each for each in report.unused if not arguments.missing and arguments.id in (None, each.id)]
    if arguments.output in ("json", "yaml"):
        print_document(_document(found, ids, unused, failures), arguments.output)
    elif arguments.unused:
        _print_unused(unused, arguments.output)
    else:
        _print_ids(ids, arguments)
    if arguments.output not in ("json", "yaml"):
        print_message(_summary(report, found))
    for failure in failures:
        print_message(f"error: {failure}")
    return _status(ids, failures)


def _count(files: Iterable[DagFile]) -> Iterable[DagFile]:
    return counted(files, "files with DAGs read")


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
    found: Found, ids: Sequence[UsedId], unused: Sequence[Entry], failures: Sequence[str]
) -> dict[str, object]:
    return {
        "files": len(found.paths),
        "ids": [each.as_json() for each in ids],
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
                    "id": shown_id(each.lookup.id),
                    "team": each.lookup.team,
                    "status": each.status.value,
                    "provider": None if each.provider is None else each.provider.text,
                    "problems": ", ".join(problem.code for problem in each.problems),
                    "used by": used_by,
                }
            )
    if not rows:
        print_message("Nothing is missing" if arguments.missing else "There are none")
        return
    columns = [each for each in _COLUMNS if each in ("id", "status") or any(row[each] for row in rows)]
    print_rows(columns, rows, arguments.output)
    for text in dict.fromkeys(problem.text for each in ids for problem in each.problems):
        print_message(f"- {text}")


def _print_unused(unused: Sequence[Entry], output: str | None) -> None:
    rows = [
        {
            "kind": each.kind.name.lower(),
            "id": shown_id(each.id),
            "team": each.team,
            "secret": f"{each.namespace}/{each.secret}",
        }
        for each in unused
    ]
    if not rows:
        print_message("Each Secret is used")
        return
    print_rows(["kind", "id", *(["team"] if any(row["team"] for row in rows) else []), "secret"], rows, output)


def _summary(report: UsageReport, found: Found) -> str:
    """Return what was found in one line, and how many ids are only known when the code runs."""
    numbers = {status: sum(each.status is status for each in report.ids) for status in IdStatus}
    counts = ", ".join(f"{count} {status.value}" for status, count in numbers.items() if count)
    text = f"{len(report.ids)} ids in {len(found.paths)} files{f': {counts}' if counts else ''}"
    if found.computed:
        positions = (str(each.position) for each in found.computed)
        count = len(found.computed)
        text += f". {count} more uses compute their id: {first_names(positions, count, _MOST_USES)}"
    return text
