"""A folder of manifests, and a backend that reads it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes import file_stamps


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


@pytest.fixture
def backend(folder: Path) -> KubernetesSecretsBackend:
    return KubernetesSecretsBackend(path=str(folder))


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that waits until the folder has been unchanged for so long that it is not read again."""
    monkeypatch.setattr(file_stamps, "_SETTLED_AFTER_SECONDS", 0.3)
    return lambda: time.sleep(0.4)
