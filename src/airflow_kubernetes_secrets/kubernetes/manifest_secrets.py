"""The Secret or ConfigMap that the API would create from a manifest.

The API's rules for types and sizes are not checked here. For ``check``,
:mod:`airflow_kubernetes_secrets.manifests.server_validation` does that.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from airflow_kubernetes_secrets.kubernetes.go_base64 import decode_base64
from airflow_kubernetes_secrets.kubernetes.labels import (
    NAMESPACE_RULE,
    SUBDOMAIN_RULE,
    is_data_key,
    is_label_key,
    is_label_value,
    is_namespace,
    is_subdomain,
    quoted_data_key,
    quoted_label_key,
)
from airflow_kubernetes_secrets.kubernetes.manifest_documents import RefusedError
from airflow_kubernetes_secrets.kubernetes.objects import (
    CONFIG_MAPS,
    SECRETS,
    ConfigMap,
    Secret,
    config_map_data,
    kept_annotations,
)
from airflow_kubernetes_secrets.kubernetes.unprocessed import unprocessed

# The keys that the API requires in a Secret of each type:
# https://kubernetes.io/docs/concepts/configuration/secret/#secret-types
REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}
# The value of some of these keys must be a JSON object or null, and that of others must not be empty.
KEYS_WITH_JSON = (".dockerconfigjson", ".dockercfg")
KEYS_WITH_A_VALUE = ("ssh-privatekey",)

# The error for a key whose name is not shown.
INVALID_DATA_KEY = (
    "the name of a key is not valid in data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'. It is not shown, "
    "since it may contain a value. Correct it; in YAML a space follows the ':' after a key"
)

# https://kubernetes.io/docs/reference/using-api/api-concepts/#generated-values
_GENERATED = (
    "kubectl apply and Kustomize refuse it, and each kubectl create would create another Secret with the same id. "
    "Write a name"
)


def complete_secret_of(manifest: dict[str, Any], default_namespace: str) -> Secret:
    """Return the Secret or ConfigMap of a manifest that has all its values.

    Raises:
        RefusedError: the API would refuse it, or another tool must still process it.
    """
    if problem := unprocessed(manifest):
        metadata = _mapping(manifest, "metadata")
        name = metadata.get("name")
        object_kind = _object_kind_of(manifest)
        named = f"{object_kind} {name}" if isinstance(name, str) and is_subdomain(name) else f"a {object_kind}"
        raise RefusedError(f"{named}: {problem}")
    return secret_of(manifest, default_namespace)


def secret_of(manifest: dict[str, Any], default_namespace: str) -> Secret:
    """Return the Secret or ConfigMap that the API would create from a manifest.

    Args:
        default_namespace: the namespace of a manifest without one.

    Raises:
        RefusedError: the API would refuse the manifest.
    """
    metadata = _mapping(manifest, "metadata")
    object_kind = _object_kind_of(manifest)
    namespace, name = _namespace_and_name(manifest, metadata, default_namespace)
    named = f"{object_kind} {name}"
    labels, annotations = _texts(metadata, "labels", named), _texts(metadata, "annotations", named)
    for key, text in labels.items():
        if not is_label_key(key) or (text and not is_label_value(text)):
            raise RefusedError(f"{named}: label {quoted_label_key(key)}: the key or value is not valid for a label")
    for key in annotations:
        if not is_label_key(key.lower()):
            raise RefusedError(
                f"{named}: a name is not a valid annotation key. It is not shown, since "
                "it may contain a value. Correct it; in YAML a space follows the ':' after a key"
            )
    is_config_map = object_kind == CONFIG_MAPS.kind
    data = (_data_of_config_map if is_config_map else _data_of_secret)(manifest, named)
    if not all(map(is_data_key, data)):
        raise RefusedError(f"{named}: {INVALID_DATA_KEY}")
    created = metadata.get("creationTimestamp")
    return (ConfigMap if is_config_map else Secret)(
        namespace,
        name,
        created if isinstance(created, str) else "",
        labels,
        data,
        annotations=kept_annotations(annotations, labels),
    )


def _object_kind_of(manifest: dict[str, Any]) -> str:
    return CONFIG_MAPS.kind if manifest.get("kind") == CONFIG_MAPS.kind else SECRETS.kind


def _data_of_secret(manifest: dict[str, Any], named: str) -> dict[str, str]:
    """Return the values in base64, by key."""
    data = {key: _base64(named, "data", key, text) for key, text in _texts(manifest, "data", named).items()}
    for key, text in _texts(manifest, "stringData", named).items():
        data[key] = b64encode(text.encode("utf-8")).decode("ascii")
    return data


def _data_of_config_map(manifest: dict[str, Any], named: str) -> dict[str, str]:
    """Return the values in base64, by key."""
    field = "binaryData"
    texts, binary = _texts(manifest, "data", named), _texts(manifest, field, named)
    for key in texts.keys() & binary.keys():
        raise RefusedError(f"{named}: {quoted_data_key(key)} is in data and in {field}; remove one of them")
    return config_map_data(texts, {key: _base64(named, field, key, text) for key, text in binary.items()})


def _namespace_and_name(manifest: dict[str, Any], metadata: dict[str, Any], default_namespace: str) -> tuple[str, str]:
    object_kind = _object_kind_of(manifest)
    namespace, name = metadata.get("namespace") or default_namespace, metadata.get("name")
    if not name and metadata.get("generateName"):
        raise RefusedError(f"a {object_kind} has generateName instead of a name", _GENERATED)
    if not name:
        raise RefusedError(f"a {object_kind} has no name")
    if not isinstance(name, str) or not is_subdomain(name):
        raise RefusedError(f"a {object_kind} has an invalid name. Use {SUBDOMAIN_RULE}")
    if manifest.get("apiVersion") is None:
        raise RefusedError(f"{object_kind} {name}: it has no 'apiVersion'; write 'apiVersion: v1'")
    if not isinstance(namespace, str) or not is_namespace(namespace):
        raise RefusedError(f"{object_kind} {name}: its namespace is not a valid name. Use {NAMESPACE_RULE}")
    return namespace, name


def _mapping(parent: dict[str, Any], field: str) -> dict[str, Any]:
    found = parent.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RefusedError(f"'{field}' is not a mapping")
    return found


def _texts(parent: dict[str, Any], field: str, named: str) -> dict[str, str]:
    found = _mapping(parent, field)
    for key, text in found.items():
        if text is not None and not isinstance(text, str):
            raise RefusedError(f"{named}: {field}: {_quoted(key)} is not a string; put it in quotation marks")
        if text and re.search("[\ud800-\udfff]", text):
            raise RefusedError(f"{named}: {field}: {_quoted(key)} is not Unicode: it has half of a surrogate pair")
    # The API reads null as an empty string.
    return {key: text or "" for key, text in found.items()}


def _quoted(key: str) -> str:
    """Return a key of data, labels or annotations as an error may quote it."""
    return quoted_data_key(key) if "/" not in key else quoted_label_key(key)


def _base64(named: str, field: str, key: str, text: str) -> str:
    """Return a value in base64 as the API returns it.

    Raises:
        RefusedError: the value is not base64.
    """
    try:
        return b64encode(decode_base64(text)).decode("ascii")
    except ValueError:
        pass  # raised again without the cause, whose traceback might show the value
    plain = "stringData" if field == "data" else "data"
    raise RefusedError(f"{named}: {field}: {quoted_data_key(key)} is not base64; plain text belongs in {plain}")
