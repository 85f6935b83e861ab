"""Three Secrets of the largest possible size: a plain one, and two with the content that costs most to read."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

CONNECTION_ID = "my_db"

# The API server's limits: for the values of a Secret's data, and for the keys and values of its annotations.
DATA_BYTES = 1024 * 1024
ANNOTATION_BYTES = 256 * 1024

_PREFIX = "airflow.apache.org/"
_KEYS = 5_000
_ANNOTATIONS = 5_000


def plain() -> dict[str, Any]:
    """Return a connection in one value, and one long annotation of another tool."""
    connection = {"conn_type": "postgres", "host": "db", "password": "word", "extra": {"note": ""}}
    connection["extra"] = {"note": "x" * (DATA_BYTES - len(json.dumps(connection)))}
    name = "example.com/note"
    return _manifest({"value": json.dumps(connection)}, {name: "x" * (ANNOTATION_BYTES - len(name))})


def worst() -> dict[str, Any]:
    """Return a connection of thousands of keys, with thousands of annotations that are nearly those of this backend."""
    return _hostile({"other-keys": "extra"})


def broken() -> dict[str, Any]:
    """Return the Secret of :func:`worst` with an invalid annotation, so that each lookup ends with an error."""
    return _hostile({"field-password": "no-such-key"})


SECRETS = {"plain": plain, "worst": worst, "broken": broken}


def _hostile(unprefixed: dict[str, str]) -> dict[str, Any]:
    data = {"host": "db", "password": "word"}
    size = (DATA_BYTES - sum(map(len, data.values()))) // _KEYS
    data |= {f"attribute.password-{number:05}": "x" * size for number in range(_KEYS)}
    annotations = {_PREFIX + name: value for name, value in unprefixed.items()}
    misspelt = [f"{_PREFIX}exta-{number:05}" for number in range(_ANNOTATIONS)]
    used = sum(map(len, misspelt)) + sum(len(key) + len(value) for key, value in annotations.items())
    annotations |= dict.fromkeys(misspelt, "x" * ((ANNOTATION_BYTES - used) // _ANNOTATIONS))
    return _manifest(data, annotations)


def _manifest(data: dict[str, str], annotations: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": "app-db", "labels": {f"{_PREFIX}connection-id": CONNECTION_ID}, "annotations": annotations}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        # Without this the API server would record each name in managedFields, and the object would be too large for
        # etcd.
        "metadata": {**metadata, "managedFields": [{}]},
        "data": {key: b64encode(value.encode()).decode() for key, value in data.items()},
    }
