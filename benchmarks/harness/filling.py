"""Creates thousands of Secrets over several connections at once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from typing import Any

from support.kube_apiserver import KubeApiserver, bearer, trust

# The size of another Secret's value: that of a connection with a few extras.
VALUE_BYTES = 600
_CONNECTIONS = 8


def connection(name: str, value_bytes: int) -> str:
    """Return the connection in the Secret of that name, as a URI of that length."""
    return f"postgres://user:password@db.example.com:5432/{name}?sslcert=".ljust(value_bytes, "x")[:value_bytes]


def secret_manifest(name: str, conn_id: str, value_bytes: int) -> dict[str, Any]:
    """Return a Secret with a connection of that length."""
    return _manifest(name, {"airflow.apache.org/connection-id": conn_id}, value_bytes)


def labelled(number: int) -> dict[str, Any]:
    """Return the Secret ``other-<number>``, with a connection of that id."""
    return secret_manifest(f"other-{number}", f"other-{number}", VALUE_BYTES)


def foreign(number: int) -> dict[str, Any]:
    """Return the Secret ``foreign-<number>``, which has labels but is not for Airflow."""
    return _manifest(f"foreign-{number}", {"app.kubernetes.io/name": f"app-{number}"}, VALUE_BYTES)


def fill(
    server: KubeApiserver, namespace: str, numbers: Sequence[int], make: Callable[[int], dict[str, Any]] = labelled
) -> None:
    """Create the Secrets that ``make`` returns for these numbers.

    Raises:
        RuntimeError: the API server refused one.
    """
    with ThreadPoolExecutor(_CONNECTIONS) as writers:
        parts = [numbers[first::_CONNECTIONS] for first in range(_CONNECTIONS)]
        list(writers.map(lambda part: _write(server, namespace, map(make, part)), parts))


def _manifest(name: str, labels: dict[str, str], value_bytes: int) -> dict[str, Any]:
    value = b64encode(connection(name, value_bytes).encode()).decode()
    return {"metadata": {"name": name, "labels": labels}, "data": {"value": value}}


def _write(server: KubeApiserver, namespace: str, secrets: Iterable[dict[str, Any]]) -> None:
    api = HTTPSConnection(server.host, server.port, context=trust(server.ca_file), timeout=60)
    headers = {**bearer(server.admin_token), "Content-Type": "application/json"}
    try:
        for secret in secrets:
            api.request("POST", f"/api/v1/namespaces/{namespace}/secrets", json.dumps(secret), headers)
            response = api.getresponse()
            answer = response.read()
            if response.status != 201:
                name = secret["metadata"]["name"]
                raise RuntimeError(f"Secret {name} was not written: {answer.decode(errors='replace')}")
    finally:
        api.close()
