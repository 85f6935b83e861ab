"""A folder of mounted Secrets, and a backend that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    mount = tmp_path / "mount"
    mount.mkdir()
    return mount


@pytest.fixture
def backend(mount: Path) -> KubernetesSecretsBackend:
    return KubernetesSecretsBackend(path=str(mount))
