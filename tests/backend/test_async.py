"""``aget_connection``, which Airflow's triggerer awaits: the event loop never waits for Kubernetes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable
from typing import Any

import pytest

from airflow_kubernetes_secrets.counters import FROM_MEMORY, counters
from airflow_kubernetes_secrets.errors import ApiUnavailableError, MalformedSecretError
from support.faults import answer_with, late
from support.proxy import Proxy
from support.secrets import MakeBackend, Put

URI = "http://user:password@host.example.com"

# The tested code is on the client's side, so the devserver is enough.
pytestmark = pytest.mark.parametrize("cluster", ["devserver"], indirect=True)


async def longest_pause(awaitable: Awaitable[Any]) -> tuple[Any, float]:
    """Return the result, and the longest time in seconds in which the event loop did nothing else."""
    paused = 0.0

    async def tick() -> None:
        nonlocal paused
        while True:
            began = time.monotonic()
            await asyncio.sleep(0)
            paused = max(paused, time.monotonic() - began)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    try:
        return await awaitable, paused
    finally:
        ticking.cancel()


def test_aget_connection_returns_the_connection(proxied: MakeBackend, put: Put) -> None:
    put.connection("x", URI)
    put.connection("x", "http://of-the-team", team="analytics")
    backend = proxied()

    assert asyncio.run(backend.aget_connection("x")).host == "host.example.com"
    assert asyncio.run(backend.aget_connection("x", team_name="analytics")).host == "of-the-team"
    assert asyncio.run(backend.aget_connection("missing")) is None


def test_event_loop_continues_during_a_request(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    """This includes the first lookup, which reads the token and the CA."""
    put.connection("x", URI)
    proxy.always = late(2)
    backend = proxied()

    found, paused = asyncio.run(longest_pause(backend.aget_connection("x")))

    assert found.host == "host.example.com"
    assert paused < 1.5


def test_concurrent_lookups_share_requests(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    """A triggerer starts hundreds of triggers at once."""
    put.connection("x", URI)
    backend = proxied(cache_ttl=60)

    async def ask() -> list[Any]:
        return await asyncio.gather(*(backend.aget_connection("x") for _ in range(300)))

    found = asyncio.run(ask())

    assert {connection.host for connection in found} == {"host.example.com"}
    assert len(proxy.requests) == 3


def test_cached_connection_needs_no_thread(proxied: MakeBackend, put: Put) -> None:
    put.connection("x", URI)
    backend = proxied(cache_ttl=60)
    for _ in range(3):
        backend.get_connection("x")
    before = threading.active_count()

    async def ask() -> Any:
        # Before Airflow 3.3 each lookup uses a new object.
        found = await proxied(cache_ttl=60).aget_connection("x")
        assert await backend.aget_connection("missing") is None
        assert threading.active_count() == before
        return found

    assert asyncio.run(ask()).host == "host.example.com"


def test_a_result_from_memory_is_counted_once(proxied: MakeBackend, put: Put) -> None:
    """If the second query needs the API server, a thread repeats the first one."""
    put.connection("x", URI)
    backend = proxied(cache_ttl=60, bundles=True)
    for _ in range(3):
        backend.get_connection("x")
    counters.is_on = True

    assert asyncio.run(backend.aget_connection("missing")) is None
    events, _durations = counters.take()
    assert events[FROM_MEMORY] == 1
    assert asyncio.run(backend.aget_connection("x")) is not None
    events, _durations = counters.take()
    assert events[FROM_MEMORY] == 1


def test_dns_works_while_kubernetes_is_unavailable(proxied: MakeBackend, proxy: Proxy) -> None:
    """The event loop has few threads for DNS, and other triggers need them."""
    backend = proxied(timeout=3)
    proxy.swallow()

    async def ask() -> float:
        waiting = [asyncio.ensure_future(backend.aget_connection(f"x{number}")) for number in range(100)]
        await asyncio.sleep(0.5)
        began = time.monotonic()
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        took = time.monotonic() - began
        failed = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(error) for error in failed} == {ApiUnavailableError}
        return took

    began = time.monotonic()
    assert asyncio.run(ask()) < 2
    # If they waited one after another in these threads, they would need at least 30 s.
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("cache_ttl", [0, 60])
def test_errors_are_the_same_as_those_of_synchronous_lookups(
    proxied: MakeBackend, proxy: Proxy, put: Put, cache_ttl: float, caplog: pytest.LogCaptureFixture
) -> None:
    put.connection("x", "neither", name="broken")
    backend = proxied(cache_ttl=cache_ttl, timeout=2, outage_ttl=0)
    for _ in range(4):
        with pytest.raises(MalformedSecretError, match=f"Secret {put.namespace}/broken"):
            asyncio.run(backend.aget_connection("x"))

    proxy.always = answer_with(503)
    if not cache_ttl:
        with pytest.raises(ApiUnavailableError, match="it answered 503"):
            asyncio.run(backend.aget_connection("x"))
