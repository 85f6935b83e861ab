"""The Secret that the API would create from a manifest. The API's rules for types and sizes are not checked."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from typing import Any

from airflow_kubernetes_secrets.kubernetes.labels import (
    is_data_key,
    is_label_key,
    is_label_value,
    is_namespace,
    is_subdomain,
    quoted_data_key,
    quoted_label_key,
)
from airflow_kubernetes_secrets.kubernetes.manifest_documents import RefusedError
from airflow_kubernetes_secrets.kubernetes.objects import Secret, kept_annotations
from airflow_kubernetes_secrets.kubernetes.unprocessed import unprocessed

# The error for a key whose name is not shown.
NO_DATA_KEY = (
    "the name of a key is not valid in a Secret's data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'. It is not shown, "
    "since it may contain a value. Correct it; in YAML a space follows the ':' after a key"
)


def secret_to_serve(manifest: dict[str, Any], home: str) -> Secret:
    """Return the Secret of a manifest that has all its values.

    Raises:
        RefusedError: the API would refuse it, or another tool must still process it.
    """
    if problem := unprocessed(manifest):
        metadata = _mapping(manifest, "metadata")
        name = metadata.get("name")
        named = f"Secret {name}" if isinstance(name, str) and is_subdomain(name) else "a Secret"
        raise RefusedError(f"{named}: {problem}")
    return secret_of(manifest, home)


def secret_of(manifest: dict[str, Any], home: str) -> Secret:
    """Return the Secret that the API would create from a manifest.

    Args:
        home: the namespace of a manifest without one.

    Raises:
        RefusedError: the API would refuse the manifest.
    """
    metadata = _mapping(manifest, "metadata")
    namespace, name = _namespace_and_name(manifest, metadata, home)
    labels, annotations = _texts(metadata, "labels", name), _texts(metadata, "annotations", name)
    for key, text in labels.items():
        if not is_label_key(key) or (text and not is_label_value(text)):
            raise RefusedError(
                f"Secret {name}: label {quoted_label_key(key)}: the key or value is not valid for a label"
            )
    for key in annotations:
        if not is_label_key(key.lower()):
            raise RefusedError(
                f"Secret {name}: a name is not a valid annotation key. It is not shown, since "
                "it may contain a value. Correct it; in YAML a space follows the ':' after a key"
            )
    data = {key: _base64(name, key, text) for key, text in _texts(manifest, "data", name).items()}
    for key, text in _texts(manifest, "stringData", name).items():
        data[key] = b64encode(text.encode("utf-8")).decode("ascii")
    if not all(map(is_data_key, data)):
        raise RefusedError(f"Secret {name}: {NO_DATA_KEY}")
    created = metadata.get("creationTimestamp")
    return Secret(
        namespace,
        name,
        created if isinstance(created, str) else "",
        labels,
        data,
        annotations=kept_annotations(annotations, labels),
    )


def _namespace_and_name(manifest: dict[str, Any], metadata: dict[str, Any], home: str) -> tuple[str, str]:
    namespace, name = metadata.get("namespace") or home, metadata.get("name")
    if not isinstance(name, str) or not is_subdomain(name):
        raise RefusedError("a Secret has no name, or an invalid one")
    if manifest.get("apiVersion") is None:
        raise RefusedError(f"Secret {name}: it has no 'apiVersion'; write 'apiVersion: v1'")
    if not isinstance(namespace, str) or not is_namespace(namespace):
        raise RefusedError(f"Secret {name}: its namespace is not a valid name")
    return namespace, name


def _mapping(parent: dict[str, Any], field: str) -> dict[str, Any]:
    found = parent.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RefusedError(f"'{field}' is not a mapping")
    return found


def _texts(parent: dict[str, Any], field: str, name: str) -> dict[str, str]:
    found = _mapping(parent, field)
    for key, text in found.items():
        if text is not None and not isinstance(text, str):
            raise RefusedError(f"Secret {name}: {field}: {_quoted(key)} is not a string; put it in quotation marks")
        if text and re.search("[\ud800-\udfff]", text):
            raise RefusedError(
                f"Secret {name}: {field}: {_quoted(key)} is not Unicode: it has half of a surrogate pair"
            )
    # The API reads null as an empty string.
    return {key: text or "" for key, text in found.items()}


def _quoted(key: str) -> str:
    """Return a key of data, labels or annotations as an error may quote it."""
    return quoted_data_key(key) if "/" not in key else quoted_label_key(key)


def _base64(name: str, key: str, text: str) -> str:
    """Return a value in base64 in one line. Like the API, refuse other white space than line breaks.

    Raises:
        RefusedError: the value is not base64.
    """
    text = text.replace("\r", "").replace("\n", "")
    try:
        b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass  # the error could quote the value
    else:
        return text
    raise RefusedError(f"Secret {name}: data: {quoted_data_key(key)} is not base64; plain text belongs in stringData")
