"""An unavailable API server, and cached values that are fresh."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.sources import cache_policy
from support.cluster import Cluster
from support.faults import silent
from support.logs import log_messages
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until

# The tested code is on the client's side, so the devserver is enough.
pytestmark = on_the_devserver


class TestFreshMemory:
    """In an outage, fresh cached values are used as usual: without a wait, a request or a log line."""

    @pytest.mark.parametrize("outage_ttl", [0, 300])
    def test_new_backend_object_uses_the_index(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put, outage_ttl: float
    ) -> None:
        """Before Airflow 3.3 a worker builds a backend for each lookup."""
        put.variable("x", "found")
        options = {"cache_ttl": 60, "outage_ttl": outage_ttl, "timeout": 2}
        for _ in range(3):
            assert proxied(**options).get_variable("x") == "found"
        _begin_an_outage(proxied(**options), proxy)

        with no_new_connections(proxy):
            assert proxied(**options).get_variable("x") == "found"
            assert proxied(**options).get_variable("missing") is None

    def test_last_response_to_the_same_query_is_used(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        """This also works before there is an index, because the value is younger than ``cache_ttl``."""
        put.connection("x", "http://found")
        backend = proxied(cache_ttl=60, timeout=2)
        assert backend.get_connection("x").host == "found"
        _begin_an_outage(backend, proxy)
        threads = threading.active_count()

        with no_new_connections(proxy):
            assert backend.get_connection("x").host == "found"
            assert asyncio.run(proxied(cache_ttl=60, timeout=2).aget_connection("x")).host == "found"
            # A value from memory needs no thread.
            assert threading.active_count() == threads

        assert log_messages(caplog) == [line for line in log_messages(caplog) if "configuration option" in line]

    def test_last_response_for_a_reference_is_used(
        self, short_pauses: None, cluster: Cluster, proxied: MakeBackend, proxy: Proxy
    ) -> None:
        folder, namespace = _with_a_secret_to_get(cluster, proxy)
        options = {
            "cache_ttl": 60,
            "outage_ttl": 0,
            "timeout": 2,
            "service_account_path": str(folder),
            "references": {"variables": {"x": f"{namespace}/named"}},
        }
        assert proxied(**options).get_variable("x") == "found"
        _begin_an_outage(proxied(**options), proxy)

        with no_new_connections(proxy):
            assert proxied(**options).get_variable("x") == "found"

    def test_last_response_for_a_label_is_used(self, short_pauses: None, proxied: MakeBackend, proxy: Proxy) -> None:
        """``outage_ttl`` is the additional age."""
        options = {"cache_ttl": 60, "outage_ttl": 0, "timeout": 2}
        assert proxied(**options).get_variable("missing") is None
        _begin_an_outage(proxied(**options), proxy)

        with no_new_connections(proxy):
            assert proxied(**options).get_variable("missing") is None

    @pytest.mark.parametrize("outage_ttl", [0, 300])
    def test_failing_lookup_uses_the_index_that_another_thread_fetched(
        self,
        monkeypatch: pytest.MonkeyPatch,
        proxied: MakeBackend,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        outage_ttl: float,
    ) -> None:
        """Another thread lists everything in the meantime."""
        monkeypatch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(queries_first=1))
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, outage_ttl=outage_ttl, timeout=2)
        proxy.faults.append(silent)
        with ThreadPoolExecutor(1) as threads:
            hanging = threads.submit(backend.get_variable, "x")
            until(lambda: len(proxy.requests) == 1)
            assert backend.get_variable("missing") is None

            assert hanging.result() == "found"

        assert len(proxy.requests) == 2
        assert log_messages(caplog) == []

    def test_configuration_option_is_requested_despite_an_index(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """This also holds if variables have an index of the same label."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, outage_ttl=0, timeout=2, config_label=VARIABLE)
        for _ in range(3):
            assert backend.get_variable("x") == "found"
        _begin_an_outage(backend, proxy)
        connections = proxy.connections

        with pytest.raises(ApiUnavailableError):
            backend.get_config("x")

        assert proxy.connections > connections


def _begin_an_outage(backend: KubernetesSecretsBackend, proxy: Proxy) -> None:
    """Begin an outage, and return when the next lookup may probe the API server."""
    proxy.swallow()
    with pytest.raises(ApiUnavailableError):
        backend.get_config("not in memory")
    time.sleep(1.1)


@contextmanager
def no_new_connections(proxy: Proxy) -> Iterator[None]:
    """Assert that nothing connects to the API server inside the block."""
    connections = proxy.connections
    yield
    assert proxy.connections == connections


def _with_a_secret_to_get(cluster: Cluster, proxy: Proxy) -> tuple[Path, str]:
    """Return the folder of a service account that may get a Secret ``named``, and its namespace."""
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    account = cluster.service_account(namespace, "airflow", {namespace: ["list", "get"]})
    metadata = {"name": "named", "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": "found"}})
    return proxy.folder(account), namespace
