"""Fixtures of the contract tests: the Secrets of a new namespace, and server-side apply."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from support.cluster import Cluster
from support.contract import Apply, Secrets


@pytest.fixture
def secrets(cluster: Cluster, namespace: str) -> Secrets:
    return Secrets(cluster, namespace)


@pytest.fixture
def apply(secrets: Secrets) -> Apply:
    """Return a function that applies the Secret ``s`` on the server side, by default without force."""

    def do(manager: str, *, force: bool = False, name: str = "s", **content: Any) -> httpx.Response:
        document = {"apiVersion": "v1", "kind": "Secret", **content}
        document["metadata"] = {"name": name, **content.get("metadata", {})}
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return secrets.patch(name, document, "apply-patch+yaml", **query)

    return do
