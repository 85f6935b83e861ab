"""A folder of mounted Secrets, and a backend that reads it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes import file_stamps


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    mount = tmp_path / "mount"
    mount.mkdir()
    return mount


@pytest.fixture
def backend(mount: Path) -> KubernetesSecretsBackend:
    return KubernetesSecretsBackend(path=str(mount))


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that waits until files have been unchanged for so long that they are not read again."""
    monkeypatch.setattr(file_stamps, "_SETTLED_AFTER_SECONDS", 0.3)
    return lambda: time.sleep(0.4)
