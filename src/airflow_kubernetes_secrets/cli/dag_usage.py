"""The ids that DAGs use, and what provides each. ``usage`` and ``export --missing`` share this."""

from __future__ import annotations

import argparse
from contextlib import closing

from airflow_kubernetes_secrets.cli.output import counted, progress
from airflow_kubernetes_secrets.deployment.secret_options import secret_options
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.messages.listing import first_names, number_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.usage.dag_sources import uses_in_deployment, uses_in_folders
from airflow_kubernetes_secrets.usage.report import IdStatus, UsageReport, report_of, uses_of_options
from airflow_kubernetes_secrets.usage.uses import FoundUses

# The most positions in one message.
_MOST_POSITIONS = 3


def found_in_dags(arguments: argparse.Namespace, *, database: bool, processes: int | None = None) -> FoundUses:
    """Return what the DAGs of ``--dags`` use, or else those of this deployment; and what Airflow's options use.

    Args:
        database: whether to read the metadata database.
        processes: how many processes may parse files at the same time; by default, one for each CPU, at most 8.

    Raises:
        KubernetesSecretsError: the DAGs could not be read.
    """
    if arguments.dags:
        found = uses_in_folders(arguments.dags, arguments.team, counted, processes)
    else:
        found = uses_in_deployment(counted, database=database, processes=processes)
    found.uses += uses_of_options(secret_options())
    return found


def usage_of(found: FoundUses, options: Options, arguments: argparse.Namespace, *, database: bool) -> UsageReport:
    """Return what provides each id.

    Args:
        database: whether to check Airflow's metadata database.

    Raises:
        KubernetesSecretsError: the Secrets could not be read.
    """
    with (
        closing(location_of(options, arguments.as_user)) as location,
        progress(f"Listing the Secrets of {location.text}"),
    ):
        return report_of(found, location, options, database=database)


def unread_files(found: FoundUses) -> list[str]:
    """Return a message for each file with DAG code that could not be read."""
    return [f"{path}: {problem}" for path, problem in found.unread.items()]


def summary(report: UsageReport, found: FoundUses) -> str:
    """Return what was found in one line."""
    numbers = {status: sum(each.status is status for each in report.ids) for status in IdStatus}
    counts = ", ".join(f"{count} {status.value}" for status, count in numbers.items() if count)
    text = f"{number_of(len(report.ids), 'id')} in {number_of(len(found.paths), 'file')}"
    return f"{text}: {counts}{computed_text(found)}" if counts else text + computed_text(found)


def computed_text(found: FoundUses) -> str:
    """Return the number of uses whose id is known only when the code runs, as a sentence to append."""
    if not found.computed:
        return ""
    count = len(found.computed)
    positions = first_names((str(each.position) for each in found.computed), count, _MOST_POSITIONS)
    return f". Not counted: {number_of(count, 'use')} whose id is known only when the code runs ({positions})"
