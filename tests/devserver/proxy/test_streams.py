"""The faults of watches: streams with given lines, with some of the events, and with an end in the middle."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from typing import Protocol

import pytest

from support.contract import Secrets
from support.exchange import Fault
from support.faults import (
    EXPIRED,
    Then,
    ends_at_once,
    event,
    expired_in_the_middle,
    forward_events,
    garbled_after,
    split_bytes,
    stream_of,
)
from support.proxy import Proxy
from support.raw_connection import WATCH_SECONDS, Caller, drained, name


class Watch(Protocol):
    """A watch to which a fault responds."""

    def __call__(self, fault: Fault, seconds: int = 30) -> http.client.HTTPResponse: ...


@pytest.fixture
def watched(proxy: Proxy, secrets: Secrets, caller: Caller) -> Watch:
    """Create the Secrets ``a`` and ``b``, and return a function that watches from before that."""
    version = secrets.version()
    secrets.create(
        "a", stringData={"k": "v"}, metadata={"name": "a", "annotations": {"text": "\u00e4\u20ac\U0001f600"}}
    )
    secrets.create("b")

    def watch(fault: Fault, seconds: int = WATCH_SECONDS) -> http.client.HTTPResponse:
        proxy.watch_faults.append(fault)
        return caller.watch(version, seconds)

    return watch


def test_lines_are_sent_unchanged(watched: Watch, caller: Caller) -> None:
    lines = (event("ADDED", {"metadata": {"name": "\u00e4"}}), b'{"torn', b'":1}\n')
    response = watched(stream_of(*lines))
    assert response.headers["Content-Type"] == "application/json"
    assert drained(caller.connection.sock) == b"".join(b"%x\r\n%b\r\n" % (len(x), x) for x in lines) + b"0\r\n\r\n"
    assert name(lines[0]) == "\u00e4"


def test_watch_that_ends_immediately(watched: Watch, caller: Caller) -> None:
    assert watched(ends_at_once).read() == b""
    assert caller.list() == 200


@pytest.mark.parametrize("make", [lambda then: stream_of(b"1\n", then=then), lambda then: forward_events(1, then)])
def test_stream_ends_hangs_or_is_reset_as_specified(
    watched: Watch, caller: Caller, proxy: Proxy, make: Callable[[Then], Fault]
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
def test_given_number_of_events_is_forwarded(watched: Watch, count: int) -> None:
    assert [name(line) for line in watched(forward_events(count))] == ["a", "b"][:count]


def test_watch_with_too_few_events_ends_at_its_timeout(watched: Watch, caller: Caller) -> None:
    assert [name(line) for line in watched(forward_events(5, "hang"), seconds=1)] == ["a", "b"]
    assert caller.list() == 200


@pytest.mark.parametrize("count", [0, 1])
def test_expired_in_the_middle(watched: Watch, caller: Caller, count: int) -> None:
    lines = list(watched(expired_in_the_middle(after=count)))
    assert [name(line) for line in lines[:-1]] == ["a"][:count]
    assert lines[-1] == EXPIRED
    assert json.loads(EXPIRED)["object"]["code"] == 410
    assert caller.list() == 200


def test_garbled_after(watched: Watch, caller: Caller) -> None:
    response = watched(garbled_after(1))
    assert name(response.readline()) == "a"
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.readline())
    assert caller.is_quiet()


def test_bytes_are_split(watched: Watch, caller: Caller) -> None:
    whole = watched(forward_events(2)).read()
    watched(split_bytes)
    received: list[bytes] = []
    while len(received) < len(whole):
        received.append(caller.connection.sock.recv(65536))
    assert received == [b"1\r\n%b\r\n" % bytes([byte]) for byte in whole]
    assert "\u20ac".encode() in whole
