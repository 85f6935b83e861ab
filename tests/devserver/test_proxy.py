"""The proxy that causes faults in other tests works as described, especially for watches and outages."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Protocol
from urllib.parse import urlencode

import pytest

from support.cluster import Cluster
from support.contract import Secrets
from support.exchange import Exchange, Fault
from support.faults import (
    EXPIRED,
    STREAM,
    Then,
    answer_with,
    ends_at_once,
    event,
    expired_in_the_middle,
    forward,
    forward_events,
    garbled_after,
    split_bytes,
    stream_of,
)
from support.kube_apiserver import trust
from support.proxy import Proxy
from support.waiting import until

QUIET = 0.2
SOON = 2.0


@pytest.fixture
def cluster(devserver_cluster: Cluster) -> Cluster:
    """Use one server: the tests are about the proxy."""
    return devserver_cluster


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    with Proxy(cluster) as running:
        yield running


class Caller:
    """One connection to ``server``, on which no wait is longer than ``SOON``."""

    def __init__(self, server: Cluster | Proxy, secrets: Secrets) -> None:
        self.connection = http.client.HTTPSConnection(
            server.host, server.port, context=trust(server.ca_file), timeout=SOON
        )
        self.path = secrets.path
        self.headers = {"Authorization": f"Bearer {secrets.cluster.admin_token}"}

    def list(self) -> int:
        """Return the status of the response."""
        self.connection.request("GET", self.path, headers=self.headers)
        response = self.connection.getresponse()
        response.read()
        return response.status

    def watch(self, version: str, seconds: int = 30) -> http.client.HTTPResponse:
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": seconds, "allowWatchBookmarks": "false"}
        self.connection.request("GET", f"{self.path}?{urlencode(query)}", headers=self.headers)
        # The response would drop the connection with the last reference to it.
        self.response = self.connection.getresponse()
        return self.response

    def is_quiet(self) -> bool:
        """Return whether neither data nor an end arrives for a while."""
        self.connection.sock.settimeout(QUIET)
        try:
            self.connection.sock.recv(1)
        except TimeoutError:
            self.connection.sock.settimeout(SOON)
            return True
        return False


@contextmanager
def calling(server: Cluster | Proxy, secrets: Secrets) -> Iterator[Caller]:
    caller = Caller(server, secrets)
    with closing(caller.connection):
        yield caller


@pytest.fixture
def caller(proxy: Proxy, secrets: Secrets) -> Iterator[Caller]:
    with calling(proxy, secrets) as found:
        yield found


def name(line: bytes) -> str:
    found: str = json.loads(line)["object"]["metadata"]["name"]
    return found


def drained(sock: socket.socket) -> bytes:
    """Return all bytes up to the last chunk of a response."""
    received = b""
    while not received.endswith(b"\r\n0\r\n\r\n"):
        piece = sock.recv(65536)
        assert piece, received
        received += piece
    return received


class TestForwardedWatches:
    def test_every_byte_is_the_servers_own(self, cluster: Cluster, secrets: Secrets, caller: Caller) -> None:
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

    def test_the_connection_is_used_again(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        assert caller.watch(secrets.version(), seconds=1).read() == b""
        assert caller.list() == 200
        assert [request.connection for request in proxy.requests] == [1, 1]

    def test_an_event_passes_without_delay(self, cluster: Cluster, secrets: Secrets, caller: Caller) -> None:
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

    def test_it_ends_when_the_client_closes(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        caller.watch(secrets.version()).close()
        assert proxy.open_watches == 1
        caller.connection.close()
        until(lambda: proxy.open_watches == 0, SOON)

    def test_it_ends_when_it_is_cut(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        caller.watch(secrets.version())
        proxy.cut()
        assert caller.connection.sock.recv(1) == b""
        until(lambda: proxy.open_watches == 0, SOON)
        caller.connection.close()
        assert caller.list() == 200

    def test_it_ends_when_the_proxy_is_stopped(self, cluster: Cluster, secrets: Secrets) -> None:
        with ExitStack() as stack:
            proxy = stack.enter_context(Proxy(cluster))
            with calling(proxy, secrets) as caller:
                caller.watch(secrets.version())
                began = time.monotonic()
                stack.close()
                assert time.monotonic() - began < SOON
                assert caller.connection.sock.recv(1) == b""
                assert proxy.open_watches == 0

    def test_a_server_that_goes_away_is_no_clean_end(self, proxy: Proxy, secrets: Secrets) -> None:
        with Proxy(proxy) as outer, calling(outer, secrets) as caller:
            caller.watch(secrets.version())
            proxy.refuse()
            assert caller.connection.sock.recv(1) == b""
            until(lambda: outer.open_watches == 0, SOON)

    def test_what_is_no_stream_passes_too(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        caller.headers["Authorization"] = "Bearer nobody"
        proxy.watch_faults.extend([forward, forward_events(1), split_bytes])
        for _ in range(3):
            response = caller.watch("1")
            assert response.status == 401
            assert json.loads(response.read())["kind"] == "Status"
        assert proxy.connections == 1


class TestQueues:
    def test_lists_and_watches_have_their_own(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        proxy.faults.append(answer_with(503))
        proxy.watch_faults.append(answer_with(429))
        assert (caller.watch("1").read(), caller.response.status) == (b"", 429)
        assert [caller.list(), caller.list()] == [503, 200]
        assert caller.watch(secrets.version()).status == 200

    def test_always_is_for_when_they_are_empty(self, proxy: Proxy, caller: Caller) -> None:
        proxy.faults.append(forward)
        proxy.always = answer_with(503)
        proxy.always_watch = answer_with(429)
        assert [caller.list() for _ in range(3)] == [200, 503, 503]
        for _ in range(2):
            assert (caller.watch("1").read(), caller.response.status) == (b"", 429)
        proxy.always = None
        assert caller.list() == 200

    def test_requests_are_told_apart(self, proxy: Proxy, caller: Caller) -> None:
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


class Watch(Protocol):
    """A watch to which a fault responds."""

    def __call__(self, fault: Fault, seconds: int = 30) -> http.client.HTTPResponse: ...


class TestStreams:
    """Each stream has two Secrets, ``a`` and ``b``, that were created before it began."""

    @pytest.fixture
    def watched(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> Watch:
        version = secrets.version()
        secrets.create(
            "a", stringData={"k": "v"}, metadata={"name": "a", "annotations": {"text": "\u00e4\u20ac\U0001f600"}}
        )
        secrets.create("b")

        def watch(fault: Fault, seconds: int = 30) -> http.client.HTTPResponse:
            proxy.watch_faults.append(fault)
            return caller.watch(version, seconds)

        return watch

    def test_lines_are_sent_as_they_are(self, watched: Watch, caller: Caller) -> None:
        lines = (event("ADDED", {"metadata": {"name": "\u00e4"}}), b'{"torn', b'":1}\n')
        response = watched(stream_of(*lines))
        assert response.headers["Content-Type"] == "application/json"
        assert drained(caller.connection.sock) == b"".join(b"%x\r\n%b\r\n" % (len(x), x) for x in lines) + b"0\r\n\r\n"
        assert name(lines[0]) == "\u00e4"

    def test_one_that_ends_at_once(self, watched: Watch, caller: Caller) -> None:
        assert watched(ends_at_once).read() == b""
        assert caller.list() == 200

    @pytest.mark.parametrize("make", [lambda then: stream_of(b"1\n", then=then), lambda then: forward_events(1, then)])
    def test_it_ends_as_it_is_told(
        self, watched: Watch, caller: Caller, proxy: Proxy, make: Callable[[Then], Fault]
    ) -> None:
        for then in ("end", "reset", "hang"):
            response = watched(make(then))
            assert response.readline().endswith(b"\n")
            if then == "end":
                assert response.read() == b""
                assert caller.list() == 200
            elif then == "reset":
                with pytest.raises(ConnectionResetError):
                    # Python's TLS may report a reset as an end.
                    socket.socket.recv(caller.connection.sock, 1)
                caller.connection.close()
            else:
                assert caller.is_quiet()
                assert proxy.open_watches == 1
                proxy.cut()
                assert caller.connection.sock.recv(1) == b""

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_so_many_events_are_forwarded(self, watched: Watch, count: int) -> None:
        assert [name(line) for line in watched(forward_events(count))] == ["a", "b"][:count]

    def test_one_that_is_over_before_that_ends(self, watched: Watch, caller: Caller) -> None:
        assert [name(line) for line in watched(forward_events(5, "hang"), seconds=1)] == ["a", "b"]
        assert caller.list() == 200

    @pytest.mark.parametrize("count", [0, 1])
    def test_expired_in_the_middle(self, watched: Watch, caller: Caller, count: int) -> None:
        lines = list(watched(expired_in_the_middle(after=count)))
        assert [name(line) for line in lines[:-1]] == ["a"][:count]
        assert lines[-1] == EXPIRED
        assert json.loads(EXPIRED)["object"]["code"] == 410
        assert caller.list() == 200

    def test_garbled_after(self, watched: Watch, caller: Caller) -> None:
        response = watched(garbled_after(1))
        assert name(response.readline()) == "a"
        with pytest.raises(json.JSONDecodeError):
            json.loads(response.readline())
        assert caller.is_quiet()

    def test_bytes_are_split(self, watched: Watch, caller: Caller) -> None:
        whole = watched(forward_events(2)).read()
        watched(split_bytes)
        received: list[bytes] = []
        while len(received) < len(whole):
            received.append(caller.connection.sock.recv(65536))
        assert received == [b"1\r\n%b\r\n" % bytes([byte]) for byte in whole]
        assert "\u20ac".encode() in whole


class TestOutages:
    def test_refused(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        caller.watch(secrets.version())
        proxy.refuse()
        assert caller.connection.sock.recv(1) == b""
        for _ in range(2):
            caller.connection.close()
            with pytest.raises(ConnectionRefusedError):
                caller.connection.connect()
        until(lambda: proxy.open_watches == 0, SOON)
        port = proxy.port
        proxy.resume()
        assert caller.list() == 200
        assert proxy.port == port

    def test_a_swallowed_watch_is_quiet_until_it_is_over(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        response = caller.watch(secrets.version())
        proxy.swallow()
        secrets.create("a")
        assert caller.is_quiet()
        proxy.resume()
        assert name(response.readline()) == "a"

    def test_a_swallowed_request_does_not_arrive(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        caller.list()
        proxy.swallow()
        caller.connection.request("GET", caller.path, headers=caller.headers)
        assert caller.is_quiet()
        assert len(proxy.requests) == 1
        proxy.resume()
        assert caller.connection.getresponse().status == 200

    @pytest.mark.parametrize("words", [b"", b"1\r\n1\r\n"], ids=["nothing", "words"])
    def test_a_swallowed_end_does_not_pass(self, proxy: Proxy, secrets: Secrets, caller: Caller, words: bytes) -> None:
        """This holds for the end of the server, its last data, and the end of the client."""
        over = threading.Event()

        def ends(exchange: Exchange) -> bool:
            exchange.sock.sendall(STREAM)
            over.wait(SOON)
            if words:
                exchange.sock.sendall(words)
            return False

        proxy.watch_faults.append(ends)
        caller.watch("1")
        with calling(proxy, secrets) as other:
            other.watch(secrets.version()).close()
            assert proxy.open_watches == 2
            proxy.swallow()
            over.set()
        assert caller.is_quiet()
        assert proxy.open_watches == (2 if words else 1)
        proxy.resume()
        assert caller.connection.sock.recv(100) == words
        assert caller.connection.sock.recv(1) == b""
        until(lambda: proxy.open_watches == 0, SOON)

    def test_new_connections_are_swallowed(self, proxy: Proxy, caller: Caller) -> None:
        proxy.swallow()
        caller.connection.timeout = QUIET
        with pytest.raises(TimeoutError):
            caller.connection.connect()
        until(lambda: proxy.connections == 1, SOON)
        proxy.resume()
        caller.connection.close()
        caller.connection.timeout = SOON
        assert caller.list() == 200

    def test_what_is_swallowed_can_be_cut(self, proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
        caller.watch(secrets.version())
        proxy.swallow()
        proxy.cut()
        assert caller.connection.sock.recv(1) == b""
        until(lambda: proxy.open_watches == 0, SOON)

    def test_one_outage_follows_another(self, proxy: Proxy, caller: Caller) -> None:
        proxy.refuse()
        proxy.swallow()
        with closing(socket.create_connection((proxy.host, proxy.port), timeout=SOON)) as sock:
            until(lambda: proxy.connections == 1, SOON)
            proxy.refuse()
            assert sock.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            caller.connection.connect()
        proxy.resume()
        assert caller.list() == 200

    def test_a_proxy_stops_during_each(self, cluster: Cluster) -> None:
        for outage in (Proxy.refuse, Proxy.swallow):
            with Proxy(cluster) as proxy, socket.create_connection((proxy.host, proxy.port)):
                until(lambda: proxy.connections == 1, SOON)
                outage(proxy)
                began = time.monotonic()
            assert time.monotonic() - began < SOON
