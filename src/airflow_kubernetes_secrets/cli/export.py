"""``airflow-kubernetes-secrets export``: writes manifests for connections and variables from other sources.

The report goes to standard output, everything else to standard error. Neither quotes a value.
"""

from __future__ import annotations

import argparse

from airflow_kubernetes_secrets.cli.configured_options import options_or_defaults
from airflow_kubernetes_secrets.cli.output import counted, print_document, print_line
from airflow_kubernetes_secrets.deployment.airflow_entries import KINDS
from airflow_kubernetes_secrets.migration.export import Export, ExportRequest


def run(arguments: argparse.Namespace) -> int:
    """Write the manifests.

    Returns:
        1 if some could not be written; else 0.

    Raises:
        KubernetesSecretsError: the source cannot be read, or the folder cannot be written.
    """
    request = ExportRequest(
        arguments.source,
        [kind for kind in KINDS if arguments.kind in (None, kind.plural)],
        arguments.output_dir,
        arguments.namespace,
        arguments.team,
        arguments.force,
        arguments.bundle,
    )
    export = Export(request, options_or_defaults())
    for entry in counted(export.entries(), "exported"):
        export.write(entry)
    report = export.finish()
    if arguments.report == "json":
        print_document(report.as_json(), "json")
    else:
        for line in report.as_text():
            print_line(line)
    return 1 if report.failed else 0
