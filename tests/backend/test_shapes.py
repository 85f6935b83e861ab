"""Secrets as operators write them, from an API server. ``operator_secrets`` names the sources."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from operator_secrets.every import SHAPES
from operator_secrets.shape import Shape
from support.cluster import Cluster
from support.shapes import parts_of


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_shape(backend: KubernetesSecretsBackend, cluster: Cluster, namespace: str, shape: Shape) -> None:
    cluster.apply(shape.manifest(namespace))

    connection = backend.get_connection(shape.name)

    assert parts_of(connection) == shape.expected, shape.source
