"""Watches pass through the proxy unchanged and without delay, and end when one side ends."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack

from support.cluster import Cluster
from support.contract import Secrets
from support.faults import (
    forward,
    forward_events,
    split_bytes,
)
from support.proxy import Proxy
from support.raw_connection import SOON, Caller, calling, drained, name
from support.waiting import until


def test_response_is_forwarded_byte_for_byte(cluster: Cluster, secrets: Secrets, caller: Caller) -> None:
    version = secrets.version()
    secrets.create("a", {"z": "1"})
    secrets.create("b", {"z": "1"})
    query = f"watch=true&resourceVersion={version}&timeoutSeconds=1&labelSelector=z%3D1&allowWatchBookmarks=true"
    answers = []
    with calling(cluster, secrets) as direct:
        for each in (direct, caller):
            each.connection.request("GET", f"{secrets.path}?{query}", headers=each.headers)
        for each in (direct, caller):
            answer = drained(each.connection.sock)
            # Bookmarks contain the version of their moment.
            for changing in (rb"date: [^\r]*", rb'(?<="BOOKMARK").*'):
                answer = re.sub(changing, b"", answer)
            answers.append(answer)
    assert answers[0] == answers[1]
    assert answers[0].count(b'"ADDED"') == 2


def test_connection_is_reused(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    assert caller.watch(secrets.version(), seconds=1).read() == b""
    assert caller.list() == 200
    assert [request.connection for request in proxy.requests] == [1, 1]


def test_an_event_passes_without_delay(cluster: Cluster, secrets: Secrets, caller: Caller) -> None:
    """The shortest of several delays counts: a busy machine then has no effect, but a systematic delay has."""
    version = secrets.version()
    with calling(cluster, secrets) as direct:
        sources = [direct.watch(version), caller.watch(version)]
        delays = []
        for number in range(10):
            secrets.create(f"w{number}")
            assert name(sources[0].readline()) == f"w{number}"
            began = time.monotonic()
            assert name(sources[1].readline()) == f"w{number}"
            delays.append(time.monotonic() - began)
    assert min(delays) < 0.005


def test_watch_ends_when_the_client_closes(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    caller.watch(secrets.version()).close()
    assert proxy.open_watches == 1
    caller.connection.close()
    until(lambda: proxy.open_watches == 0, SOON)


def test_watch_ends_when_the_proxy_cuts_it(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    caller.watch(secrets.version())
    proxy.cut()
    assert caller.connection.sock.recv(1) == b""
    until(lambda: proxy.open_watches == 0, SOON)
    caller.connection.close()
    assert caller.list() == 200


def test_watch_ends_when_the_proxy_stops(cluster: Cluster, secrets: Secrets) -> None:
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(cluster))
        with calling(proxy, secrets) as caller:
            caller.watch(secrets.version())
            began = time.monotonic()
            stack.close()
            assert time.monotonic() - began < SOON
            assert caller.connection.sock.recv(1) == b""
            assert proxy.open_watches == 0


def test_lost_connection_to_the_server_does_not_end_a_watch_cleanly(proxy: Proxy, secrets: Secrets) -> None:
    with Proxy(proxy) as outer, calling(outer, secrets) as caller:
        caller.watch(secrets.version())
        proxy.refuse()
        assert caller.connection.sock.recv(1) == b""
        until(lambda: outer.open_watches == 0, SOON)


def test_error_responses_to_watches_are_forwarded(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    caller.headers["Authorization"] = "Bearer nobody"
    proxy.watch_faults.extend([forward, forward_events(1), split_bytes])
    for _ in range(3):
        response = caller.watch("1")
        assert response.status == 401
        assert json.loads(response.read())["kind"] == "Status"
    assert proxy.connections == 1
