"""``airflow-kubernetes-secrets export``: writes manifests for connections and variables from other sources.

The report goes to standard output, everything else to standard error. Neither quotes a value.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from airflow_kubernetes_secrets.cli.configured_options import (
    options_or_defaults,
    usable_configuration,
    why_not_searched,
)
from airflow_kubernetes_secrets.cli.dag_usage import computed_text, found_in_dags, unread_files, usage_of
from airflow_kubernetes_secrets.cli.output import counted, print_document, print_line, print_message, reporting
from airflow_kubernetes_secrets.deployment.airflow_entries import STORED_KINDS
from airflow_kubernetes_secrets.deployment.hidden_entries import DATABASE, SOURCES
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, OptionError
from airflow_kubernetes_secrets.migration.export import Export, ExportRequest
from airflow_kubernetes_secrets.migration.required_ids import RequiredId
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# The arguments that `export` accepts only with --missing.
_ONLY_WITH_MISSING = {"dags": "--dags", "kubeconfig": "--kubeconfig", "context": "--context", "as_user": "--as"}


def run(arguments: argparse.Namespace) -> int:
    """Write the manifests.

    Returns:
        1 if some could not be written, or not all DAGs could be read; else 0.

    Raises:
        KubernetesSecretsError: the source cannot be read, or the folder cannot be written.
        OptionError: the arguments do not fit together.
    """
    _check(arguments)
    required: Sequence[RequiredId] | None = None
    unread: Sequence[str] = ()
    # With --missing, --team is the team of the DAGs only. Lookups of all teams can use an entry without a team.
    namespace, team = arguments.namespace, arguments.team
    if arguments.missing:
        options = _options(arguments)
        required, unread, default_namespace = _required(arguments, options)
        namespace, team = namespace or default_namespace, None
    else:
        options = options_or_defaults()
    request = ExportRequest(
        arguments.source,
        [kind for kind in STORED_KINDS if arguments.kind in (None, kind.plural)],
        arguments.output_dir,
        namespace,
        team,
        arguments.force,
        arguments.bundle,
        required,
    )
    export = Export(request, options)
    for entry in counted(export.entries(), "exported"):
        export.write(entry)
    report = export.finish()
    with reporting(f"the export to {report.directory} has ended"):
        if arguments.report == "json":
            print_document(report.as_json(), "json")
        else:
            for line in report.as_text():
                print_line(line)
    for failure in unread:
        print_message(f"error: {failure}")
    return 1 if report.failed or unread else 0


def _check(arguments: argparse.Namespace) -> None:
    """Check the combination of arguments.

    Raises:
        OptionError: it is invalid.
    """
    if arguments.missing and arguments.bundle:
        raise OptionError(
            "--missing cannot be combined with --bundle: the new bundle would replace an existing one, and the ids in "
            "that one would be lost. Remove --bundle, or add an id to a bundle with 'put --bundle'"
        )
    if arguments.missing and arguments.team is not None and not arguments.dags:
        raise OptionError("--team is the team of the DAGs in --dags. Add --dags, or remove --team")
    for name, flag in _ONLY_WITH_MISSING.items():
        if getattr(arguments, name) and not arguments.missing:
            raise OptionError(f"{flag} requires --missing. Add --missing, or remove {flag}")


def _options(arguments: argparse.Namespace) -> Options:
    """Return the options with which lookups search for Secrets.

    If Airflow is not configured with a namespace, lookups will search the namespace of the manifests.

    Raises:
        OptionError: Airflow does not search the namespace of the manifests, so it is unknown what is missing there.
    """
    configured = usable_configuration()
    access = {"kubeconfig": arguments.kubeconfig, "context": arguments.context}
    options = configured.options(**access)
    if options.namespace is None and options.path is None:
        if reason := why_not_searched(arguments, options):
            raise OptionError(reason)
        if arguments.namespace is not None and arguments.kubeconfig is not None:
            print_message(
                "'namespace' is not set in backend_kwargs, so Airflow searches the namespace of its pods. This command "
                f"continues as if that were {arguments.namespace}"
            )
        return configured.options(**access, namespace=arguments.namespace)
    if options.namespace is not None and arguments.namespace not in (None, *options.namespace):
        raise OptionError(
            f"--namespace {arguments.namespace!r}: lookups without a team do not search it, because 'namespace' in "
            f"backend_kwargs is {', '.join(options.namespace)}. Use one of these, or add the namespace to the option"
        )
    return options


def _required(
    arguments: argparse.Namespace, options: Options
) -> tuple[Sequence[RequiredId], Sequence[str], str | None]:
    """Return the ids that DAGs use and no Secret provides, which DAGs could not be read, and the first namespace.

    Raises:
        KubernetesSecretsError: not all Secrets could be read, so it is unknown which ids have none.
    """
    found = found_in_dags(arguments, database=True)
    # Only the source `metadata-db` requires the database.
    report = usage_of(found, options, arguments, database=arguments.source == SOURCES[DATABASE])
    if report.failures:
        # A failure can end with a command, which must be alone in its line.
        raise KubernetesSecretsError("\n".join(("it is unknown which ids have no Secret:", *report.failures)))
    required = [
        RequiredId(
            each.lookup,
            None if each.provider is None else each.provider.origin,
            None if each.provider is None else each.provider.owner,
            each.why_no_new_secret,
            each.owners,
        )
        for each in report.without_secret()
    ]
    used = sum(each.lookup.kind in STORED_KINDS for each in report.ids)
    counts = f"{len(required)} of the {used} connections and variables that DAGs use"
    print_message(f"No Secret provides {counts}{computed_text(found)}")
    return required, unread_files(found), report.default_namespace
