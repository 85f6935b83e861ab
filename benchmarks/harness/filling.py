"""Thousands of Secrets, written over several connections at once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from typing import Any

from support.kube_apiserver import KubeApiserver, bearer, trust

# What one of the other Secrets holds: as much as a connection with a few extras does.
VALUE_BYTES = 600
_CONNECTIONS = 8


def secret_manifest(name: str, conn_id: str, value_bytes: int) -> dict[str, Any]:
    """A Secret with a connection of that length."""
    value = f"postgres://user:password@db.example.com:5432/{name}?sslcert=".ljust(value_bytes, "x")[:value_bytes]
    metadata = {"name": name, "labels": {"airflow.apache.org/connection-id": conn_id}}
    return {"metadata": metadata, "data": {"value": b64encode(value.encode()).decode()}}


def fill(server: KubeApiserver, namespace: str, numbers: Sequence[int]) -> None:
    """Write the Secrets ``other-<number>``, each with a connection of the same id.

    Raises:
        RuntimeError: the API server refused one.
    """
    with ThreadPoolExecutor(_CONNECTIONS) as writers:
        parts = [numbers[first::_CONNECTIONS] for first in range(_CONNECTIONS)]
        list(writers.map(lambda part: _write(server, namespace, part), parts))


def _write(server: KubeApiserver, namespace: str, numbers: Sequence[int]) -> None:
    connection = HTTPSConnection(server.host, server.port, context=trust(server.ca_file), timeout=60)
    headers = {**bearer(server.admin_token), "Content-Type": "application/json"}
    try:
        for number in numbers:
            body = json.dumps(secret_manifest(f"other-{number}", f"other-{number}", VALUE_BYTES))
            connection.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 201:
                raise RuntimeError(f"Secret other-{number} was not written: {answer.decode(errors='replace')}")
    finally:
        connection.close()
