"""No value is too old, whatever happens to a watch, to the API server and to the permissions."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from airflow_kubernetes_secrets.errors import ForbiddenError, UnauthorizedError
from airflow_kubernetes_secrets.sources.cache_policy import Thresholds
from support.cluster import Cluster, KubeApiserverCluster, ServiceAccount
from support.exchange import Exchange, Fault
from support.faults import (
    GONE,
    NO_JSON,
    STREAM,
    answer_with,
    chunk,
    close_at_once,
    ends_at_once,
    event,
    expired_in_the_middle,
    forward_events,
    garbled_after,
    raw,
    reset_after,
    split_bytes,
    stream_of,
)
from support.kube_apiserver import KubeApiserver
from support.logs import log_messages
from support.memory import (
    LONG,
    SLACK,
    MakeLookups,
    Reader,
    VariableLookups,
    count_up_for,
    counted_variable,
    grant,
    lists_of_all,
    reading,
    replace_token,
    revoke,
    watchers,
)
from support.proxy import Proxy
from support.secrets import Put
from support.servers import on_the_devserver
from support.waiting import until


def slow_lines(seconds: float) -> Fault:
    """Forward a stream slowly: each line waits behind the ones before it, as does the end."""

    def fault(exchange: Exchange) -> bool:
        with exchange.upstream() as response:
            exchange.sock.sendall(STREAM)
            for line in response:
                exchange.wait(seconds)
                exchange.sock.sendall(chunk(line))
        exchange.sock.sendall(b"0\r\n\r\n")
        return True

    return fault


def one_byte_a_second(exchange: Exchange) -> bool:
    with exchange.upstream() as response:
        exchange.sock.sendall(STREAM)
        while byte := response.read(1):
            exchange.sock.sendall(chunk(byte))
            exchange.wait(1)
    return False


def torn_after(count: int) -> Fault:
    """Send ``count`` bytes of the stream, then end it cleanly."""

    def fault(exchange: Exchange) -> bool:
        with exchange.upstream() as response:
            exchange.sock.sendall(STREAM + chunk(response.read(count)) + b"0\r\n\r\n")
        return True

    return fault


def error_event(code: int) -> bytes:
    return event("ERROR", {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "code": code})


WATCH_FAULTS: dict[str, Fault] = {
    "ends at once": ends_at_once,
    "ends after an event": forward_events(1),
    "is silent": forward_events(0, "hang"),
    "falls silent": forward_events(3, "hang"),
    "is reset": forward_events(2, "reset"),
    "is reset at once": reset_after(0),
    "is closed at once": close_at_once,
    "is not HTTP": raw(b"hunter2\r\n\r\n"),
    "is a 500": answer_with(500),
    "is a 429": answer_with(429, b"", {"Retry-After": "3600"}),
    "is garbled": garbled_after(2),
    "is garbled and goes on": stream_of(*[NO_JSON] * 1000),
    "is torn": torn_after(700),
    "has an error in it": stream_of(error_event(500)),
    "has an error after an event": stream_of(error_event(429), then="hang"),
    "is too old each time": expired_in_the_middle(0),
    "is a 410 each time": GONE,
    "is a 410 of a web server": answer_with(410, b"<h1>Gone</h1>"),
    "is one byte at a time": split_bytes,
    "is one byte a second": one_byte_a_second,
    "is slow": slow_lines(1.0),
}


def test_no_value_is_too_old_if_every_watch_is_faulty(cluster: Cluster, account: ServiceAccount, put: Put) -> None:
    """All faults run at once, each in its own proxy, for longer than the age that a value may have."""
    ttl = 2.0
    counted = counted_variable(put)
    readers: dict[str, Reader] = {}
    proxies: dict[str, Proxy] = {}
    began = time.monotonic()
    with ExitStack() as stack:
        for name, fault in WATCH_FAULTS.items():
            proxies[name] = proxy = stack.enter_context(Proxy(cluster))
            proxy.always_watch = fault
            lookups = stack.enter_context(closing(VariableLookups(proxy, account, put.namespace, ttl=ttl)))
            lookups.get("x")
            # Without a working watch, an index may expire while it is listed again. Lookups then send single requests.
            readers[name] = Reader(name, [counted], lookups.get, pause=0.05, may_go_back=True)
        with reading(*readers.values()):
            count_up_for(3 * ttl, counted, pause=0.15)
            time.sleep(ttl + SLACK)
    seconds = time.monotonic() - began
    too_old = {name: round(reader.oldest, 1) for name, reader in readers.items() if reader.oldest > ttl + SLACK}
    assert too_old == {}
    # Immediate failures are retried after pauses that grow up to a quarter of the TTL, of which jitter removes half.
    most = 10 + seconds / (ttl / 4 / 2)
    watches = {name: len(proxy.watches) for name, proxy in proxies.items()}
    assert max(watches.values()) < most, watches
    lists = {name: len(lists_of_all(proxy.requests)) for name, proxy in proxies.items()}
    assert max(lists.values()) < most, lists


class TestOutages:
    def test_network_that_drops_all_packets(self, make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
        counted = counted_variable(put)
        lookups = make_lookups(ttl=2.0, outage_ttl=LONG, timeout=2.0)
        lookups.get("x")
        readers = [Reader(f"reader {number}", [counted], lookups.get, pause=0.01) for number in range(4)]
        with reading(*readers):
            proxy.swallow()
            counted.count_up()
            time.sleep(3)
            proxy.resume()
            until(lambda: lookups.get("x") == str(counted.last))
            # The index may have an older value than a single request, which docs/concepts/freshness.md allows. So wait
            # until the LIST that replaces the index has arrived, and the last single request has ended.
            until(lambda: lookups.policy.find_in_memory("x") is not None)
            counts = [reader.count for reader in readers]
            until(lambda: all(reader.count > count for reader, count in zip(readers, counts, strict=True)))
            counted.count_up()
            until(lambda: lookups.get("x") == str(counted.last), lookups.ttl + SLACK)

    @pytest.mark.restarts
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    def test_an_api_server_that_is_killed_and_started_again(
        self, cluster: KubeApiserverCluster, account: ServiceAccount, put: Put
    ) -> None:
        """A server that has just started may respond with 403 until it has read its roles, and that counts here."""
        counted = counted_variable(put)
        starting = threading.Event()

        def get(key: str) -> str | None:
            while True:
                try:
                    return lookups.get(key)
                except ForbiddenError:
                    if not starting.is_set():
                        raise
                    time.sleep(0.01)

        with closing(
            VariableLookups(cluster, account, put.namespace, ttl=3.0, outage_ttl=LONG, timeout=2.0)
        ) as lookups:
            lookups.get("x")
            # While the index is too old, lookups send single requests.
            readers = [Reader(f"reader {number}", [counted], get, pause=0.01, may_go_back=True) for number in range(8)]
            with reading(*readers):
                count_up_for(1, counted)
                server = cluster.server
                assert isinstance(server, KubeApiserver)
                server.kill_apiserver()
                # Wait until the index is too old.
                until(lambda: lookups.policy.find_in_memory("x") is None)
                time.sleep(1)
                starting.set()
                server.start_apiserver()
                count_up_for(1, counted)
                until(lambda: get("x") == str(counted.last), lookups.ttl + SLACK)
                starting.clear()
                count_up_for(1, counted)
                until(lambda: get("x") == str(counted.last), lookups.ttl + SLACK)

    @on_the_devserver
    def test_connections_that_all_break_at_once(self, make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
        """Each thread that finds a broken connection discards the others, while other threads return theirs."""
        put.variable("x", "found")
        lookups = make_lookups(thresholds=Thresholds(queries_first=10**9, indexes_first=0))
        failures: list[BaseException] = []
        ends = time.monotonic() + 3

        def ask(_number: int) -> None:
            try:
                while time.monotonic() < ends:
                    assert lookups.get("x") == "found"
            except BaseException as error:
                failures.append(error)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(12) as threads:
                asking = [threads.submit(ask, number) for number in range(12)]
                while time.monotonic() < ends:
                    time.sleep(0.05)
                    proxy.cut()
                for each in asking:
                    each.result()
        finally:
            sys.setswitchinterval(interval)
        assert failures == []


class TestPermissions:
    def test_permission_to_watch_is_granted_later(
        self,
        cluster: Cluster,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Until then everything is listed when the last LIST is too old. This is logged once, with the remedy."""
        account = cluster.service_account(put.namespace, "lister", {put.namespace: ["list"]})
        counted = counted_variable(put)
        ttl = 2.0
        thresholds = Thresholds(queries_first=0, indexes_first=0, refused_for=ttl)
        with closing(VariableLookups(proxy, account, put.namespace, ttl=ttl, thresholds=thresholds)) as lookups:
            reader = Reader("reader", [counted], lookups.get, pause=0.01)
            with reading(reader):
                count_up_for(1.25 * ttl, counted)
                # On a busy machine, the second LIST can come later.
                until(lambda: len(lists_of_all(proxy.requests)) >= 2)
                assert len(lists_of_all(proxy.requests)) <= 3
                until(lambda: watchers() == [])
                [line] = log_messages(caplog)
                assert "cannot be watched: they are listed instead" in line
                assert "--verb=list,watch" in line

                grant(cluster, account, "watch")

                until(lambda: proxy.open_watches == 1)
                lists = len(proxy.lists)
                count_up_for(1.25 * ttl, counted)
                until(lambda: lookups.get("x") == str(counted.last))
            assert reader.oldest < ttl + SLACK
            assert len(proxy.lists) == lists
            assert len(log_messages(caplog)) == 1

    def test_permissions_that_are_revoked(
        self, cluster: Cluster, make_lookups: MakeLookups, account: ServiceAccount, proxy: Proxy, put: Put
    ) -> None:
        """They are checked when the watch starts again. The index would stay fresh for minutes."""
        put.variable("x", "found")
        lookups = make_lookups(ttl=LONG, outage_ttl=LONG)
        assert lookups.get("x") == "found"
        until(lambda: proxy.open_watches == 1)

        revoke(cluster, account)
        proxy.cut()

        until(lambda: lookups.policy.find_in_memory("x") is None)
        with pytest.raises(ForbiddenError):
            lookups.get("x")
        assert lookups.policy.last_known("x", LONG) is None
        until(lambda: watchers() == [])

    def test_a_token_that_is_revoked(
        self, cluster: Cluster, make_lookups: MakeLookups, account: ServiceAccount, put: Put
    ) -> None:
        """Then no cached value is used, not even in an outage. A new token is enough to recover."""
        put.variable("x", "found")
        lookups = make_lookups(ttl=3.0, outage_ttl=LONG)
        assert lookups.get("x") == "found"

        token = replace_token(cluster, account)

        until(lambda: lookups.policy.find_in_memory("x") is None)
        with pytest.raises(UnauthorizedError):
            lookups.get("x")
        assert lookups.policy.last_known("x", LONG) is None
        until(lambda: watchers() == [])

        (lookups.folder / "token").write_text(token)
        until(lambda: found(lookups, "x") == "found")
        until(lambda: len(watchers()) == 1, 10)

    @on_the_devserver
    def test_a_token_that_is_rotated(
        self, cluster: Cluster, make_lookups: MakeLookups, account: ServiceAccount, proxy: Proxy, put: Put
    ) -> None:
        """The new token exists before the old one ends, so no lookup fails."""
        counted = counted_variable(put)
        lookups = make_lookups(ttl=3.0)
        lookups.get("x")
        with reading(Reader("reader", [counted], lookups.get, pause=0.01)):
            (lookups.folder / "token").write_text(replace_token(cluster, account))
            old = f"Bearer {account.token}"
            until(lambda: any(watch.headers["authorization"] != old for watch in proxy.watches))
            counted.count_up()
            until(lambda: lookups.get("x") == str(counted.last), lookups.ttl + SLACK)
        assert len(watchers()) == 1


def found(lookups: VariableLookups, key: str) -> str | None:
    """Return the value; None also if the server refuses, as it does for a moment after creating an account."""
    try:
        return lookups.get(key)
    except UnauthorizedError:
        return None
