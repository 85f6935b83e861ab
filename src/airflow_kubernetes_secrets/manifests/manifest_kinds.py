"""Which Secrets a manifest makes, by its kind: its own Secret or ConfigMap, or those of another tool's resource."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow_kubernetes_secrets.inventory.content import UNREADABLE
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, quoted_data_key
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, SECRETS
from airflow_kubernetes_secrets.kubernetes.unprocessed import SOPS, is_encrypted_by_sops, tools_by_key
from airflow_kubernetes_secrets.lookup.kinds import selecting_labels
from airflow_kubernetes_secrets.manifests.external_secrets import (
    planned_by_cluster_external_secret,
    planned_by_external_secret,
)
from airflow_kubernetes_secrets.manifests.kustomize import is_kustomization
from airflow_kubernetes_secrets.manifests.operators import (
    planned_by_one_password,
    planned_by_sealed_secret,
    planned_by_secrets_store,
    planned_by_sops,
    planned_by_vault,
)
from airflow_kubernetes_secrets.manifests.planned_secret import PlannedSecret, has_airflow_label, name_for_messages
from airflow_kubernetes_secrets.manifests.secret_generators import planned_by_kustomization
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def planned_secrets(document: object, options: Options, file: str = "") -> list[PlannedSecret]:
    """Return the Secrets that a manifest makes; none if it makes no Secrets.

    Args:
        document: one manifest, which is not a List.
        file: the name of its file; see :func:`is_kustomization`.
    """
    if not isinstance(document, dict):
        return []
    is_core = document.get("apiVersion") in ("v1", None)
    if is_core and document.get("kind") == SECRETS.kind:
        return list(_planned_by_itself(document, options))
    if is_core and document.get("kind") == CONFIG_MAPS.kind:
        annotations = mapping(mapping(document, "metadata"), "annotations")
        is_for_airflow = has_airflow_label(document, options) or any(
            isinstance(key, str) and key.startswith(ANNOTATION_PREFIX) for key in annotations
        )
        return list(_planned_by_itself(document, options)) if is_for_airflow else []
    if is_kustomization(document, file):
        return list(planned_by_kustomization(document, options))
    kind, version = str(document.get("kind") or ""), str(document.get("apiVersion") or "")
    read = _READERS.get((version, kind)) or _READERS.get((version.partition("/")[0], kind))
    return [] if read is None else list(read(document, options))


def _planned_by_itself(document: dict[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret or ConfigMap of its own manifest."""
    metadata = mapping(document, "metadata")
    labels = mapping(metadata, "labels")
    title = f"{document['kind']} {name_for_messages(metadata)}"
    is_labelled = bool(labels.keys() & selecting_labels(options))
    tools = tools_by_key(document)
    problems = [
        Problem(
            UNREADABLE,
            f"{title}, key {quoted_data_key(key)}: it is ciphertext of SOPS, and the manifest has no 'sops' with which "
            "it could be decrypted. Encrypt it again with sops",
        )
        for key, tool in tools.items()
        if tool is SOPS and is_labelled and not is_encrypted_by_sops(document)
    ]
    yield PlannedSecret(
        document,
        is_labelled,
        problems=tuple(problems[:1]),
        reaching=(labels, mapping(metadata, "annotations")),
        title=title,
    )


# The first part of a key is an API version, or a group if every version of the resource is read.
_READERS: Mapping[tuple[str, str], Callable[[Mapping[str, Any], Options], Iterator[PlannedSecret]]] = {
    **{
        (f"external-secrets.io/{version}", kind): read
        for version in ("v1", "v1beta1", "v1alpha1")
        for kind, read in (
            ("ExternalSecret", planned_by_external_secret),
            ("ClusterExternalSecret", planned_by_cluster_external_secret),
        )
    },
    ("bitnami.com/v1alpha1", "SealedSecret"): planned_by_sealed_secret,
    **{
        ("secrets.hashicorp.com", kind): planned_by_vault
        for kind in ("VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret", "HCPVaultSecretsApp")
    },
    ("isindir.github.com", "SopsSecret"): planned_by_sops,
    ("onepassword.com", "OnePasswordItem"): planned_by_one_password,
    ("secrets-store.csi.x-k8s.io", "SecretProviderClass"): planned_by_secrets_store,
}
