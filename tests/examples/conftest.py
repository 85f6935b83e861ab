"""The examples, in their own namespaces on either API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.cluster import Cluster
from support.crds import Crds, published
from support.examples import Namespaces
from support.secrets import MakeBackend


@pytest.fixture(scope="session")
def crds() -> Crds:
    """Return the schemas of the custom resources in the examples."""
    folder = published()
    assert folder is not None, "without the schemas, these tests are deselected"
    return Crds.of_folders(folder, Path(__file__).parent / "crds")


@pytest.fixture
def namespaces(cluster: Cluster, namespace: str) -> Namespaces:
    """Create the namespaces that replace those of the examples in this test, and return their names."""
    names = {each: f"{namespace}-{each}" for each in ("airflow", "airflow-secrets", "databases")}
    for name in names.values():
        cluster.create_namespace(name)
    return names


@pytest.fixture
def make_backend(cluster: Cluster, namespaces: Namespaces, in_pod: None) -> MakeBackend:
    """Return a function that builds backends which may list Airflow's Secrets, and get those of the databases."""
    grants = {namespaces["airflow-secrets"]: ["list"], namespaces["databases"]: ["get"]}
    account = cluster.service_account(namespaces["airflow"], "airflow-worker", grants)

    def make(**kwargs: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"service_account_path": str(account.folder), **kwargs})

    return make


@pytest.fixture
def backend(make_backend: MakeBackend, namespaces: Namespaces) -> KubernetesSecretsBackend:
    """Return a backend for the namespace with Airflow's Secrets."""
    return make_backend(namespace=namespaces["airflow-secrets"])
