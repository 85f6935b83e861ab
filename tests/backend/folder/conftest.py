"""A folder of manifests, and a backend that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


@pytest.fixture
def backend(folder: Path) -> KubernetesSecretsBackend:
    return KubernetesSecretsBackend(path=str(folder))
