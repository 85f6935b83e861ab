"""Connections from Secrets in a folder of manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.process import restart
from support.connection_secrets import Read, parts_of, secret_manifest


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a connection from data and annotations, or None if there is none.

    The keys of the annotations are given without their prefix.
    """

    def read(data: Mapping[str, str | bytes], annotations: Mapping[str, str] | None = None) -> dict[str, object] | None:
        (tmp_path / "app.json").write_text(json.dumps(secret_manifest("shop", "app", data, annotations)))
        restart()
        connection = KubernetesSecretsBackend(path=str(tmp_path)).get_connection("app")
        return None if connection is None else parts_of(connection)

    return read
