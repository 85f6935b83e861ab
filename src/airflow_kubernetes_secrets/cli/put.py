"""``airflow-kubernetes-secrets put``: creates or updates the Secret of a connection, variable or option."""

from __future__ import annotations

import argparse
from contextlib import closing

from airflow_kubernetes_secrets.cli.configured_options import usable_configuration
from airflow_kubernetes_secrets.cli.definition import PROGRAM
from airflow_kubernetes_secrets.cli.output import print_document, print_line, print_message, reporting
from airflow_kubernetes_secrets.cli.read_value import is_a_terminal, read_value
from airflow_kubernetes_secrets.errors import ForbiddenByProxyError, ForbiddenError
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.given_values import FROM_FILE, check_given, given_values
from airflow_kubernetes_secrets.manifests.put import PutResult, put, refuse_folder
from airflow_kubernetes_secrets.manifests.requested_secret import (
    CheckedManifest,
    RequestedSecret,
    checked_bundle,
    checked_manifest,
    namespace_for,
)
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError

# The exit statuses.
_WRITTEN, _REFUSED, _ERROR = 0, 1, 2

# These are added to the commands that grant a missing permission: on the devserver, and on other servers.
_NO_ROLES = (
    "This server is the devserver, which has no roles, so these commands fail. To write with your own account instead, "
    'add --kubeconfig "$KUBECONFIG"'
)
_OWN_ACCOUNT = (
    "Airflow itself does not need this permission. To write with your own account instead, add --kubeconfig, such as "
    "--kubeconfig ~/.kube/config"
)


def run(arguments: argparse.Namespace) -> int:
    """Write the Secret, or print why it is refused.

    Returns:
        0 if it was written and read back; 1 if it was refused, or if Airflow does not read it; 2 if it could not be
        read back.

    Raises:
        KubernetesSecretsError: a request failed, or the configuration cannot be used.
    """
    try:
        return _put(arguments)
    except NotWritableError as error:
        _fail(str(error))
        return _REFUSED


def _put(arguments: argparse.Namespace) -> int:
    """Write the Secret, or with ``--dry-run=client`` only create its manifest. Return the exit status."""
    kind = Kind[arguments.kind.upper()]
    whole = {
        "--uri": arguments.uri,
        "--json": arguments.json,
        "--value": arguments.value,
        FROM_FILE: None if arguments.from_file is None else str(arguments.from_file),
    }
    given = given_values(kind, whole, arguments.field)
    check_given(given, allow_secret_arguments=arguments.allow_secret_arguments, is_terminal=is_a_terminal())
    configured = usable_configuration()
    access = {"kubeconfig": arguments.kubeconfig, "context": arguments.context}
    options = configured.options(**access, namespace=arguments.namespace)
    is_local = arguments.dry_run == "client"
    if not is_local:
        refuse_folder(options)
    lookup = Lookup(kind, arguments.id, arguments.team)
    namespace = options.namespaces[0] if arguments.namespace else namespace_for(lookup, options)
    data = {each.field or kind.data_key(options): read_value(each) for each in given}
    requested = RequestedSecret(lookup, data, bool(given[0].field), namespace, arguments.name, arguments.bundle)
    if is_local:
        checked = (
            checked_manifest(requested, options, namespace)
            if requested.bundle is None
            else checked_bundle(requested, requested.bundle, options, namespace)
        )
        _show(arguments, lookup, checked, "dry run")
        return _WRITTEN
    with closing(Cluster(options, arguments.as_user, writes_to=namespace or "")) as cluster:
        try:
            written = put(
                cluster,
                requested,
                options,
                configured,
                configured.options(**access),
                force=arguments.force,
                dry_run=arguments.dry_run is not None,
            )
        except ForbiddenError as error:
            is_own = options.kubeconfig is not None or arguments.as_user is not None
            if is_own or isinstance(error, ForbiddenByProxyError):
                raise
            remedy = _NO_ROLES if cluster.is_devserver() else _OWN_ACCOUNT
            raise ForbiddenError(f"{error}\n{remedy}", error.status) from None
    with reporting("" if arguments.dry_run else f"{lookup} was written"):
        return _report(arguments, lookup, written)


def _report(arguments: argparse.Namespace, lookup: Lookup, written: PutResult) -> int:
    """Print the result of a write, and return the exit status."""
    is_dry = arguments.dry_run is not None
    _show(arguments, lookup, written.checked, f"{written.change}, dry run" if is_dry else written.change)
    done = "would be written" if is_dry else "was written"
    if written.hidden:
        _fail(f"{lookup} {done}, but Airflow does not read it: {written.hidden}")
        return _REFUSED
    if written.not_read_back:
        _fail(f"{lookup} {done}, but could not be read back as Airflow reads it: {written.not_read_back}")
        return _ERROR
    return _WRITTEN


def _show(arguments: argparse.Namespace, lookup: Lookup, checked: CheckedManifest, change: str) -> None:
    """Print the result as one line.

    With ``--output``, the line goes to standard error, and the Secret to standard output.
    """
    for problem in checked.problems:
        print_message(f"{problem.severity.value}: {problem.text}")
    metadata = checked.manifest["metadata"]
    secret = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    verb = "would be" if arguments.dry_run else "is"
    line = f"{lookup} {verb} in Secret {secret} ({change})"
    if arguments.output is None:
        print_line(line)
        return
    print_message(line)
    print_document(checked.manifest, arguments.output)


def _fail(text: str) -> None:
    print_message(f"{PROGRAM} put: {text}")
