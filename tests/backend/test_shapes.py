"""Secrets of operators, as they write them, from an API server. ``support/shapes.py`` names the sources."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.cluster import Cluster
from support.shapes import SHAPES, Shape, parts_of


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape(backend: KubernetesSecretsBackend, cluster: Cluster, namespace: str, shape: Shape) -> None:
    cluster.apply(shape.manifest(namespace))

    connection = backend.get_connection(shape.name)

    assert parts_of(connection) == shape.expected, shape.source
