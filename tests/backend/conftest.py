"""A backend that looks into a namespace of its own, on either server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.process import start_anew
from support.cluster import Cluster, ServiceAccount
from support.proxy import Proxy
from support.secrets import MakeBackend, Put


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Each test begins as a new process does: nothing connected, nothing logged."""
    start_anew()
    yield
    start_anew()


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> ServiceAccount:
    """A service account that may list Secrets in its namespace, and nothing else."""
    return cluster.service_account(namespace, "airflow", {namespace: ["list"]})


@pytest.fixture
def put(cluster: Cluster, namespace: str) -> Put:
    """Creates Secrets in the namespace."""
    return Put(cluster, namespace)


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    """A proxy in front of the server."""
    with Proxy(cluster) as running:
        yield running


@pytest.fixture
def in_pod(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process sees the server as a pod would."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def make_backend(account: ServiceAccount, in_pod: None) -> MakeBackend:
    """Builds backends that reach the server as the account's pod would."""

    def make(**kwargs: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"service_account_path": str(account.folder), **kwargs})

    return make


@pytest.fixture
def backend(make_backend: MakeBackend) -> KubernetesSecretsBackend:
    """A backend with nothing but defaults."""
    return make_backend()


@pytest.fixture
def proxied(proxy: Proxy, account: ServiceAccount, in_pod: None, monkeypatch: pytest.MonkeyPatch) -> MakeBackend:
    """Builds backends that go through the proxy."""
    for name, value in proxy.pod_environment().items():
        monkeypatch.setenv(name, value)
    folder = proxy.folder(account)

    def make(**kwargs: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"service_account_path": str(folder), **kwargs})

    return make
