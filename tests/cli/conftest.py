"""The commands, run as in a pod of Airflow."""

from __future__ import annotations

# Airflow's configuration is imported before a command imports it as a library, without its logs and its database. All
# tests of this process share it.
import airflow.configuration  # noqa: F401  # before a test changes Airflow's variables
import pytest

from support.cluster import Cluster, ServiceAccount
from support.commands import Commands
from support.secrets import Put


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> ServiceAccount:
    """Create a service account with exactly the permissions that a lookup needs."""
    return cluster.service_account(namespace, "airflow", {namespace: ["list"]})


@pytest.fixture
def put(cluster: Cluster, namespace: str) -> Put:
    """Return a function that creates Secrets in the namespace."""
    return Put(cluster, namespace)


@pytest.fixture
def commands(
    account: ServiceAccount, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    """Return a runner of commands with the permissions of that account."""
    return Commands(account, cluster, monkeypatch, capsys)
