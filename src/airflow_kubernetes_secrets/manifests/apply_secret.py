"""Apply the manifest of a Secret, and name the remedy if the API server refuses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    ForbiddenError,
    KubernetesSecretsError,
    NotFoundError,
    UnauthorizedError,
)
from airflow_kubernetes_secrets.inventory.cluster import FIELD_MANAGER, Cluster
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import create_namespace, delete_secret
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError
from airflow_kubernetes_secrets.messages.advice import command_lines
from airflow_kubernetes_secrets.messages.printable import printable


class ChangedMeanwhileError(KubernetesSecretsError):
    """Another client has changed the Secret since it was read, so nothing was written."""


def apply_secret(
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
        ChangedMeanwhileError: it has another one.
        NotWritableError: the API server refuses the Secret.
        KubernetesSecretsError: the request failed.
    """
    metadata = manifest["metadata"]
    secret = printable(f"{metadata['namespace']}/{metadata['name']}")
    unchanged = {**manifest, "metadata": {**metadata, "resourceVersion": version}} if version else manifest
    try:
        return cluster.apply(unchanged, force=force, dry_run=dry_run, manager=manager)
    except NotFoundError as error:
        # An apply creates the Secret, so only its namespace can be missing.
        command = create_namespace(cluster.kubectl, metadata["namespace"])
        raise KubernetesSecretsError(f"{error}. Create it:{command_lines(command)}") from None
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
        return ChangedMeanwhileError(f"Secret {secret}: another client changed it")
    if error.status == 422:
        remedy = ""
        if "`immutable` is set" in text:
            command = delete_secret(cluster.kubectl, metadata["namespace"], metadata["name"])
            remedy = f". It is immutable ('immutable: true'). Delete it first:{command_lines(command)}"
        return NotWritableError(f"Secret {secret}: {text}{remedy}")
    return None
