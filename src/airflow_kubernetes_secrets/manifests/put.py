"""Write the Secret of one id: which Secret is written, what is refused, and what Airflow reads afterwards.

First the API server applies the manifest as a dry run, and the result is read by the rules of a lookup. So keys and
annotations that others have added to the Secret are taken into account before anything is stored.

A write names the version of the Secret that was read. If another client has changed it since, the API server refuses
the write, and everything is read and checked again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.cluster import FIELD_MANAGER, Cluster
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import on_secret
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.selection import Find, Lookup
from airflow_kubernetes_secrets.manifests.apply_secret import ChangedMeanwhileError, apply_secret
from airflow_kubernetes_secrets.manifests.existing_secret import (
    existing_secret,
    refuse_another_use,
    refuse_managed_secret,
    refuse_shared_secret,
    refuse_used_name,
)
from airflow_kubernetes_secrets.manifests.read_back import find_as_if_stored, reads_the_same, why_not_selected
from airflow_kubernetes_secrets.manifests.requested_secret import (
    CheckedManifest,
    RequestedSecret,
    checked_bundle,
    checked_manifest,
    labelled_lookup,
    secret_in_manifest,
)
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError
from airflow_kubernetes_secrets.messages.advice import command_lines
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options

PutChange = Literal["created", "updated", "unchanged"]

# How often the Secret is read and checked, if other clients change it before each write. Commands that write keys of
# one bundle at the same time are such clients.
_ATTEMPTS = 10


@dataclass(frozen=True)
class PutResult:
    """What was written, or would be written by a dry run.

    Attributes:
        checked: the manifest of the Secret.
        change: what happened to the Secret.
        hidden: why Airflow reads something else, with the remedy; empty if it reads this Secret.
        not_read_back: why the Secret could not be read back; empty if it could.
    """

    checked: CheckedManifest
    change: PutChange
    hidden: str = ""
    not_read_back: str = ""


def refuse_folder(options: Options) -> None:
    """Refuse options with which Airflow reads a folder, because there is no API to write to.

    Raises:
        NotWritableError: Airflow reads a folder.
    """
    if options.path is not None:
        raise NotWritableError(
            f"Airflow reads the folder {printable(options.path)} instead of an API ('path' in backend_kwargs). "
            "Write a manifest into it: run this command with --dry-run=client -o yaml, and redirect the output "
            "to a file there. Or choose an API with --kubeconfig"
        )


def put(
    cluster: Cluster,
    requested: RequestedSecret,
    options: Options,
    configured: AirflowConfiguration,
    airflow_options: Options,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> PutResult:
    """Create or update the Secret, and read it back as Airflow does.

    Args:
        options: the options of the command, which select the namespace.
        configured: Airflow's configuration.
        airflow_options: Airflow's own options for the API server of ``cluster``, without the command's ``--namespace``.
        force: whether to take over keys that others manage, and to remove fields of a connection that are not given.
        dry_run: whether the API server only checks the Secret and does not store it.

    Raises:
        NotWritableError: the Secret is refused, and nothing was written.
        KubernetesSecretsError: a request failed. If the response to the last request was lost, the Secret may have been
            written; running the command again fixes that.
    """
    namespace = cluster.namespace(requested.namespace)
    # If Airflow searches the namespace that is written to, the Secret is read back with all of Airflow's namespaces.
    looked_up = airflow_options if namespace in (airflow_options.namespace or ()) else options
    written = _write_what_was_checked(cluster, requested, looked_up, namespace, force=force, dry_run=dry_run)
    return _marked_if_not_searched(written, configured, requested.lookup, namespace)


def _write_what_was_checked(
    cluster: Cluster, requested: RequestedSecret, options: Options, namespace: str, *, force: bool, dry_run: bool
) -> PutResult:
    """Write the Secret or the key of a bundle. If another client changes the Secret meanwhile, check it again."""
    attempt = 1
    while True:
        try:
            if requested.bundle is None:
                return _write_own_secret(cluster, requested, options, namespace, force=force, dry_run=dry_run)
            return _write_bundle_key(
                cluster, requested, requested.bundle, options, namespace, force=force, dry_run=dry_run
            )
        except ChangedMeanwhileError as error:
            if attempt == _ATTEMPTS:
                raise KubernetesSecretsError(
                    f"{error} before each of {_ATTEMPTS} attempts to write it. Nothing was written. Run the command "
                    "again, or stop the client"
                ) from None
            attempt += 1


def _marked_if_not_searched(
    written: PutResult, configured: AirflowConfiguration, lookup: Lookup, namespace: str
) -> PutResult:
    """Return the result, marked as hidden if Airflow does not search the namespace that was written to."""
    options = configured.options()
    if not configured.backend or options.namespace is None:
        return written  # it is unknown which namespace Airflow searches
    if namespace in (*options.namespace, options.team_namespaces.get(lookup.team or "")):
        return written
    return replace(
        written,
        hidden=f"Airflow does not search namespace {namespace}: 'namespace' in backend_kwargs "
        f"is {', '.join(options.namespace)}. Use one of these, or add the namespace to the option",
    )


def _write_own_secret(
    cluster: Cluster, requested: RequestedSecret, options: Options, namespace: str, *, force: bool, dry_run: bool
) -> PutResult:
    """Create or update the Secret, and read it back with these options."""
    checked = checked_manifest(requested, options, namespace)
    before = existing_secret(cluster, requested.lookup, options, namespace)
    if before is None:
        refuse_used_name(cluster, requested.lookup, checked.manifest)
    else:
        refuse_managed_secret(cluster, requested, before)
        refuse_shared_secret(requested.lookup, before.secret, options)
        # Kubernetes does not allow the type of a Secret to change.
        metadata = {**checked.manifest["metadata"], "name": before.secret.name}
        checked = CheckedManifest(
            {**checked.manifest, "metadata": metadata, "type": before.type or "Opaque"}, checked.problems
        )
    labelled = labelled_lookup(requested.lookup, options, namespace)
    version = "" if before is None else before.resource_version
    planned = apply_secret(cluster, checked.manifest, version, force=force, dry_run=True)
    _refuse_another_reading(labelled, checked.manifest, planned.secret, options)
    if before is not None and requested.in_fields and not force:
        _refuse_lost_fields(requested.lookup, before.secret, planned.secret, options)
    stored, find = _store(cluster, checked.manifest, version, planned.secret, force=force, dry_run=dry_run)
    return _read_back(PutResult(checked, _change(before, planned)), requested.lookup, options, find, stored)


def _write_bundle_key(
    cluster: Cluster,
    requested: RequestedSecret,
    bundle: str,
    options: Options,
    namespace: str,
    *,
    force: bool,
    dry_run: bool,
) -> PutResult:
    """Create or update one key of a bundle, and read it back with these options. Other keys are not affected."""
    before = cluster.get(namespace, bundle)
    present = () if before is None else before.secret.data
    checked = checked_bundle(requested, bundle, options, namespace, present)
    manifest = checked.manifest
    if before is not None:
        refuse_managed_secret(cluster, requested, before)
        refuse_another_use(requested.lookup, before.secret, manifest["metadata"]["labels"], options)
        manifest = {**manifest, "type": before.type or "Opaque"}
        checked = CheckedManifest(manifest, checked.problems)
    # Each key has a field manager of its own. An apply removes what its manager applied before and the manifest lacks,
    # so with one manager, writing one key would remove the others. The manifest could repeat them, but two commands at
    # the same time would then remove each other's keys. The API server limits the number of managers only for updates,
    # and an entry has about 300 bytes.
    [key] = manifest["data"]
    manager = f"{FIELD_MANAGER}-{sha256(key.encode()).hexdigest()[:16]}"
    version = "" if before is None else before.resource_version
    planned = apply_secret(cluster, manifest, version, force=force, dry_run=True, manager=manager)
    stored, find = _store(cluster, manifest, version, planned.secret, force=force, dry_run=dry_run, manager=manager)
    written = PutResult(checked, _change(before, planned))
    if not options.bundles:
        return replace(written, hidden="lookups read bundles only if bundles is true in backend_kwargs. Switch it on")
    return _read_back(written, requested.lookup, options, find, stored)


def _store(
    cluster: Cluster,
    manifest: Mapping[str, Any],
    version: str,
    planned: Secret,
    *,
    force: bool,
    dry_run: bool,
    manager: str = FIELD_MANAGER,
) -> tuple[Secret, Find]:
    """Store the Secret, unless this is a dry run.

    Args:
        version: as for :func:`.apply_secret`.
        planned: the Secret as the API server would store it.

    Returns:
        The Secret, and a function that finds Secrets as lookups would find them afterwards.
    """
    if dry_run:
        return planned, find_as_if_stored(cluster, planned)
    return apply_secret(cluster, manifest, version, force=force, dry_run=False, manager=manager).secret, cluster.find


def _read_back(written: PutResult, lookup: Lookup, options: Options, find: Find, secret: Secret) -> PutResult:
    """Return the result, with the reason if a lookup does not read the Secret, or if that could not be checked."""
    try:
        return replace(written, hidden=why_not_selected(lookup, options, find, secret))
    except KubernetesSecretsError as error:
        return replace(written, not_read_back=str(error))


def _refuse_another_reading(lookup: Lookup, manifest: Mapping[str, Any], result: Secret, options: Options) -> None:
    """Refuse a Secret in which other keys or annotations change what Airflow would read."""
    if reads_the_same(lookup, secret_in_manifest(manifest), result, options):
        return
    remedies = []
    keys = sorted(result.data.keys() - manifest["data"].keys())
    if keys:
        patch = json.dumps([{"op": "remove", "path": f"/data/{key}"} for key in keys])
        remedies.append(on_secret(options.kubectl, "patch", result.namespace, result.name, "--type=json", "-p", patch))
    mine = manifest["metadata"].get("annotations", {})
    annotations = [key for key in result.annotations or () if key not in mine and key.startswith(ANNOTATION_PREFIX)]
    if annotations:
        remedies.append(
            on_secret(options.kubectl, "annotate", result.namespace, result.name, *(f"{key}-" for key in annotations))
        )
    others = first_names(map(repr, [*keys, *annotations]), len(keys) + len(annotations)) or "changes"
    raise NotWritableError(
        f"{lookup}: Secret {result} has {others} from other sources, with which Airflow would read a different "
        "value. Include what they add, delete the Secret, or remove what is not needed:" + command_lines(*remedies)
    )


def _refuse_lost_fields(lookup: Lookup, before: Secret, result: Secret, options: Options) -> None:
    """Refuse to remove fields of a connection that are not given again, such as the host with a new password.

    A connection that was in one key is replaced as a whole.
    """
    lost = sorted(before.data.keys() - result.data.keys())
    if not lost or lookup.kind.data_key(options) in before.data:
        return
    patch = on_secret(options.kubectl, "patch", before.namespace, before.name)
    raise NotWritableError(
        f"{lookup}: Secret {before} would lose {first_names(map(repr, lost), len(lost))}, because --field has to name "
        "all fields of the connection. Add these fields, or remove them with --force. To change only some keys, "
        f"write them into a file and run:{command_lines(f'{patch} --patch-file FILE')}"
    )


def _change(before: StoredSecret | None, result: StoredSecret) -> PutChange:
    """Return whether the Secret is created, updated or unchanged."""
    if before is None:
        return "created"
    old, new = before.secret, result.secret
    same = old.data == new.data and old.labels == new.labels and old.annotations == new.annotations
    return "unchanged" if same else "updated"
