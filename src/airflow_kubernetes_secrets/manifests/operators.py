"""The Secrets that the resources of operators make, as far as their manifests specify them.

- Sealed Secrets: https://github.com/bitnami-labs/sealed-secrets. ``docs/how-to/sealed-secrets.md`` describes how labels
  and keys get into the Secret
- Vault Secrets Operator: https://developer.hashicorp.com/vault/docs/deploy/kubernetes/vso/api-reference
- sops-secrets-operator: https://github.com/isindir/sops-secrets-operator
- 1Password: https://github.com/1Password/onepassword-operator
- Secrets Store CSI Driver: https://secrets-store-csi-driver.sigs.k8s.io/topics/sync-as-kubernetes-secret
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping, mappings
from airflow_kubernetes_secrets.manifests.go_templates import values_with_actions, values_without_actions
from airflow_kubernetes_secrets.manifests.planned_secret import (
    LABEL_LOST,
    PlannedSecret,
    Propagation,
    manifest_of,
    name_for_messages,
)
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def planned_by_sealed_secret(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret of a SealedSecret."""
    metadata, spec = mapping(document, "metadata"), mapping(document, "spec")
    template = mapping(spec, "template")
    secret_metadata = mapping(template, "metadata")
    propagation = Propagation(
        f"SealedSecret {name_for_messages(metadata)}",
        (metadata,),
        "spec.template.metadata",
        "the controller reads it only from the template",
    )
    missing_annotations, problems = propagation.missing(secret_metadata, options)
    # Old SealedSecrets have all data encrypted in one piece.
    is_whole = spec.get("data") is not None
    written = values_without_actions(template)
    keys = mapping(spec, "encryptedData").keys() | mapping(template, "data").keys()
    # The controller takes name and namespace from the SealedSecret, and ignores those in the template.
    yield PlannedSecret(
        manifest_of(
            metadata.get("name"),
            metadata.get("namespace"),
            secret_metadata,
            () if is_whole else keys,
            written,
            secret_type=template.get("type"),
        ),
        propagation.is_labelled(secret_metadata, options),
        keys_are_known=not is_whole,
        unknown=frozenset(keys) - written.keys(),
        templates=values_with_actions(template),
        missing_annotations=missing_annotations,
        problems=problems,
        **propagation.label_mappings(secret_metadata),
    )


def planned_by_vault(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret of a resource of Vault Secrets Operator."""
    metadata = mapping(document, "metadata")
    target = mapping(mapping(document, "spec"), "destination")
    title = f"{document['kind']} {name_for_messages(metadata)}"
    propagation = Propagation(title, (metadata,), "spec.destination", "Vault Secrets Operator reads it only from there")
    missing_annotations, problems = propagation.missing(target, options)
    if propagation.is_labelled(target, options) and target.get("create") is not True:
        text = (
            f"{title}: labels of spec.destination reach the Secret only if 'create' is true; otherwise another "
            "tool must create the Secret. Set spec.destination.create to true, or label the Secret where it is created"
        )
        problems = (*problems, Problem(LABEL_LOST, text))
    yield PlannedSecret(
        manifest_of(target.get("name"), metadata.get("namespace"), target, ()),
        propagation.is_labelled(target, options),
        keys_are_known=False,
        missing_annotations=missing_annotations,
        problems=problems,
        **propagation.label_mappings(target),
    )


def planned_by_sops(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secrets of a SopsSecret."""
    metadata, spec = mapping(document, "metadata"), mapping(document, "spec")
    field = "secretTemplates" if "secretTemplates" in spec else "secret_templates"
    for template in mappings(spec.get(field)):
        title = f"SopsSecret {name_for_messages(metadata)}"
        propagation = Propagation(title, (metadata,), f"spec.{field}[]", "the operator reads it only from the template")
        missing_annotations, problems = propagation.missing(template, options)
        secret_metadata = {part: template.get(part) for part in ("labels", "annotations")}
        yield PlannedSecret(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": template.get("type"),
                "metadata": {"name": template.get("name"), "namespace": metadata.get("namespace"), **secret_metadata},
                "data": template.get("data"),
                "stringData": template.get("stringData"),
            },
            propagation.is_labelled(template, options),
            missing_annotations=missing_annotations,
            problems=problems,
            **propagation.label_mappings(template),
        )


def planned_by_one_password(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret of a OnePasswordItem."""
    metadata = mapping(document, "metadata")
    propagation = Propagation(
        f"OnePasswordItem {name_for_messages(metadata)}", (), "metadata", "the operator copies it only from there"
    )
    yield PlannedSecret(
        manifest_of(metadata.get("name"), metadata.get("namespace"), metadata, ()),
        propagation.is_labelled(metadata, options),
        keys_are_known=False,
        **propagation.label_mappings(metadata),
    )


def planned_by_secrets_store(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secrets of a SecretProviderClass."""
    metadata = mapping(document, "metadata")
    title = f"SecretProviderClass {name_for_messages(metadata)}"
    objects = mappings(mapping(document, "spec").get("secretObjects"))
    propagation = Propagation(title, (metadata,), "spec.secretObjects[]", "the driver reads it only from there")
    for each in objects:
        missing_annotations, problems = propagation.missing(each, options)
        keys = {str(item.get("key")) for item in mappings(each.get("data"))}
        yield PlannedSecret(
            manifest_of(each.get("secretName"), metadata.get("namespace"), each, keys, secret_type=each.get("type")),
            propagation.is_labelled(each, options),
            unknown=frozenset(keys),
            missing_annotations=missing_annotations,
            problems=problems,
            **propagation.label_mappings(each),
        )
