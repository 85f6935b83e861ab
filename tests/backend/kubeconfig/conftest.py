"""A process outside a pod, and kubeconfig files for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.cluster import Cluster, ServiceAccount
from support.kubeconfigs import edit


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the variables of a pod, and use a home directory without a kubeconfig."""
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def path(cluster: Cluster, account: ServiceAccount, namespace: str) -> Path:
    """Write a kubeconfig whose context names the namespace."""
    return cluster.kubeconfig(account.token, namespace)


@pytest.fixture
def edited(path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """Return a function that changes the kubeconfig in place."""

    def edit_it(change: Callable[[dict[str, Any]], None]) -> Path:
        edit(path, change)
        return path

    return edit_it
