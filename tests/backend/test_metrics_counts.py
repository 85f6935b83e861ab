"""When the counts of lookups are sent, without a backend and with clients that do something else meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from airflow_kubernetes_secrets.backend import metrics
from airflow_kubernetes_secrets.backend.metrics import HIT, MISS
from airflow_kubernetes_secrets.counters import counters
from airflow_kubernetes_secrets.errors import ApiError
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.sources import outage
from support.faults import answer_with, silent
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver

# In seconds. Each lookup during an outage waits for it, and a busy machine responds late.
TIMEOUT = 2.0


class Client:
    """A client of Airflow's metrics that does something else in each call."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self.counted: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}

    def incr(self, name: str, number: int) -> None:
        self._action()
        self.counted[name.removeprefix("kubernetes_secrets.")] += number

    def timing(self, name: str, duration: timedelta) -> None:
        pass

    def gauge(self, name: str, value: float) -> None:
        self.gauges[name.removeprefix("kubernetes_secrets.")] = value


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Count without a backend."""
    monkeypatch.setattr(counters, "is_on", True)
    yield
    counters.clear()


@on_the_devserver
@pytest.mark.usefixtures("count")
class TestWhenCountsAreSent:
    """A lookup that sends a request sends its counts at its end. A lookup from memory is only counted."""

    @pytest.fixture
    def client(self, monkeypatch: pytest.MonkeyPatch) -> Client:
        created = Client(lambda: None)
        for name in ("stats", "created_stats"):
            monkeypatch.setattr(metrics, name, lambda: created)
        return created

    def test_lookups_from_memory_in_an_outage(
        self, client: Client, proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outage, "_PAUSE_SECONDS", (60.0, 60.0))
        put.variable("v", "x")
        backend = proxied(outage_ttl=600, timeout=TIMEOUT, metrics=True)
        assert backend.get_variable("v") == "x"
        proxy.refuse()
        assert backend.get_variable("v") == "x"
        sent = client.counted.copy()
        assert sent["outages"] == sent["results.outage_memory"] == 1

        for _ in range(5):
            assert backend.get_variable("v") == "x"
        assert client.counted == sent
        assert len(counters) == 10

    def test_a_failed_probe(
        self, client: Client, proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outage, "_PAUSE_SECONDS", (0.0, 0.0))
        put.variable("v", "x")
        backend = proxied(outage_ttl=600, timeout=TIMEOUT, metrics=True)
        assert backend.get_variable("v") == "x"
        proxy.always = silent
        assert backend.get_variable("v") == "x"
        # A pause is at least as long as the failed request took.
        time.sleep(TIMEOUT + 0.5)
        assert backend.get_variable("v") == "x"

        assert client.counted["results.outage_memory"] == 2
        assert client.counted["request.retries"] == 0

    def test_a_connection_from_memory_in_a_new_backend_object(
        self, client: Client, proxied: MakeBackend, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Airflow's triggerer calls the method. The gauges of the source are sent too."""
        put.connection("x", "postgres://db")
        kwargs = {"cache_ttl": 60, "metrics": True}
        backend = proxied(**kwargs)
        for _ in range(3):
            backend.get_connection("x")
        client.gauges.clear()
        monkeypatch.setattr(metrics, "_INTERVAL_SECONDS", 0.0)
        assert asyncio.run(proxied(**kwargs).aget_connection("x")) is not None

        assert client.gauges["index.secrets"] == 1

    def test_a_request_that_ends_in_an_error(self, client: Client, proxied: MakeBackend, proxy: Proxy) -> None:
        backend = proxied(metrics=True)
        proxy.faults.append(answer_with(400, b'{"kind": "Status", "message": "so it is"}'))
        with pytest.raises(ApiError):
            backend.get_variable("v")

        assert client.counted == {"lookups.variable.error": 1}


@pytest.mark.usefixtures("count")
def test_a_lookup_while_the_client_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow can look up an option then. Its counts are sent by the next lookup."""

    def look_up() -> None:
        calls.append(len(counters))
        # Without an end, a failure of this test would be a recursion.
        if len(calls) < 5:
            counters.count("outages", send_soon=True)
            metrics.note(Kind.CONFIG, MISS, None)

    calls: list[int] = []
    client = Client(look_up)
    for name in ("stats", "created_stats"):
        monkeypatch.setattr(metrics, name, lambda: client)
    counters.count("request.retries", send_soon=True)
    metrics.note(Kind.VARIABLE, HIT, None)
    assert client.counted == {"request.retries": 1, "lookups.variable.hit": 1}
    assert len(counters) == 4


@pytest.mark.usefixtures("count")
def test_a_thread_that_waits_for_its_client_does_not_prevent_others_from_sending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_waiting, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        is_waiting.set()
        assert may_end.wait(60)

    slow, fast = Client(wait), Client(lambda: None)
    thread = threading.Thread(target=metrics.note, args=(Kind.VARIABLE, HIT, None), daemon=True)
    monkeypatch.setattr(metrics, "stats", lambda: slow if threading.current_thread() is thread else fast)
    counters.count("request.retries", send_soon=True)
    thread.start()
    try:
        assert is_waiting.wait(60)
        counters.count("outages", send_soon=True)
        metrics.note(Kind.CONNECTION, HIT, None)
        assert fast.counted == {"outages": 1, "lookups.connection.hit": 1}
    finally:
        may_end.set()
        thread.join(60)
    assert slow.counted == {"request.retries": 1, "lookups.variable.hit": 1}
