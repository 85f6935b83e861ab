"""The commands, as somebody runs them in a pod of Airflow's."""

from __future__ import annotations

from collections.abc import Iterator

# Before a command imports it as a library, without its logs and its database, for all tests of this process.
import airflow.configuration  # noqa: F401  # before a test changes its variables
import pytest

from airflow_kubernetes_secrets.process import start_anew
from support.cluster import Cluster, ServiceAccount
from support.commands import Commands
from support.secrets import Put


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Each test begins as a new process does: nothing connected, nothing logged."""
    start_anew()
    yield
    start_anew()


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> ServiceAccount:
    """A service account with the rights that a lookup takes, and no others."""
    return cluster.service_account(namespace, "airflow", {namespace: ["list"]})


@pytest.fixture
def put(cluster: Cluster, namespace: str) -> Put:
    """Creates Secrets in the namespace."""
    return Put(cluster, namespace)


@pytest.fixture
def commands(
    account: ServiceAccount, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    """Runs commands as that account."""
    return Commands(account, cluster, monkeypatch, capsys)
