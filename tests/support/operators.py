"""The Secrets that operators create from custom resources, by the rules in their sources, which each function cites.

The rules are implemented here because none of the operators runs in a test.
"""

from __future__ import annotations

import json
import re
import runpy
import tempfile
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

Manifest = dict[str, Any]


def secret(name: str, namespace: str, data: Mapping[str, str], type: str = "Opaque", **metadata: Any) -> Manifest:
    """Return a Secret as the API stores it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "type": type,
        "data": {key: _base64(value) for key, value in data.items()},
    }


def created_by_external_secret(resource: Manifest, store: Mapping[str, Mapping[str, Any]]) -> Manifest:
    """Return the Secret that External Secrets Operator creates.

    ``setMetadata`` and ``ApplyTemplate`` in ``pkg/controllers/externalsecret/externalsecret_controller_template.go``,
    ``apis/externalsecrets/v1/externalsecret_types.go`` (labels and annotation of its own), and for the values
    ``providers/v1/aws/secretsmanager/secretsmanager.go``, at cc5bfbc22.

    Args:
        store: JSON objects by the key in the store.
    """
    metadata, spec = resource["metadata"], resource["spec"]
    target = spec.get("target", {})
    template = target.get("template")
    fetched: dict[str, str] = {}
    for source in spec.get("dataFrom", []):
        properties = store[source["extract"]["key"]]
        fetched |= {re.sub("[^-._a-zA-Z0-9]", "_", key): _json_text(value) for key, value in properties.items()}
    for each in spec.get("data", []):
        reference = each["remoteRef"]
        fetched[each["secretKey"]] = _json_text(store[reference["key"]][reference["property"]])
    if template is None:
        target_metadata, data = metadata, fetched
    else:
        target_metadata, templated = template.get("metadata", {}), template.get("data", {})
        assert "{{" not in str(templated), "templates are not executed here"
        keeps = template.get("mergePolicy") == "Merge" or not templated
        data = {**(fetched if keeps else {}), **templated}
    return secret(
        target.get("name", metadata["name"]),
        metadata["namespace"],
        data,
        (template or {}).get("type", "Opaque"),
        labels={
            **target_metadata.get("labels", {}),
            "reconcile.external-secrets.io/managed": "true",
            "reconcile.external-secrets.io/created-by": "0" * 56,
        },
        annotations={**target_metadata.get("annotations", {}), "reconcile.external-secrets.io/data-hash": "0" * 56},
        ownerReferences=[_owner(resource)],
    )


def sealed(plain: Manifest) -> Manifest:
    """Return the SealedSecret that ``kubeseal`` creates from a Secret, with empty strings for the encrypted values.

    ``NewSealedSecret`` in ``pkg/apis/sealedsecrets/v1alpha1/sealedsecret_expansion.go`` of Sealed Secrets.
    """
    metadata = plain["metadata"]
    template = {"metadata": metadata, **({"type": plain["type"]} if "type" in plain else {})}
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": {"encryptedData": dict.fromkeys(plain["stringData"], ""), "template": template},
    }


def created_by_sealed_secret(resource: Manifest, values: Mapping[str, str]) -> Manifest:
    """Return the Secret that Sealed Secrets creates: ``Unseal`` in the file that :func:`sealed` names.

    Args:
        values: the decrypted values.
    """
    template = resource["spec"].get("template", {})
    target_metadata = {**template.get("metadata", {}), "ownerReferences": [_owner(resource)]}
    place = {key: resource["metadata"][key] for key in ("name", "namespace")}
    data = {key: values[key] for key in resource["spec"]["encryptedData"]}
    return secret(**{**target_metadata, **place}, data=data, type=template.get("type", "Opaque"))


def of_cluster(cluster: Manifest, password: str, *, pull_secret: bool = False) -> dict[str, Manifest]:
    """Return the Secrets that CloudNativePG creates for a Cluster, by name, in the order of their creation.

    ``pkg/specs/secrets.go``, ``pkg/certs/certs.go``, ``internal/controller/cluster_pki.go`` and
    ``internal/controller/cluster_create.go`` at a95a534db.

    Args:
        pull_secret: the operator's image is pulled with a Secret, of which each Cluster gets a copy.
    """
    name, namespace, spec = cluster["metadata"]["name"], cluster["metadata"]["namespace"], cluster["spec"]
    init = spec["bootstrap"]["initdb"]
    inherited = spec.get("inheritedMetadata", {})
    managed = {"app.kubernetes.io/managed-by": "cloudnative-pg"}
    owner = [_owner(cluster)]

    def certificate(suffix: str, type: str, *keys: str) -> Manifest:
        pems = dict.fromkeys(keys, "-----BEGIN-----\n")
        return secret(f"{name}-{suffix}", namespace, pems, type, labels=managed, ownerReferences=owner)

    def inheriting(suffix: str, data: Mapping[str, str], type: str, labels: Mapping[str, str]) -> Manifest:
        return secret(
            f"{name}-{suffix}",
            namespace,
            data,
            type,
            labels={**labels, **inherited.get("labels", {}), "cnpg.io/cluster": name},
            annotations=inherited.get("annotations", {}),
            ownerReferences=owner,
        )

    def credentials(kind: str, user: str, database: str) -> Manifest:
        labels = {**managed, "cnpg.io/userType": kind, "cnpg.io/reload": "true"}
        data = _postgres_data(f"{name}-rw", namespace, database, user, password)
        return inheriting(kind, data, "kubernetes.io/basic-auth", labels)

    made = [
        certificate("ca", "Opaque", "ca.crt", "ca.key"),
        certificate("server", "kubernetes.io/tls", "tls.crt", "tls.key"),
        certificate("replication", "kubernetes.io/tls", "tls.crt", "tls.key"),
    ]
    if spec.get("enableSuperuserAccess"):
        made.append(credentials("superuser", "postgres", "*"))
    if "secret" not in init:
        made.append(credentials("app", init["owner"], init["database"]))
    if pull_secret:
        made.append(inheriting("pull", {".dockerconfigjson": "{}"}, "kubernetes.io/dockerconfigjson", {}))
    return {each["metadata"]["name"]: each for each in made}


def _postgres_data(host: str, namespace: str, database: str, user: str, password: str) -> dict[str, str]:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    query = urlencode({"password": password, "user": user})
    short, whole = f"{host}.{namespace}:5432", f"{host}.{namespace}.svc.cluster.local:5432"
    return {
        "username": user,
        "user": user,
        "password": password,
        "dbname": database,
        "host": host,
        "port": "5432",
        "pgpass": f"{host}:5432:{database}:{user}:{password}\n",
        "uri": f"postgresql://{login}@{short}/{database}",
        "jdbc-uri": f"jdbc:postgresql://{short}/{database}?{query}",
        "fqdn-uri": f"postgresql://{login}@{whole}/{database}",
        "fqdn-jdbc-uri": f"jdbc:postgresql://{whole}/{database}?{query}",
    }


def of_rds_instance(instance: Manifest, address: str, password: str) -> Manifest:
    """Return the connection Secret that Crossplane creates for a managed resource, here an RDS instance.

    ``ConnectionSecretFor`` in ``pkg/resource/resource.go`` of crossplane-runtime at 4e7ed235; the keys are those of
    ``config/cluster/rds/config.go`` in provider-upjet-aws at 75a4c57162, and ``attribute.…`` of
    ``pkg/resource/sensitive.go`` in upjet.
    """
    reference = instance["spec"]["writeConnectionSecretToRef"]
    data = rds_details(instance["spec"]["forProvider"]["username"], address, password)
    type = "connection.crossplane.io/v1alpha1"
    return secret(reference["name"], reference["namespace"], data, type, ownerReferences=[_owner(instance)])


def rds_details(user: str, address: str, password: str) -> dict[str, str]:
    """Return the connection details of an RDS instance."""
    return {
        "endpoint": f"{address}:5432",
        "address": address,
        "host": address,
        "port": "5432",
        "username": user,
        "password": password,
        "attribute.password": password,
    }


def composed(composition: Manifest, composite: Manifest, details: Mapping[str, str] | None) -> dict[str, Manifest]:
    """Return what a Crossplane 2 Composition for function-python composes, by the names of the resources in it.

    https://docs.crossplane.io/latest/guides/connection-details-composition/

    Args:
        details: the connection details of the resource ``instance``; None as long as they do not exist.
    """
    [script] = [step["input"]["script"] for step in composition["spec"]["pipeline"] if "input" in step]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.py"
        path.write_text(script)
        compose = runpy.run_path(str(path))["compose"]
    observed = {}
    if details is not None:
        in_bytes = {key: value.encode() for key, value in details.items()}
        observed["instance"] = SimpleNamespace(connection_details=in_bytes)
    request = SimpleNamespace(
        observed=SimpleNamespace(composite=SimpleNamespace(resource=composite), resources=observed)
    )
    desired: defaultdict[str, SimpleNamespace] = defaultdict(lambda: SimpleNamespace(resource={}))
    compose(request, SimpleNamespace(desired=SimpleNamespace(resources=desired)))
    for name, each in desired.items():
        metadata = each.resource.setdefault("metadata", {})
        metadata.setdefault("name", f"{composite['metadata']['name']}-0123456789ab")
        metadata["namespace"] = composite["metadata"]["namespace"]
        metadata.setdefault("labels", {})["crossplane.io/composite"] = composite["metadata"]["name"]
        metadata.setdefault("annotations", {})["crossplane.io/composition-resource-name"] = name
    return {name: each.resource for name, each in desired.items()}


def _owner(resource: Manifest) -> Manifest:
    uid = "00000000-0000-4000-8000-000000000000"
    kind = {key: resource[key] for key in ("apiVersion", "kind")}
    return {**kind, "name": resource["metadata"]["name"], "uid": uid, "controller": True}


def _json_text(value: Any) -> str:
    """Return a string unchanged, null as an empty string, and any other value as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _base64(value: str) -> str:
    return b64encode(value.encode()).decode()
