"""``cache_ttl``: an index from one LIST, its maximum age, and how few requests keep it current."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_kubernetes_secrets.errors import UnauthorizedError
from airflow_kubernetes_secrets.sources import cache_policy
from support.clock import Clock
from support.cluster import Cluster
from support.exchange import Exchange
from support.faults import FORBIDDEN, answer_with, forward, late, silent, unfiltered
from support.label_selectors import WATCHED, selector, selectors
from support.logs import log_messages
from support.memory import MakeLookups, lists_of_all, watchers
from support.proxy import Proxy
from support.secrets import CONNECTION, VARIABLE, MakeBackend, Put
from support.waiting import PATIENCE, until


class TestIndex:
    def test_process_with_many_lookups_lists_once(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        for number in range(10):
            put.variable(f"x{number}", f"value {number}")
        backend = proxied(cache_ttl=60)

        found = [backend.get_variable(f"x{number}") for number in range(50)]

        assert found == [f"value {number}" for number in range(10)] + [None] * 40
        assert selectors(proxy) == [selector("x0"), selector("x1"), VARIABLE]
        assert proxy.lists[-1].query["resourceVersion"] == ["0"]
        assert watchers() == []

    def test_each_kind_has_its_own_index(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "variable")
        put.connection("x", "http://connection")
        backend = proxied(cache_ttl=60)

        for _ in range(5):
            assert backend.get_variable("x") == "variable"
            assert backend.get_conn_value("x") == "http://connection"

        assert len(proxy.requests) == 6
        assert {VARIABLE, CONNECTION} < set(selectors(proxy))

    def test_configuration_options_are_always_requested(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """Airflow reads options while it is imported, before it forks."""
        backend = proxied(cache_ttl=60)
        for value in ("one", "two", "three", "four"):
            put.config("x", value, name="x")

            assert backend.get_config("x") == value

        assert len(proxy.requests) == 4

    def test_configuration_options_that_share_a_label_are_requested_too(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, config_label=VARIABLE)
        for _ in range(4):
            backend.get_variable("x")
        assert len(proxy.requests) == 3

        assert backend.get_config("x") == "found"

        assert len(proxy.requests) == 4

    def test_backend_objects_share_the_index(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """Before Airflow 3.3 a worker builds one for each lookup."""
        put.variable("x", "found")

        assert [proxied(cache_ttl=60).get_variable("x") for _ in range(10)] == ["found"] * 10

        assert len(proxy.requests) == 3

    def test_backends_with_other_options_do_not_share_the_index(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        for _ in range(4):
            assert proxied(cache_ttl=60).get_variable("x") == "found"
            assert proxied(cache_ttl=61, variables_data_key="other").get_variable("x") is None

        assert len(proxy.requests) == 6

    def test_value_is_never_older_than_the_ttl(self, proxied: MakeBackend, put: Put) -> None:
        """This also holds below the shortest TTL with a watch: then everything is listed again."""
        ttl = 0.5
        put.variable("x", "0", name="x")
        backend = proxied(cache_ttl=ttl)
        written = {"0": time.monotonic()}
        outdated: dict[str, float] = {}
        ends = time.monotonic() + 4 * ttl
        number = 0
        while time.monotonic() < ends:
            number += 1
            put.variable("x", str(number), name="x")
            outdated[str(number - 1)] = written[str(number)] = time.monotonic()
            for _ in range(20):
                began = time.monotonic()
                found = backend.get_variable("x")
                assert found is not None
                # A real server's watch cache is moments behind its storage.
                assert began - outdated.get(found, began) < ttl + 0.2
                time.sleep(0.005)

    def test_short_ttl_is_met_by_lists_without_a_watch(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0.2)
        began = time.monotonic()
        while selectors(proxy).count(VARIABLE) < 5:
            assert backend.get_variable("x") == "found"
            assert time.monotonic() - began < PATIENCE

        # One LIST at first, and one more each time that the index is too old.
        assert time.monotonic() - began >= 4 * 0.2
        assert watchers() == []

    def test_concurrent_threads_share_one_list(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=60)
        backend.get_variable("x")
        backend.get_variable("x")
        proxy.faults.append(late(0.5))
        together = threading.Barrier(32)

        def ask(_number: int) -> str | None:
            together.wait(PATIENCE)
            return backend.get_variable("x")

        with ThreadPoolExecutor(32) as threads:
            assert set(threads.map(ask, range(32))) == {"found"}

        assert selectors(proxy)[2:] == [VARIABLE]

    def test_list_without_a_response_leaves_time_for_single_queries(
        self,
        proxied: MakeBackend,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A namespace can be so large that no LIST of it arrives in time. Its Secrets must still be found."""
        monkeypatch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(list_again_after=0.5))
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, timeout=4)
        backend.get_variable("x")
        backend.get_variable("x")
        proxy.faults.append(silent)

        began = time.monotonic()
        assert [backend.get_variable("x") for _ in range(5)] == ["found"] * 5
        # If each lookup sent that LIST, they would wait for 10 s.
        assert time.monotonic() - began < 8
        assert selectors(proxy).count(VARIABLE) == 1
        assert log_messages(caplog) == []

        # It is tried again after a pause, and once more after twice that pause.
        time.sleep(0.5)
        proxy.faults.append(silent)
        assert [backend.get_variable("x") for _ in range(5)] == ["found"] * 5
        assert selectors(proxy).count(VARIABLE) == 2
        [line] = log_messages(caplog)
        assert f"the Secrets with the label {VARIABLE} in namespace {put.namespace!r} could not be listed" in line
        assert line.endswith("The error was: no response in time")
        assert "a namespace of their own" in line
        time.sleep(1)
        assert [backend.get_variable("x") for _ in range(5)] == ["found"] * 5
        request_count = len(proxy.requests)
        assert backend.get_variable("y") is None
        assert len(proxy.requests) == request_count

    def test_failing_list_is_retried_with_growing_pauses(
        self, make_lookups: MakeLookups, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The pauses grow from 5 s to 10 s and so on, up to ten minutes. After a success they start again."""
        # Whole and half seconds add up exactly in binary, tenths do not.
        clock = Clock(float(int(time.monotonic())))
        monkeypatch.setattr(cache_policy, "monotonic", clock)
        put.variable("x", "found")
        lookups = make_lookups(thresholds=cache_policy.Thresholds(queries_first=0))

        def unless_of_all(exchange: Exchange) -> bool:
            of_all = exchange.request.query["labelSelector"] == [VARIABLE]
            return (answer_with(500) if of_all else forward)(exchange)

        def lists() -> int:
            assert lookups.get("x") == "found"
            # If there is an index, a LIST of its version comes first.
            return sum(each.query["resourceVersion"] == ["0"] for each in lists_of_all(proxy.requests))

        for _ in range(2):
            proxy.always = unless_of_all
            listed = lists()
            for pause in (5, 10, 20, 40, 80, 160, 320, 600, 600):
                clock.now += pause - 0.5
                assert lists() == listed
                clock.now += 0.5
                listed += 1
                assert lists() == listed
            proxy.always = None
            clock.now += 600
            requests = len(lists_of_all(proxy.requests))
            assert lookups.get("x") == "found"
            assert len(lists_of_all(proxy.requests)) == requests + 1

    def test_list_with_a_version_leaves_time_for_a_list_of_any_version(
        self, make_lookups: MakeLookups, proxy: Proxy, put: Put
    ) -> None:
        """The first server may be behind, and wait for all the time that it is given."""
        put.variable("x", "found")
        server = make_lookups().server
        version = server.fetch_index(VARIABLE, 10).resource_version
        proxy.faults.append(silent)

        index = server.fetch_index(VARIABLE, 2, not_older_than=version)

        assert len(index.find("x")) == 1
        assert [request.query["resourceVersion"] for request in proxy.requests] == [["0"], [version], ["0"]]

    def test_expired_resource_version(self, make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        server = make_lookups().server
        version = server.fetch_index(VARIABLE, 10).resource_version
        proxy.faults.append(answer_with(410, b'{"kind": "Status", "message": "too old", "code": 410}'))

        index = server.fetch_index(VARIABLE, 10, not_older_than=version)

        assert len(index.find("x")) == 1
        assert [request.query["resourceVersion"] for request in proxy.requests] == [["0"], [version], ["0"]]

    def test_forbidden_list_does_not_stop_single_queries(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """Kubernetes can authorize by label selector."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=60)
        backend.get_variable("x")
        backend.get_variable("x")
        message = b'{"kind": "Status", "message": "secrets is forbidden: User \\"someone\\" cannot list"}'
        proxy.faults.append(answer_with(403, message))

        assert [backend.get_variable("x") for _ in range(5)] == ["found"] * 5

    def test_warning_about_a_forbidden_list_names_the_permission(
        self, make_lookups: MakeLookups, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One of several servers can refuse it, so that another one accepts the query that follows."""
        put.variable("x", "found")
        lookups = make_lookups(thresholds=cache_policy.Thresholds(queries_first=0, list_again_after=0.1))
        for _ in range(2):
            proxy.faults.append(FORBIDDEN)
            assert lookups.get("x") == "found"
            time.sleep(0.2)

        [line] = log_messages(caplog)
        assert f"the Secrets with the label {VARIABLE} in namespace {put.namespace!r} could not be listed" in line
        assert "--verb=list" in line
        assert "timeout" not in line

    def test_result_of_a_list_is_discarded_after_a_401(
        self, refusals_confirmed_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """A result that was requested before the refusal is not stored after it."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, timeout=20)
        backend.get_variable("x")
        backend.get_variable("x")
        proxy.faults.append(late(1))
        with ThreadPoolExecutor(1) as threads:
            listing = threads.submit(backend.get_variable, "x")
            until(lambda: VARIABLE in selectors(proxy))
            proxy.always = answer_with(401)
            with pytest.raises(UnauthorizedError):
                backend.get_config("x")
            with pytest.raises(UnauthorizedError):
                listing.result(20)

        with pytest.raises(UnauthorizedError):
            backend.get_variable("x")

    def test_secrets_without_the_label_are_not_stored(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """A proxy that drops the query returns everything."""
        put({"app": "x"}, "not Airflow's")
        put.variable("x", "found")
        backend = proxied(cache_ttl=60)
        backend.get_variable("x")
        backend.get_variable("x")
        proxy.faults.append(unfiltered)

        assert backend.get_variable("x") == "found"
        assert backend.get_variable("y") is None

    def test_a_large_secret(self, proxied: MakeBackend, put: Put) -> None:
        """The largest value that etcd accepts is about 1 MiB."""
        value = "v" * (1024 * 1024 - 4096)
        put.variable("large", value)
        backend = proxied(cache_ttl=60)

        assert [backend.get_variable("large") == value for _ in range(4)] == [True] * 4

    def test_an_immutable_secret_that_was_replaced(
        self, cluster: Cluster, watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """It cannot change, but it can be deleted and created again."""
        backend = proxied(cache_ttl=WATCHED)
        metadata = {"name": "x", "namespace": put.namespace, "labels": {VARIABLE: "x"}}
        secret = {"apiVersion": "v1", "kind": "Secret", "immutable": True, "metadata": metadata}
        cluster.apply({**secret, "stringData": {"value": "one"}})
        assert backend.get_variable("x") == "one"
        until(lambda: proxy.open_watches == 1)

        cluster.delete(f"/api/v1/namespaces/{put.namespace}/secrets/x")
        until(lambda: backend.get_variable("x") is None)
        cluster.apply({**secret, "stringData": {"value": "two"}})

        until(lambda: backend.get_variable("x") == "two")
