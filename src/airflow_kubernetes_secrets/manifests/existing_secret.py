"""The Secret that a write would change: which one it is, and why it must not be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, label_value
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import delete_secret, remove_label
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE, LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, problem_of_bundle
from airflow_kubernetes_secrets.manifests.requested_secret import RequestedSecret
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError
from airflow_kubernetes_secrets.messages.advice import command_lines
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def existing_secret(cluster: Cluster, lookup: Lookup, options: Options, namespace: str) -> StoredSecret | None:
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
            f"{lookup}: several Secrets have this id: {names}. Delete all but one, or remove their label:"
            + command_lines(remove_label(options.kubectl, namespace, "NAME", label))
        )
    return found[0] if found else None


def refuse_used_name(cluster: Cluster, lookup: Lookup, manifest: Mapping[str, Any]) -> None:
    """Refuse to overwrite a Secret of this name that is not for the id."""
    metadata = manifest["metadata"]
    if cluster.get(metadata["namespace"], metadata["name"]) is not None:
        raise NotWritableError(
            f"{lookup}: Secret {metadata['namespace']}/{metadata['name']} exists and is used for something else. It "
            "would be overwritten: choose another name with --name, or label that Secret if it is the right one"
        )


def refuse_managed_secret(cluster: Cluster, requested: RequestedSecret, before: StoredSecret) -> None:
    """Refuse a Secret that has another name, is managed by an operator, or is being deleted."""
    secret = before.secret
    if requested.name not in (None, secret.name):
        raise NotWritableError(
            f"{requested.lookup}: Secret {secret} has this id already, and there would be two. Omit --name to update "
            f"it, or delete it first:{command_lines(delete_secret(cluster.kubectl, secret.namespace, secret.name))}"
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


def refuse_shared_secret(lookup: Lookup, secret: Secret, options: Options) -> None:
    """Refuse a Secret that has the labels of two kinds, because writing one value would change the other."""
    labels = {kind: kind.label(options) for kind in Kind if kind is not lookup.kind}
    for kind, label in labels.items():
        if label is not None and label in secret.labels:
            raise NotWritableError(
                f"{lookup}: Secret {secret} is a {kind.word} too, which would change with it. Remove one of the "
                "labels, such as:" + command_lines(remove_label(options.kubectl, secret.namespace, secret.name, label))
            )


def refuse_another_use(lookup: Lookup, secret: Secret, labels: Mapping[str, str], options: Options) -> None:
    """Refuse a Secret that is not a bundle of this kind and team."""
    if (problem := problem_of_bundle(secret, options)) is not None:
        raise NotWritableError(f"{lookup}: {problem}")
    ours = (BUNDLE, options.team_label)
    if any(secret.labels.get(label) != labels.get(label) for label in ours if label is not None):
        raise NotWritableError(
            f"{lookup}: Secret {secret} exists and is not a bundle of {lookup.kind.plural} with the labels "
            f"{', '.join(f'{key}={value}' for key, value in labels.items())}. Choose another name with --bundle"
        )
