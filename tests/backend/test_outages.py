"""An API server that is away: who waits, what is served, how old, and what is said."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiUnavailableError, ForbiddenError, UnauthorizedError
from airflow_kubernetes_secrets.sources import ladder, outage
from support.cluster import Cluster
from support.errors import everything_about
from support.exchange import Fault
from support.faults import FORBIDDEN, UNAUTHORIZED, answer_with, silent
from support.logs import said
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.waiting import until

NOBODY_REMEMBERS = {"outage_ttl": 0}

# What is tested is on this side of the connection.
pytestmark = pytest.mark.parametrize("cluster", ["devserver"], indirect=True)


class TestFailingFast:
    def test_fifty_lookups_wait_for_one_timeout_in_all(self, proxied: MakeBackend, proxy: Proxy) -> None:
        backend = proxied(timeout=1)
        proxy.swallow()
        began = time.monotonic()

        for number in range(50):
            with pytest.raises(ApiUnavailableError, match="no answer in time"):
                backend.get_variable(f"x{number}")

        assert time.monotonic() - began < 1.5

    def test_it_is_looked_after_by_one_lookup_every_few_seconds(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy
    ) -> None:
        """Of many threads too; and the others do not wait for that one."""
        proxy.always = answer_with(503)
        backend = proxied(timeout=0.5)
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")
        asked = len(proxy.requests)

        def ask_for_a_while(number: int) -> int:
            slow = 0
            ends = time.monotonic() + 3
            while time.monotonic() < ends:
                began = time.monotonic()
                with pytest.raises(ApiUnavailableError, match="it answered 503"):
                    backend.get_variable(f"x{number}")
                slow += time.monotonic() - began > 0.2
                time.sleep(0.02)
            return slow

        with ThreadPoolExecutor(8) as threads:
            probes = sum(threads.map(ask_for_a_while, range(8)))

        # Pauses are of 0.5 to 1 seconds, and each probe tries for half a second.
        assert 1 <= probes <= 4
        assert asked < len(proxy.requests) <= asked + 4 * asked

    def test_what_is_back_is_found_within_seconds(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "found")
        backend = proxied(timeout=0.5)
        proxy.refuse()
        with pytest.raises(ApiUnavailableError, match="refused"):
            backend.get_variable("x")
        proxy.resume()
        began = time.monotonic()

        until(lambda: _found(backend))

        assert time.monotonic() - began < outage._PAUSE_SECONDS[1] + 1
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            assert len(said(caplog, logging.ERROR)) == 1

    def test_one_line_at_its_beginning_and_one_at_its_end_each_time(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "found")
        backend = proxied(timeout=0.3, **NOBODY_REMEMBERS)
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            for _ in range(2):
                proxy.refuse()
                for key in "abc":
                    with pytest.raises(ApiUnavailableError):
                        backend.get_variable(key)
                proxy.resume()
                until(lambda: _found(backend))
                assert backend.get_variable("x") == "found"

        lines = said(caplog, logging.INFO)
        assert [line.partition(" (")[0] for line in lines[::2]] == [
            f"variable 'a': the Kubernetes API at 127.0.0.1:{proxy.port} could not be read: connection refused"
        ] * 2
        assert len(lines) == 4
        for line in lines[1::2]:
            assert line.startswith(
                f"the Kubernetes API at 127.0.0.1:{proxy.port} answers again; a lookup was first in vain "
            )

    def test_a_pause_that_the_server_asks_for_is_kept_by_all(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """Though it is longer than those between probes."""
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
        """Somebody waits for it, and may have waited for many before."""
        backend = proxied(timeout=2)
        proxy.swallow()
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")
        ends = time.monotonic() + 8
        took = 0.0
        while took < 0.5:
            began = time.monotonic()
            assert began < ends
            with pytest.raises(ApiUnavailableError):
                backend.get_variable("x")
            took = time.monotonic() - began
            time.sleep(0.05)

        assert 0.8 < took < 1.5

    def test_the_trouble_of_one_request_is_not_that_of_all(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """A connection that hangs, while others are answered, is no outage."""
        put.variable("x", "found")
        backend = proxied(timeout=1)
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
        """The next attempt is over a connection of its own, which may lead to another."""
        put.variable("x", "found")
        proxy.faults.extend([answer_with(500), answer_with(503)])

        assert proxied().get_variable("x") == "found"

        assert [request.connection for request in proxy.requests] == [1, 2, 3]

    def test_options_fail_fast_too_and_name_the_cause(self, proxied: MakeBackend, proxy: Proxy) -> None:
        backend = proxied(timeout=0.5)
        proxy.refuse()
        began = time.monotonic()
        for number in range(20):
            with pytest.raises(
                ApiUnavailableError, match=r"could not be read: connection refused .* Check that it runs"
            ):
                backend.get_config(f"x{number}")

        assert time.monotonic() - began < 1

    def test_an_untrusted_certificate_is_looked_at_again_at_once(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, cluster: Cluster
    ) -> None:
        """No time was used up, and the file may have been mended since."""
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


class TestMemory:
    @pytest.mark.parametrize("cache_ttl", [0, 0.2, 60])
    def test_the_last_answers_bridge_it(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture, cache_ttl: float
    ) -> None:
        """Those to single questions as well: also a miss."""
        put.variable("x", "found")
        put.config("x", "an option")
        backend = proxied(cache_ttl=cache_ttl, timeout=0.5)
        assert backend.get_variable("x") == "found"
        assert backend.get_variable("missing") is None
        assert backend.get_config("x") == "an option"
        proxy.refuse()
        began = time.monotonic()
        for _ in range(20):
            assert backend.get_variable("x") == "found"
            assert backend.get_variable("missing") is None
            assert backend.get_config("x") == "an option"

        assert time.monotonic() - began < 1
        [line] = said(caplog)
        assert "connection refused" in line
        assert "Until it answers, what it had " in line
        assert f"until that is {cache_ttl + 300:.0f} s old" in line

    def test_an_id_that_was_never_asked_for_is_an_error(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """Without an index nobody can say that there is no such Secret."""
        put.variable("x", "found")
        backend = proxied(timeout=0.5)
        assert backend.get_variable("x") == "found"
        proxy.refuse()

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("y")

    def test_an_id_absent_from_the_last_index_is_a_miss(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0.2, timeout=0.5)
        for _ in range(3):
            assert backend.get_variable("x") == "found"
        proxy.refuse()
        time.sleep(0.3)

        assert backend.get_variable("never asked for") is None
        assert backend.get_variable("x") == "found"

    def test_the_newest_answer_is_the_one(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """Of what is remembered twice: from an index, and from a question since."""
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=0.3, timeout=0.5)
        for _ in range(3):
            backend.get_variable("x")
        put.variable("x", "two", name="x")
        time.sleep(0.3)
        proxy.faults.append(answer_with(503))
        proxy.faults.append(answer_with(503))
        until(lambda: backend.get_variable("x") == "two")
        proxy.refuse()
        time.sleep(0.4)

        assert backend.get_variable("x") == "two"

    def test_who_has_something_to_go_on_with_waits_a_second_at_most(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """Where others would wait twice as long for the second probe."""
        put.variable("x", "found")
        backend = proxied(timeout=2.5)
        assert backend.get_variable("x") == "found"
        proxy.swallow()
        backend.get_variable("x")
        longest = 0.0
        # Two pauses and two probes; the second pause is as long as the first probe took.
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            began = time.monotonic()
            assert backend.get_variable("x") == "found"
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.02)

        assert 0.5 < longest < 1.5

    def test_a_watch_that_is_back_ends_it(
        self, watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=2, timeout=0.5)
        assert backend.get_variable("x") == "one"
        until(lambda: proxy.open_watches == 1)
        proxy.refuse()
        time.sleep(2)
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            assert backend.get_variable("x") == "one"
            assert [line for line in said(caplog) if "is used, until that is 302 s old" in line]
            proxy.resume()

            until(lambda: [line for line in said(caplog, logging.INFO) if "answers again" in line] != [])

        put.variable("x", "two", name="x")
        until(lambda: backend.get_variable("x") == "two")

    def test_it_is_not_used_for_longer_than_is_allowed(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied(outage_ttl=1, timeout=0.3)
        asked_at = time.monotonic()
        backend.get_variable("x")
        proxy.refuse()
        served_until = asked_at
        while time.monotonic() < asked_at + 2:
            began = time.monotonic()
            try:
                assert backend.get_variable("x") == "found"
                served_until = began
            except ApiUnavailableError:
                assert time.monotonic() > asked_at + 1
            time.sleep(0.02)

        assert 0.5 < served_until - asked_at < 1.2

    @pytest.mark.parametrize("cache_ttl", [0, 0.2])
    def test_nothing_is_used_where_that_is_not_wanted(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, cache_ttl: float
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=cache_ttl, timeout=0.3, **NOBODY_REMEMBERS)
        for _ in range(4):
            assert backend.get_variable("x") == "found"
        proxy.refuse()
        time.sleep(0.3)

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")

    @pytest.mark.parametrize(("answer", "error"), [(FORBIDDEN, ForbiddenError), (UNAUTHORIZED, UnauthorizedError)])
    @pytest.mark.parametrize("cache_ttl", [0, 0.3])
    def test_a_refusal_is_an_answer_and_drops_it(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, cache_ttl: float, answer: Fault, error: type[Exception]
    ) -> None:
        put.variable("x", "found")
        put.config("x", "an option")
        backend = proxied(cache_ttl=cache_ttl, timeout=0.5)
        assert backend.get_config("x") == "an option"
        for _ in range(4):
            assert backend.get_variable("x") == "found"
        proxy.always = answer
        time.sleep(0.3)
        for _ in range(3):
            with pytest.raises(error):
                backend.get_variable("x")

        proxy.refuse()
        for ask in (backend.get_variable, backend.get_config):
            with pytest.raises(ApiUnavailableError):
                ask("x")

    def test_a_refusal_for_an_option_drops_what_is_in_an_index(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """It is the same service account, and the same namespace."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=60)
        for _ in range(4):
            assert backend.get_variable("x") == "found"
        proxy.always = FORBIDDEN
        with pytest.raises(ForbiddenError):
            backend.get_config("x")

        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

    def test_a_permission_that_vanishes_and_appears(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0.2)
        for _ in range(3):
            proxy.always = None
            for _ in range(5):
                assert backend.get_variable("x") == "found"
            proxy.always = FORBIDDEN
            time.sleep(0.25)
            with pytest.raises(ForbiddenError):
                backend.get_variable("x")

        [line] = said(caplog)
        assert "may not list secrets" in line

    def test_no_value_is_in_what_is_said_and_raised(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "hunter2")
        # In vain takes as long as the timeout, and then there must be time left in which memory may still answer.
        backend = proxied(cache_ttl=0.2, timeout=0.3, outage_ttl=2)
        for _ in range(5):
            backend.get_variable("x")
        proxy.refuse()
        time.sleep(0.2)
        backend.get_variable("x")
        time.sleep(2.2)

        with pytest.raises(ApiUnavailableError) as raised:
            backend.get_variable("x")

        report = everything_about(raised.value) + "".join(record.getMessage() for record in caplog.records)
        assert "hunter2" not in report
        assert "aHVudGVyMg" not in report


class TestFreshMemory:
    """In an outage, memory that is fresh is used as usual: without a wait, a request or a log line."""

    @pytest.mark.parametrize("outage_ttl", [0, 300])
    def test_a_new_backend_object_answers_from_an_index(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put, outage_ttl: float
    ) -> None:
        """Before Airflow 3.3 a worker builds one for each lookup."""
        put.variable("x", "found")
        options = {"cache_ttl": 60, "outage_ttl": outage_ttl, "timeout": 0.5}
        for _ in range(3):
            assert proxied(**options).get_variable("x") == "found"
        _begin_an_outage(proxied(**options), proxy)

        with nothing_asked(proxy):
            assert proxied(**options).get_variable("x") == "found"
            assert proxied(**options).get_variable("missing") is None

    def test_the_last_answer_to_the_same_question_is_used(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Also before there is an index, since the answer is younger than ``cache_ttl``."""
        put.connection("x", "http://found")
        backend = proxied(cache_ttl=60, timeout=0.5)
        assert backend.get_connection("x").host == "found"
        _begin_an_outage(backend, proxy)
        threads = threading.active_count()

        with nothing_asked(proxy):
            assert backend.get_connection("x").host == "found"
            assert asyncio.run(proxied(cache_ttl=60, timeout=0.5).aget_connection("x")).host == "found"
            # An answer from memory needs no thread.
            assert threading.active_count() == threads

        assert said(caplog) == [line for line in said(caplog) if "configuration option" in line]

    def test_of_a_reference_too(self, short_pauses: None, cluster: Cluster, proxied: MakeBackend, proxy: Proxy) -> None:
        folder, namespace = _with_a_secret_to_get(cluster, proxy)
        options = {
            "cache_ttl": 60,
            "outage_ttl": 0,
            "timeout": 0.5,
            "service_account_path": str(folder),
            "references": {"variables": {"x": f"{namespace}/named"}},
        }
        assert proxied(**options).get_variable("x") == "found"
        _begin_an_outage(proxied(**options), proxy)

        with nothing_asked(proxy):
            assert proxied(**options).get_variable("x") == "found"

    @pytest.mark.parametrize("outage_ttl", [0, 300])
    def test_it_is_used_where_it_came_while_a_lookup_was_failing(
        self,
        monkeypatch: pytest.MonkeyPatch,
        proxied: MakeBackend,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        outage_ttl: float,
    ) -> None:
        """Another thread lists everything in the meantime."""
        monkeypatch.setattr(ladder, "THRESHOLDS", ladder.Thresholds(asked_first=1))
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, outage_ttl=outage_ttl, timeout=2)
        proxy.faults.append(silent)
        with ThreadPoolExecutor(1) as threads:
            hanging = threads.submit(backend.get_variable, "x")
            until(lambda: len(proxy.requests) == 1)
            assert backend.get_variable("missing") is None

            assert hanging.result() == "found"

        assert len(proxy.requests) == 2
        assert said(caplog) == []

    def test_an_option_is_asked_for_all_the_same(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """Also if variables have an index of the same label."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, outage_ttl=0, timeout=0.5, config_label=VARIABLE)
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
def nothing_asked(proxy: Proxy) -> Iterator[None]:
    """Assert that nothing connects to the API server inside the block."""
    connections = proxy.connections
    yield
    assert proxy.connections == connections


def _with_a_secret_to_get(cluster: Cluster, proxy: Proxy) -> tuple[Path, str]:
    """The folder of a service account that may get a Secret ``named``, and its namespace."""
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    account = cluster.service_account(namespace, "airflow", {namespace: ["list", "get"]})
    metadata = {"name": "named", "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": "found"}})
    return proxy.folder(account), namespace


class TestDeny:
    def test_airflow_is_told_to_stop(self, proxied: MakeBackend, proxy: Proxy) -> None:
        from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

        backend = proxied(on_error="deny", timeout=0.3)
        proxy.refuse()

        for ask in (backend.get_conn_value, backend.get_connection, backend.get_variable):
            with pytest.raises(AirflowSecretsBackendAccessDenied, match=r"'x': the Kubernetes API at .* refused"):
                ask("x")

    def test_for_a_secret_that_cannot_be_used_too(self, proxied: MakeBackend, put: Put) -> None:
        from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

        put.connection("x", "a://b://c://user:hunter2@d", name="broken")

        with pytest.raises(AirflowSecretsBackendAccessDenied, match=f"Secret {put.namespace}/broken") as raised:
            proxied(on_error="deny").get_connection("x")

        assert "hunter2" not in everything_about(raised.value)

    def test_an_option_stops_airflow_with_its_own_error(self, proxied: MakeBackend, proxy: Proxy) -> None:
        backend = proxied(on_error="deny", timeout=0.3)
        proxy.refuse()

        with pytest.raises(ApiUnavailableError):
            backend.get_config("x")

    def test_a_miss_is_no_error(self, proxied: MakeBackend) -> None:
        assert proxied(on_error="deny").get_connection("x") is None

    def test_memory_comes_first(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied(on_error="deny", timeout=0.3)
        backend.get_variable("x")
        proxy.refuse()

        assert backend.get_variable("x") == "found"


def _found(backend: KubernetesSecretsBackend) -> bool:
    try:
        return backend.get_variable("x") == "found"
    except ApiUnavailableError:
        return False
