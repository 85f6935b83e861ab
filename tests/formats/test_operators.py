"""Secrets as operators write them, from a folder. ``tests/backend/test_shapes.py`` reads them from servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from operator_secrets.every import SHAPES
from operator_secrets.shape import Shape
from support.shapes import parts_of


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape(shape: Shape, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(shape.manifest("shop")))

    connection = KubernetesSecretsBackend(path=str(tmp_path)).get_connection(shape.name)

    assert parts_of(connection) == shape.expected, shape.source
