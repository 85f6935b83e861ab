"""An unavailable API server: which lookups wait, and how often it is probed."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.kubernetes.client import Client
from airflow_kubernetes_secrets.sources import outage
from support.call_counts import calls_of
from support.cluster import Cluster
from support.exchange import Exchange
from support.faults import answer_with, silent
from support.logs import log_messages
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import PATIENCE, until

NO_OUTAGE_CACHE = {"outage_ttl": 0}

# The tested code is on the client's side, so the devserver is enough.
pytestmark = on_the_devserver


class TestFailingFast:
    def test_fifty_lookups_share_one_timeout(self, proxied: MakeBackend, proxy: Proxy) -> None:
        backend = proxied(timeout=4)
        proxy.swallow()
        began = time.monotonic()

        for number in range(50):
            with pytest.raises(ApiUnavailableError, match="no response in time"):
                backend.get_variable(f"x{number}")

        # 50 timeouts would take 200 s.
        assert time.monotonic() - began < 40

    def test_one_lookup_probes_the_server_after_each_pause(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy
    ) -> None:
        """This also holds for many threads. How many attempts fit into the time of a probe depends on the machine."""
        # When the first request of each lookup arrived. The id of each lookup is another one.
        arrived: dict[str, float] = {}

        def refuse(exchange: Exchange) -> bool:
            arrived.setdefault(exchange.request.target, time.monotonic())
            return answer_with(503)(exchange)

        proxy.always = refuse
        backend = proxied(timeout=1)
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")
        ends = time.monotonic() + PATIENCE

        def ask_until_the_fourth_probe(number: int) -> int:
            lookups = 0
            while len(arrived) < 5 and time.monotonic() < ends:
                with pytest.raises(ApiUnavailableError, match="it answered 503"):
                    backend.get_variable(f"x{number}-{lookups}")
                lookups += 1
                time.sleep(0.02)
            return lookups

        with ThreadPoolExecutor(8) as threads:
            lookups = sum(threads.map(ask_until_the_fourth_probe, range(8)))

        assert len(arrived) == 5
        assert lookups > len(arrived)
        # A probe begins when the pause after the last one has ended, so the requests of two lookups never overlap.
        assert min(later - earlier for earlier, later in pairwise(arrived.values())) >= outage._PAUSE_SECONDS[0]

    def test_the_other_lookups_do_not_wait_for_the_probe(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy
    ) -> None:
        probing, go_on = threading.Event(), threading.Event()

        def hold(exchange: Exchange) -> bool:
            probing.set()
            return go_on.wait(PATIENCE) and answer_with(503)(exchange)

        backend = proxied(timeout=1)
        proxy.always = answer_with(503)
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")
        proxy.always = hold

        def probe() -> None:
            while not probing.is_set():
                with pytest.raises(ApiUnavailableError):
                    backend.get_variable("x")

        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(probe)
            assert probing.wait(PATIENCE)
            request_count = len(proxy.requests)
            with pytest.raises(ApiUnavailableError, match="it answered 503"):
                backend.get_variable("y")
            assert not running.done()
            assert len(proxy.requests) == request_count
            go_on.set()
            running.result()

    def test_recovered_server_is_used_within_seconds(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "found")
        backend = proxied(timeout=2)
        proxy.refuse()
        with pytest.raises(ApiUnavailableError, match="refused"):
            backend.get_variable("x")
        proxy.resume()
        began = time.monotonic()

        until(lambda: _found(backend))

        assert time.monotonic() - began < outage._PAUSE_SECONDS[1] + 5
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            assert len(log_messages(caplog, logging.ERROR)) == 1

    def test_each_outage_logs_one_line_at_its_start_and_one_at_its_end(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "found")
        backend = proxied(timeout=2, **NO_OUTAGE_CACHE)
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            for _ in range(2):
                proxy.refuse()
                for key in "abc":
                    with pytest.raises(ApiUnavailableError):
                        backend.get_variable(key)
                proxy.resume()
                until(lambda: _found(backend))
                assert backend.get_variable("x") == "found"

        lines = log_messages(caplog, logging.INFO)
        assert [line.partition(" (")[0] for line in lines[::2]] == [
            f"variable 'a': the Kubernetes API at 127.0.0.1:{proxy.port} could not be read: connection refused"
        ] * 2
        assert len(lines) == 4
        for line in lines[1::2]:
            assert line.startswith(
                f"the Kubernetes API at 127.0.0.1:{proxy.port} is available again; the first failed lookup was "
            )

    def test_all_lookups_respect_retry_after(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """The pause is longer than those between probes."""
        put.variable("x", "found")
        proxy.faults.append(answer_with(429, b"", {"Retry-After": "2"}))
        backend = proxied(timeout=1)
        began = time.monotonic()
        with pytest.raises(ApiUnavailableError, match="it answered 429"):
            backend.get_variable("x")

        until(lambda: _found(backend))

        assert time.monotonic() - began >= 2
        assert len(proxy.requests) == 2

    def test_a_probe_is_short_at_first(self, short_pauses: None, proxied: MakeBackend, proxy: Proxy) -> None:
        """A lookup waits for the probe, and may have waited for many before."""
        backend = proxied(timeout=5)
        proxy.swallow()
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")
        ends = time.monotonic() + 12
        with calls_of(Client.list_objects) as probes:
            while not probes:
                began = time.monotonic()
                assert began < ends
                with pytest.raises(ApiUnavailableError):
                    backend.get_variable("x")
                took = time.monotonic() - began
                time.sleep(0.05)

        assert 0.8 < took < 3

    def test_error_of_one_request_is_not_an_outage(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """A connection that hangs while others work is not an outage."""
        put.variable("x", "found")
        backend = proxied(timeout=2)
        assert backend.get_variable("x") == "found"
        proxy.faults.append(silent)
        with ThreadPoolExecutor(1) as threads:
            hanging = threads.submit(backend.get_variable, "y")
            until(lambda: len(proxy.requests) == 2)
            while not hanging.done():
                assert backend.get_variable("x") == "found"
            with pytest.raises(ApiUnavailableError):
                hanging.result()

        assert backend.get_variable("x") == "found"

    def test_an_error_of_one_server_behind_a_load_balancer(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """The next attempt uses a new connection, which may lead to another server."""
        put.variable("x", "found")
        proxy.faults.extend([answer_with(500), answer_with(503)])

        assert proxied().get_variable("x") == "found"

        assert [request.connection for request in proxy.requests] == [1, 2, 3]

    def test_configuration_options_fail_fast_and_name_the_cause(self, proxied: MakeBackend, proxy: Proxy) -> None:
        backend = proxied(timeout=2)
        proxy.refuse()
        began = time.monotonic()
        for number in range(20):
            with pytest.raises(
                ApiUnavailableError, match=r"could not be read: connection refused .* Check that it runs"
            ):
                backend.get_config(f"x{number}")

        # 20 timeouts would take 40 s.
        assert time.monotonic() - began < 20

    def test_untrusted_certificate_is_checked_again_immediately(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, cluster: Cluster
    ) -> None:
        """No time was used up, and the file may have been fixed since."""
        put.variable("x", "found")
        account = cluster.service_account(put.namespace, "other-ca", {put.namespace: ["list"]})
        folder = proxy.folder(account)
        right = (folder / "ca.crt").read_bytes()
        (folder / "ca.crt").write_bytes(cluster.ca_file.read_bytes())
        backend = proxied(service_account_path=str(folder))
        with pytest.raises(ApiUnavailableError, match="certificate is not trusted"):
            backend.get_variable("x")

        (folder / "ca.crt").write_bytes(right)

        assert backend.get_variable("x") == "found"


def _found(backend: KubernetesSecretsBackend) -> bool:
    try:
        return backend.get_variable("x") == "found"
    except ApiUnavailableError:
        return False
