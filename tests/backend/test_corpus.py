"""The corpus of Secrets that other software writes, read from an API server."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.cluster import Cluster
from support.connection_secrets import parts_of
from support.corpus import CorpusFile, Recipe, corpus, parts


@pytest.mark.parametrize(
    ("file", "recipe"),
    [pytest.param(file, recipe, id=f"{file.name}-{recipe.purpose}") for file in corpus() for recipe in file.recipes],
)
def test_recipe(
    backend: KubernetesSecretsBackend, cluster: Cluster, namespace: str, file: CorpusFile, recipe: Recipe
) -> None:
    cluster.apply(file.manifest(namespace, file.name, recipe.annotations))

    connection = backend.get_connection(file.name)

    assert parts_of(connection) == parts(recipe.connection), file.source
