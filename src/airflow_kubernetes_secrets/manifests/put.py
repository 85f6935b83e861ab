"""Write the Secret of one id: which Secret is written, what is refused, and what Airflow reads afterwards.

First the API server applies the manifest as a dry run, and the result is read by the rules of a lookup. So keys and
annotations that others have added to the Secret are taken into account before anything is stored.

A write names the version of the Secret that was read. If another client has changed it since, the API server refuses
the write, and everything is read and checked again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from airflow_kubernetes_secrets.annotation_names import ANNOTATION_PREFIX, BUNDLE
from airflow_kubernetes_secrets.deployment.configuration import AirflowConfiguration
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    ForbiddenError,
    KubernetesSecretsError,
    MalformedSecretError,
    MissingSecretError,
    NotFoundError,
    UnauthorizedError,
)
from airflow_kubernetes_secrets.formats.single_key import fields_of_whole
from airflow_kubernetes_secrets.inventory.cluster import FIELD_MANAGER, Cluster
from airflow_kubernetes_secrets.inventory.content import READERS
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, label_value
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import on_secret
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.bundles import name_with_key
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Find, Lookup, decide, problem_of_bundle
from airflow_kubernetes_secrets.manifests.requested_secret import (
    CheckedManifest,
    RequestedSecret,
    checked_bundle,
    checked_manifest,
    labelled_lookup,
    secret_in_manifest,
)
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError, decide_alone
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.query import Query

PutChange = Literal["created", "updated", "unchanged"]

# How often the Secret is read and checked, if other clients change it before each write. Commands that write keys of
# one bundle at the same time are such clients.
_ATTEMPTS = 10


class _ChangedMeanwhileError(KubernetesSecretsError):
    """Another client has changed the Secret since it was read, so nothing was written."""


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
                return _write(cluster, requested, options, namespace, force=force, dry_run=dry_run)
            return _write_into(cluster, requested, requested.bundle, options, namespace, force=force, dry_run=dry_run)
        except _ChangedMeanwhileError:
            if attempt == _ATTEMPTS:
                raise
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


def _write(
    cluster: Cluster, requested: RequestedSecret, options: Options, namespace: str, *, force: bool, dry_run: bool
) -> PutResult:
    """Create or update the Secret, and read it back with these options."""
    checked = checked_manifest(requested, options, namespace)
    before = _existing(cluster, requested.lookup, options, namespace)
    if before is None:
        _refuse_used_name(cluster, requested.lookup, checked.manifest)
    else:
        _refuse_managed_secret(cluster, requested, before)
        _refuse_shared_secret(requested.lookup, before.secret, options)
        # Kubernetes does not allow the type of a Secret to change.
        metadata = {**checked.manifest["metadata"], "name": before.secret.name}
        checked = CheckedManifest(
            {**checked.manifest, "metadata": metadata, "type": before.type or "Opaque"}, checked.problems
        )
    labelled = labelled_lookup(requested.lookup, options, namespace)
    version = "" if before is None else before.resource_version
    planned = _apply(cluster, checked.manifest, version, force=force, dry_run=True)
    _refuse_another_reading(labelled, checked.manifest, planned.secret, options)
    if before is not None and requested.in_fields and not force:
        _refuse_lost_fields(requested.lookup, before.secret, planned.secret, options)
    stored, find = _store(cluster, checked.manifest, version, planned.secret, force=force, dry_run=dry_run)
    return _read_back(PutResult(checked, _change(before, planned)), requested.lookup, options, find, stored)


def _write_into(
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
        _refuse_managed_secret(cluster, requested, before)
        _refuse_another_use(requested.lookup, before.secret, manifest["metadata"]["labels"], options)
        manifest = {**manifest, "type": before.type or "Opaque"}
        checked = CheckedManifest(manifest, checked.problems)
    # Each key has a field manager of its own. An apply removes what its manager applied before and the manifest lacks,
    # so with one manager, writing one key would remove the others. The manifest could repeat them, but two commands at
    # the same time would then remove each other's keys. The API server limits the number of managers only for updates,
    # and an entry has about 300 bytes.
    [key] = manifest["data"]
    manager = f"{FIELD_MANAGER}-{sha256(key.encode()).hexdigest()[:16]}"
    version = "" if before is None else before.resource_version
    planned = _apply(cluster, manifest, version, force=force, dry_run=True, manager=manager)
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
        version: as for :func:`_apply`.
        planned: the Secret as the API server would store it.

    Returns:
        The Secret, and a function that finds Secrets as lookups would find them afterwards.
    """
    if dry_run:
        return planned, _find_as_if_stored(cluster, planned)
    return _apply(cluster, manifest, version, force=force, dry_run=False, manager=manager).secret, cluster.find


def _read_back(written: PutResult, lookup: Lookup, options: Options, find: Find, secret: Secret) -> PutResult:
    """Return the result, with the reason if a lookup does not read the Secret, or if that could not be checked."""
    try:
        return replace(written, hidden=_hidden(lookup, options, find, secret))
    except KubernetesSecretsError as error:
        return replace(written, not_read_back=str(error))


def _refuse_another_use(lookup: Lookup, secret: Secret, labels: Mapping[str, str], options: Options) -> None:
    """Refuse a Secret that is not a bundle of this kind and team."""
    if (problem := problem_of_bundle(secret, options)) is not None:
        raise NotWritableError(f"{lookup}: {problem}")
    ours = (BUNDLE, options.team_label)
    if any(secret.labels.get(label) != labels.get(label) for label in ours if label is not None):
        raise NotWritableError(
            f"{lookup}: Secret {secret} exists and is not a bundle of {lookup.kind.plural} with the labels "
            f"{', '.join(f'{key}={value}' for key, value in labels.items())}. Choose another name with --bundle"
        )


def _existing(cluster: Cluster, lookup: Lookup, options: Options, namespace: str) -> StoredSecret | None:
    """Return the Secret in this namespace for the id and team of the lookup; ``None`` if there is none.

    Raises:
        NotWritableError: there are several.
    """
    label = lookup.kind.label(options)
    if label is None:  # `checked_manifest` has refused this case
        return None
    teams: Sequence[str | None] = (lookup.team,)
    if lookup.team and options.team_namespaces.get(lookup.team) == namespace:
        # In the team's own namespace, a Secret without a team's label belongs to the team.
        teams = (lookup.team, None)
    found = [
        each
        for page in cluster.pages(namespace, LabelSelector.equal(label, label_value(lookup.id)))
        for each in page
        if identifier_of(each.secret, label) == lookup.id
        and (options.team_label is None or each.secret.labels.get(options.team_label) in teams)
    ]
    if len(found) > 1:
        names = first_names(sorted(str(each.secret) for each in found), len(found))
        raise NotWritableError(
            f"{lookup}: several Secrets have this id: {names}. Delete all but one, or remove their label: "
            f"{on_secret(options.kubectl, 'label', namespace, 'NAME', f'{label}-')}"
        )
    return found[0] if found else None


def _refuse_used_name(cluster: Cluster, lookup: Lookup, manifest: Mapping[str, Any]) -> None:
    """Refuse to overwrite a Secret of this name that is not for the id."""
    metadata = manifest["metadata"]
    if cluster.get(metadata["namespace"], metadata["name"]) is not None:
        raise NotWritableError(
            f"{lookup}: Secret {metadata['namespace']}/{metadata['name']} exists and is used for something else. It "
            "would be overwritten: choose another name with --name, or label that Secret if it is the right one"
        )


def _refuse_managed_secret(cluster: Cluster, requested: RequestedSecret, before: StoredSecret) -> None:
    """Refuse a Secret that has another name, is managed by an operator, or is being deleted."""
    secret = before.secret
    if requested.name not in (None, secret.name):
        raise NotWritableError(
            f"{requested.lookup}: Secret {secret} has this id already, and there would be two. Omit --name "
            f"to update it, or delete it first: {on_secret(cluster.kubectl, 'delete', secret.namespace, secret.name)}"
        )
    if before.owner is not None and before.owner.controls:
        raise NotWritableError(
            f"{requested.lookup}: Secret {secret} is managed by {before.owner}, which would undo the change. Change it "
            "there"
        )
    if before.is_being_deleted:
        raise NotWritableError(
            f"{requested.lookup}: Secret {secret} is being deleted and waits for a finalizer. Try again when it is gone"
        )


def _refuse_shared_secret(lookup: Lookup, secret: Secret, options: Options) -> None:
    """Refuse a Secret that has the labels of two kinds, because writing one value would change the other."""
    labels = {kind: kind.label(options) for kind in Kind if kind is not lookup.kind}
    for kind, label in labels.items():
        if label is not None and label in secret.labels:
            raise NotWritableError(
                f"{lookup}: Secret {secret} is a {kind.word} too, which would change with it. Remove one of the "
                f"labels, such as: {on_secret(options.kubectl, 'label', secret.namespace, secret.name, f'{label}-')}"
            )


def _apply(
    cluster: Cluster,
    manifest: Mapping[str, Any],
    version: str,
    *,
    force: bool,
    dry_run: bool,
    manager: str = FIELD_MANAGER,
) -> StoredSecret:
    """Apply the manifest, and add the remedy to an error.

    Args:
        version: the ``resourceVersion`` that the Secret must still have; empty if there was no Secret.

    Raises:
        _ChangedMeanwhileError: it has another one.
    """
    metadata = manifest["metadata"]
    secret = printable(f"{metadata['namespace']}/{metadata['name']}")
    unchanged = {**manifest, "metadata": {**metadata, "resourceVersion": version}} if version else manifest
    try:
        return cluster.apply(unchanged, force=force, dry_run=dry_run, manager=manager)
    except NotFoundError as error:
        # An apply creates the Secret, so only its namespace can be missing.
        namespace = metadata["namespace"]
        raise KubernetesSecretsError(f"{error}. Create it: {cluster.kubectl} create namespace {namespace}") from None
    except (ForbiddenError, UnauthorizedError):
        raise
    except ApiError as error:
        raise _refusal(error, secret, cluster, metadata) or error from None
    except ApiUnavailableError as error:
        if "failed calling webhook" not in error.problem:
            raise
        raise KubernetesSecretsError(
            f"Secret {secret}: the API server cannot write it: {error.problem}. Have an administrator repair this "
            "webhook"
        ) from None


def _refusal(
    error: ApiError, secret: str, cluster: Cluster, metadata: Mapping[str, Any]
) -> KubernetesSecretsError | None:
    """Return the error for a Secret that the API server refuses, with the remedy; ``None`` for another error."""
    text = str(error)
    # https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
    if error.status == 403 or re.search("denied (the )?request", text):
        return NotWritableError(
            f"Secret {secret}: {text}. A rule of the cluster refuses this, whatever the permissions. Comply with the "
            "rule, or choose another namespace with --namespace"
        )
    if error.status == 409 and "Apply failed" in text:
        return NotWritableError(
            f"Secret {secret}: other field managers own a part of it, and would undo the change: {text}. Change it "
            "there, or take it over with --force"
        )
    if error.status == 409 and "object has been modified" in text:
        return _ChangedMeanwhileError(
            f"Secret {secret}: another client changed it before each of {_ATTEMPTS} attempts to write it. Nothing was "
            "written. Run the command again, or stop the client"
        )
    if error.status == 422:
        remedy = ""
        if "`immutable` is set" in text:
            command = on_secret(cluster.kubectl, "delete", metadata["namespace"], metadata["name"])
            remedy = f". It is immutable ('immutable: true'). Delete it first: {command}"
        return NotWritableError(f"Secret {secret}: {text}{remedy}")
    return None


def _refuse_another_reading(lookup: Lookup, manifest: Mapping[str, Any], result: Secret, options: Options) -> None:
    """Refuse a Secret in which other keys or annotations change what Airflow would read."""
    if _reads_the_same(lookup, secret_in_manifest(manifest), result, options):
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
        "value. Include what they add, delete the Secret, or remove what is not needed:"
        + "".join(f"\n  {each}" for each in remedies)
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
        f"write them into a file and run:\n  {patch} --patch-file FILE"
    )


def _reads_the_same(lookup: Lookup, meant: Secret, result: Secret, options: Options) -> bool:
    """Return whether Airflow would read the same value from both Secrets."""
    texts = set()
    for secret in (meant, result):
        try:
            decision = decide_alone(lookup, secret, options)
            if decision.secret is None:
                return False
            texts.add(_comparable(lookup.kind, READERS[lookup.kind](decision.secret, decision.data_key)))
        except MalformedSecretError:
            return False
    return len(texts) == 1


def _comparable(kind: Kind, stored: str) -> str:
    """Return a value in a form that can be compared: a connection, which can be a URI or JSON, as sorted JSON."""
    if kind is not Kind.CONNECTION:
        return stored
    fields = fields_of_whole(stored)
    extra = fields.get("extra")
    if isinstance(extra, str) and extra:
        with suppress(ValueError, RecursionError):
            fields["extra"] = json.loads(extra)
    return json.dumps({name: value for name, value in fields.items() if value}, sort_keys=True)


def _change(before: StoredSecret | None, result: StoredSecret) -> PutChange:
    """Return whether the Secret is created, updated or unchanged."""
    if before is None:
        return "created"
    old, new = before.secret, result.secret
    same = old.data == new.data and old.labels == new.labels and old.annotations == new.annotations
    return "unchanged" if same else "updated"


def _find_as_if_stored(cluster: Cluster, secret: Secret) -> Find:
    """Return a function that finds Secrets as if this one were stored."""

    def find(query: Query, time: TimeBudget) -> Sequence[Secret]:
        others = [each for each in cluster.find(query, time) if str(each) != str(secret)]
        is_there = cluster.namespace(query.namespace) == secret.namespace and query.matches(secret)
        return [*others, secret] if is_there else others

    return find


def _hidden(lookup: Lookup, options: Options, find: Find, secret: Secret) -> str:
    """Return why a lookup does not read this Secret, with the remedy; empty if it does."""
    try:
        decision = decide(lookup, options, find)
    except (MalformedSecretError, MissingSecretError) as error:
        return f"the lookup fails before it reaches the Secret: {error}"
    selected = decision.secret
    if selected is None:
        return f"Airflow does not find it: {decision.outcome}"
    if str(selected) == str(secret):
        labelled = labelled_lookup(lookup, options, selected.namespace)
        return "" if _reads_the_same(labelled, secret, selected, options) else "another client has changed it since"
    if selected.bundle_key:
        return f"Secret {name_with_key(selected)} comes first in Airflow's order and is used. Remove that key"
    label = lookup.kind.label(options)
    return (
        f"Secret {selected} comes first in Airflow's order and is used. Delete it, or remove its label: "
        f"{on_secret(options.kubectl, 'label', selected.namespace, selected.name, f'{label}-')}"
    )
