"""Builders of manifests: Secrets for Airflow, and resources of the tools that create Secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value

PREFIX = "airflow.apache.org/"
CONNECTION = f"{PREFIX}connection-id"
VARIABLE = f"{PREFIX}variable-key"
CONFIG = f"{PREFIX}config-key"
TEAM = f"{PREFIX}team"

# Every manifest contains this password, and no output may contain it.
PASSWORD = "hunter2-a/b@c"
URI = "postgres://user:hunter2-a%2Fb%40c@db.example.com/app"
FIELDS = {"conn_type": "postgres", "host": "db.example.com", "login": "app", "password": PASSWORD}

LONG = "team/orders@eu"
HASHED = label_value(LONG)

Manifest = dict[str, Any]


def labelled(**labels: str) -> dict[str, str]:
    """Return labels or annotations, with the prefix of their keys added."""
    return {PREFIX + key.replace("_", "-"): value for key, value in labels.items()}


def secret(name: str = "db", data: Any = None, **metadata: Any) -> Manifest:
    """Return a Secret, for the connection ``my_db`` unless labels are given."""
    labels = metadata.pop("labels", {CONNECTION: "my_db"})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "airflow", "labels": labels, **metadata},
        "stringData": FIELDS if data is None else data,
    }


def external(
    target: Any = None, spec: Any = None, version: str = "external-secrets.io/v1", name: str = "db", **metadata: Any
) -> Manifest:
    """Return an ExternalSecret for the connection ``my_db``, with all keys of a connection in its store."""
    return {
        "apiVersion": version,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "airflow", "labels": {CONNECTION: "my_db"}, **metadata},
        "spec": {
            "secretStoreRef": {"name": "aws"},
            **({} if target is None else {"target": target}),
            **({"dataFrom": [{"extract": {"key": "prod/db"}}]} if spec is None else spec),
        },
    }


def fetched(*keys: str) -> Manifest:
    return {"data": [{"secretKey": key, "remoteRef": {"key": "prod"}} for key in keys]}


def template(**parts: Any) -> Manifest:
    """Return a target whose template has the label."""
    return {"template": {"metadata": {"labels": {CONNECTION: "my_db"}}, **parts}}


def cluster_external(spec: Any = None, secret_metadata: Any = None, **metadata: Any) -> Manifest:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": "everywhere", **metadata},
        "spec": {
            "externalSecretName": "db",
            "externalSecretMetadata": {"labels": {CONNECTION: "my_db"}} if secret_metadata is None else secret_metadata,
            "externalSecretSpec": external(spec=spec)["spec"],
        },
    }


def vault(create: bool | None = True, labels: Any = None) -> Manifest:
    destination = {"name": "db", "create": create, "labels": {CONNECTION: "my_db"} if labels is None else labels}
    return {
        "apiVersion": "secrets.hashicorp.com/v1beta1",
        "kind": "VaultStaticSecret",
        "metadata": {"name": "db", "namespace": "airflow"},
        "spec": {"type": "kv-v2", "mount": "kv", "path": "db", "destination": destination},
    }


def sops_secret(labels: Any = None, stringData: Any = None) -> Manifest:  # noqa: N803  # the field's name
    one = {"name": "db", "labels": {CONNECTION: "my_db"} if labels is None else labels}
    return {
        "apiVersion": "isindir.github.com/v1alpha3",
        "kind": "SopsSecret",
        "metadata": {"name": "db", "namespace": "airflow"},
        "spec": {"secretTemplates": [{**one, "stringData": FIELDS if stringData is None else stringData}]},
    }


def one_password(labels: Any = None) -> Manifest:
    return {
        "apiVersion": "onepassword.com/v1",
        "kind": "OnePasswordItem",
        "metadata": {"name": "db", "labels": {CONNECTION: "my_db"} if labels is None else labels},
        "spec": {"itemPath": "vaults/a/items/b"},
    }


def secrets_store(key: str, labels: Any = None) -> Manifest:
    one = {"secretName": "db", "type": "Opaque", "data": [{"objectName": "x", "key": key}]}
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "azure"},
        "spec": {"secretObjects": [{**one, "labels": {CONNECTION: "my_db"} if labels is None else labels}]},
    }


def kustomization(labels: Any = None, **generator: Any) -> Manifest:
    options = {"labels": {CONNECTION: "my_db"} if labels is None else labels}
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "secretGenerator": [{"name": "db", **generator, "options": options}],
    }


def patch(**labels: str) -> Manifest:
    """Return a strategic merge patch of a Secret that contains only labels."""
    metadata = {"name": "db", "labels": labelled(**labels)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


CONNEKTION_POINTER = f"{PREFIX}conection-id".replace("/", "~1")

CIPHERTEXT = "ENC[AES256_GCM,data:9y1+pKd0fA==,iv:9c2V=,tag:3Y0m==,type:str]"
SOPS = {"sops": {"mac": CIPHERTEXT, "version": "3.9.0"}}


def sealed(secret_metadata: Any = None, keys: Sequence[str] = ("host", "password"), **parts: Any) -> Manifest:
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": "airflow", **parts.pop("metadata", {})},
        "spec": {
            "encryptedData": dict.fromkeys(keys, "AgBy3i4OJSWK"),
            "template": {
                "metadata": {"labels": {CONNECTION: "my_db"}} if secret_metadata is None else secret_metadata,
                **parts,
            },
        },
    }


def of_unknown_keys(**annotations: str) -> dict[str, Manifest]:
    """Return manifests with annotations, of Secrets whose keys another tool determines."""
    secret_metadata = labelled(**annotations)
    one = vault()
    one["spec"]["destination"]["annotations"] = secret_metadata
    generated = kustomization(envs=["db.env"])
    generated["secretGenerator"][0]["options"]["annotations"] = secret_metadata
    item = one_password()
    item["metadata"]["annotations"] = secret_metadata
    return {"external": external(annotations=secret_metadata), "vault": one, "kustomize": generated, "1Password": item}


OF_PORT = labelled(connection_port="5432")
