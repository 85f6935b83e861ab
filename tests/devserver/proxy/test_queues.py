"""The faults of the proxy are used in order, with separate queues for lists and watches."""

from __future__ import annotations

from support.contract import Secrets
from support.faults import (
    answer_with,
    forward,
)
from support.proxy import Proxy
from support.raw_connection import SOON, Caller
from support.waiting import until


def test_lists_and_watches_have_separate_queues(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    proxy.faults.append(answer_with(503))
    proxy.watch_faults.append(answer_with(429))
    assert (caller.watch("1").read(), caller.response.status) == (b"", 429)
    assert [caller.list(), caller.list()] == [503, 200]
    assert caller.watch(secrets.version()).status == 200


def test_always_applies_when_the_queues_are_empty(proxy: Proxy, caller: Caller) -> None:
    proxy.faults.append(forward)
    proxy.always = answer_with(503)
    proxy.always_watch = answer_with(429)
    assert [caller.list() for _ in range(3)] == [200, 503, 503]
    for _ in range(2):
        assert (caller.watch("1").read(), caller.response.status) == (b"", 429)
    proxy.always = None
    assert caller.list() == 200


def test_lists_and_watches_are_recorded_separately(proxy: Proxy, caller: Caller) -> None:
    proxy.always = proxy.always_watch = answer_with(200)
    caller.list()
    caller.watch("7").read()
    for value in ("0", "false", "1"):
        caller.connection.request("GET", f"{caller.path}?watch={value}")
        caller.connection.getresponse().read()
    assert [request.query.get("watch") for request in proxy.lists] == [None, ["0"], ["false"]]
    assert [request.query["watch"] for request in proxy.watches] == [["true"], ["1"]]
    assert len(proxy.requests) == 5
    until(lambda: proxy.open_watches == 0, SOON)
