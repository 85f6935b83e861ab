"""A real API server is killed and started again while many threads look up values."""

from __future__ import annotations

import itertools
import threading
import time
from functools import partial

import httpx
import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
)
from support.cluster import KubeApiserverCluster, ServiceAccount
from support.secrets import Put
from support.steady_lookups import SteadyLookups


# Before Python 3.13, httpx loses a socket if the server is killed before TLS begins. The package's own sockets have
# another class.
@pytest.mark.filterwarnings(r"ignore:Exception ignored in. <ssl\.SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.restarts
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_a_real_server_that_is_killed_and_started_again(
    cluster: KubeApiserverCluster, namespace: str, in_pod: None
) -> None:
    """Processes with a cached value see no error, and new ones do not report a missing permission."""
    account = cluster.service_account(namespace, "worker", {namespace: ["list", "watch"]})
    put = Put(cluster, namespace)
    put.variable("x", "found")
    put.config("x", "found", name="x")
    # Backends with different options share nothing.
    numbers = itertools.count(301)

    def backend(**options: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(service_account_path=str(account.folder), outage_ttl=next(numbers), **options)

    lookups = SteadyLookups()
    for options in ({"cache_ttl": 0}, {"cache_ttl": 0, "timeout": 1}, {"cache_ttl": 5}, {"cache_ttl": 5, "timeout": 1}):
        warmed = backend(**options)
        for _ in range(4):
            assert warmed.get_variable("x") == "found"
        lookups.start(partial(warmed.get_variable, "x"))
    lookups.start(lambda: backend().get_variable("x"), ApiUnavailableError)
    lookups.start(lambda: backend().get_config("x"), ApiUnavailableError)
    refused = threading.Event()
    path = f"/api/v1/namespaces/{namespace}/secrets"
    lookups.start(lambda: refusal_of(cluster, account, path, refused), httpx.TransportError)
    try:
        # Whether the server refuses requests depends on when they arrive.
        for _ in range(3):
            cluster.restart()
            time.sleep(3)
            if refused.is_set():
                break
    finally:
        lookups.stop()

    assert lookups.problems == []


def refusal_of(cluster: KubeApiserverCluster, account: ServiceAccount, path: str, refused: threading.Event) -> str:
    """Send one request over its own connection, and set the event if it is refused."""
    with cluster.client(account.token) as client:
        if client.get(path).status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            refused.set()
    return "found"
