"""Secrets with the parts of a connection, and the connection that Airflow makes of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Protocol

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from support.secrets import CONNECTION

PREFIX = "airflow.apache.org/"


class Read(Protocol):
    """Reads the connection that Airflow makes of a Secret."""

    def __call__(
        self, data: Mapping[str, str | bytes], annotations: Mapping[str, str] | None = None
    ) -> dict[str, object] | None: ...


def extra_of(read: Read, data: dict[str, str], **annotations: str) -> Any:
    """Return the ``extra`` of the connection. An annotation is given with ``_`` for ``-``."""
    connection = read(data, {name.replace("_", "-"): value for name, value in annotations.items()})
    assert connection is not None
    return connection["extra"]


def secret_manifest(
    namespace: str,
    conn_id: str,
    data: Mapping[str, str | bytes],
    annotations: Mapping[str, str] | None = None,
    *,
    type: str = "Opaque",
) -> dict[str, Any]:
    """Return a Secret with the label of a connection, and the name of that connection."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": type,
        "metadata": {
            "name": conn_id,
            "namespace": namespace,
            "labels": {CONNECTION: conn_id},
            "annotations": {PREFIX + name: text for name, text in (annotations or {}).items()},
        },
        "data": {
            key: b64encode(value if isinstance(value, bytes) else value.encode()).decode()
            for key, value in data.items()
        },
    }


def whole(**parts: object) -> dict[str, object]:
    """Return every part of a connection."""
    nothing: dict[str, object] = dict.fromkeys(("conn_type", "host", "login", "password", "port", "schema"))
    return {**nothing, "extra": {}, **parts}


def parts_of(connection: Any) -> dict[str, object]:
    """Return every part of a connection that Airflow has made."""
    names = ("conn_type", "host", "login", "password", "port", "schema")
    return {**{name: getattr(connection, name) for name in names}, "extra": connection.extra_dejson}


def stored_secret(data: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> Secret:
    """Return the Secret ``shop/app``. Its annotations are given without the prefix of their keys."""
    return Secret(
        "shop",
        "app",
        "",
        {},
        {key: b64encode(value.encode()).decode() for key, value in data.items()},
        annotations={f"{PREFIX}{name}": value for name, value in (annotations or {}).items()},
    )
