"""What the contract tests share: the Secrets of one new namespace, and how they are applied."""

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
    """Server-side apply of the Secret ``s``, without force."""

    def do(manager: str, *, force: bool = False, name: str = "s", **content: Any) -> httpx.Response:
        document = {"apiVersion": "v1", "kind": "Secret", **content}
        document["metadata"] = {"name": name, **content.get("metadata", {})}
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return secrets.patch(name, document, "apply-patch+yaml", **query)

    return do
