"""An API server that cannot be reached, and dead connections to it."""

from __future__ import annotations

import contextlib
import socket

import pytest
import trustme

from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
)
from airflow_kubernetes_secrets.kubernetes.client import Client
from airflow_kubernetes_secrets.kubernetes.credentials import ServiceAccountCredentials
from airflow_kubernetes_secrets.kubernetes.failures import Backoff
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.sources.api_errors import ApiErrors
from support.cluster import Cluster, ServiceAccount
from support.deadlines import ends_within
from support.faults import silent
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.sockets import full

ERROR_OF = ApiErrors(("list",), (SECRETS,), {}).error_of


def test_connection_is_refused(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))

    with ends_within(0.5), pytest.raises(ApiUnavailableError, match=f"127.0.0.1:{port} .*: connection refused"):
        make_backend(timeout=0.5).get_variable("x")


def test_connection_times_out(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port drops packets, as a firewall does."""
    with full(socket.AF_INET, "127.0.0.1", 0) as port:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))

        with ends_within(0.5), pytest.raises(ApiUnavailableError, match="no response in time"):
            make_backend(timeout=0.5).get_variable("x")


def test_tls_handshake_times_out(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port accepts connections and never sends anything, so TLS does not begin."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(listener.getsockname()[1]))

        with ends_within(0.5), pytest.raises(ApiUnavailableError, match="no response in time"):
            make_backend(timeout=0.5).get_variable("x")


def test_dead_idle_connection_causes_no_error(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("x", "found")
    backend = proxied()
    assert backend.get_variable("x") == "found"

    proxy.cut()

    assert backend.get_variable("x") == "found"
    assert proxy.connections == 2


def test_dead_idle_connection_is_replaced_without_a_pause(account: ServiceAccount, proxy: Proxy, put: Put) -> None:
    """There is no time for the pause before another attempt here."""
    put.variable("x", "found")
    credentials = ServiceAccountCredentials(str(proxy.folder(account)), proxy.pod_environment())
    selector = LabelSelector.equal(VARIABLE, "x")
    with contextlib.closing(Client(credentials, ERROR_OF, backoff=Backoff(first=60, longest=60))) as client:
        assert len(client.list_objects(SECRETS, put.namespace, selector, timeout=30).secrets) == 1

        proxy.cut()

        assert len(client.list_objects(SECRETS, put.namespace, selector, timeout=30).secrets) == 1
    assert proxy.connections == 2


@pytest.mark.parametrize(
    ("doubtful_after", "found"), [(0.0, True), (3600.0, False)], ids=["after a long time", "just now"]
)
def test_idle_connection_that_no_longer_responds(
    proxy: Proxy, account: ServiceAccount, put: Put, doubtful_after: float, found: bool
) -> None:
    """A connection that was idle for long may be dead, so time is reserved for a new one. A recent one is only slow."""
    put.variable("x", "found")
    credentials = ServiceAccountCredentials(str(proxy.folder(account)), proxy.pod_environment())
    selector = LabelSelector.equal(VARIABLE, "x")
    with contextlib.closing(Client(credentials, ERROR_OF, doubtful_after=doubtful_after)) as client:
        assert len(client.list_objects(SECRETS, put.namespace, selector, timeout=10).secrets) == 1
        proxy.faults.append(silent)

        if found:
            assert len(client.list_objects(SECRETS, put.namespace, selector, timeout=3).secrets) == 1
        else:
            with pytest.raises(ApiUnavailableError, match="no response in time"):
                client.list_objects(SECRETS, put.namespace, selector, timeout=1)


def test_response_resets_the_idle_time_of_a_connection(proxy: Proxy, account: ServiceAccount, put: Put) -> None:
    credentials = ServiceAccountCredentials(str(proxy.folder(account)), proxy.pod_environment())
    selector = LabelSelector.equal(VARIABLE, "x")
    with contextlib.closing(Client(credentials, ERROR_OF)) as client:
        client.list_objects(SECRETS, put.namespace, selector, timeout=10)
        [connection] = client._transport._pool._idle
        connection._last_used -= 3600
        client.list_objects(SECRETS, put.namespace, selector, timeout=10)

        assert connection.idle_seconds() < 3600
    assert proxy.connections == 1


def test_certificate_of_another_ca_is_rejected_immediately(
    make_backend: MakeBackend, account: ServiceAccount, cluster: Cluster
) -> None:
    trustme.CA().cert_pem.write_to_path(str(account.folder / "ca.crt"))

    with ends_within(1), pytest.raises(ApiUnavailableError, match="certificate is not trusted") as raised:
        make_backend(timeout=30).get_variable("x")

    assert "Check that the CA certificate is this API server's" in str(raised.value)
    assert str(account.folder / "token") in str(raised.value)


def test_host_name_in_place_of_an_address(
    proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On many machines localhost resolves to ::1 first, where the proxy does not listen."""
    put.variable("x", "found")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "localhost")

    assert proxied().get_variable("x") == "found"
    assert proxy.requests[0].headers["host"] == f"localhost:{proxy.port}"


def test_invalid_host_name(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is too long for a host name, so no DNS server is queried."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "x" * 300)

    with pytest.raises(ApiUnavailableError, match="could not be read"):
        make_backend(timeout=0.5).get_variable("x")
