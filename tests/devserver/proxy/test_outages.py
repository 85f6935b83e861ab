"""The proxy refuses connections or forwards no data, until it resumes."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing

import pytest

from support.cluster import Cluster
from support.contract import Secrets
from support.exchange import Exchange
from support.faults import (
    STREAM,
)
from support.proxy import Proxy
from support.raw_connection import QUIET, SOON, Caller, calling, name
from support.waiting import until


def test_refused(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
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


def test_swallowed_watch_sends_no_data_until_the_proxy_resumes(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    response = caller.watch(secrets.version())
    proxy.swallow()
    secrets.create("a")
    assert caller.is_quiet()
    proxy.resume()
    assert name(response.readline()) == "a"


def test_a_swallowed_request_does_not_arrive(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    caller.list()
    proxy.swallow()
    caller.connection.request("GET", caller.path, headers=caller.headers)
    assert caller.is_quiet()
    assert len(proxy.requests) == 1
    proxy.resume()
    assert caller.connection.getresponse().status == 200


@pytest.mark.parametrize("words", [b"", b"1\r\n1\r\n"], ids=["nothing", "words"])
def test_end_of_a_connection_is_not_forwarded_while_swallowing(
    proxy: Proxy, secrets: Secrets, caller: Caller, words: bytes
) -> None:
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
    until(lambda: proxy.open_watches == (2 if words else 1), SOON)
    proxy.resume()
    assert caller.connection.sock.recv(100) == words
    assert caller.connection.sock.recv(1) == b""
    until(lambda: proxy.open_watches == 0, SOON)


def test_new_connections_are_swallowed(proxy: Proxy, caller: Caller) -> None:
    proxy.swallow()
    caller.connection.timeout = QUIET
    with pytest.raises(TimeoutError):
        caller.connection.connect()
    until(lambda: proxy.connections == 1, SOON)
    proxy.resume()
    caller.connection.close()
    caller.connection.timeout = SOON
    assert caller.list() == 200


def test_swallowed_watch_can_be_cut(proxy: Proxy, secrets: Secrets, caller: Caller) -> None:
    caller.watch(secrets.version())
    proxy.swallow()
    proxy.cut()
    assert caller.connection.sock.recv(1) == b""
    until(lambda: proxy.open_watches == 0, SOON)


def test_one_outage_follows_another(proxy: Proxy, caller: Caller) -> None:
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


def test_proxy_stops_during_each_kind_of_outage(cluster: Cluster) -> None:
    for outage in (Proxy.refuse, Proxy.swallow):
        with Proxy(cluster) as proxy, socket.create_connection((proxy.host, proxy.port)):
            until(lambda: proxy.connections == 1, SOON)
            outage(proxy)
            began = time.monotonic()
        assert time.monotonic() - began < SOON
