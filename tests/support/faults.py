"""The faults of a proxy, and the forwarding without a fault.

A client sends nothing while its request is being answered. So any input from it at that time is taken for its end.
"""

from __future__ import annotations

import http.client
import json
from itertools import islice
from typing import Literal

from support.exchange import PIECE, Exchange, Fault, relayed, reply
from support.waiting import PATIENCE

Then = Literal["end", "reset", "hang"]


def forward(exchange: Exchange) -> bool:
    """Forward the request, as a correct proxy does. A watch is forwarded byte by byte, and ends with the real one."""
    if not exchange.request.is_watch:
        exchange.sock.sendall(exchange.answer())
        return True
    with exchange.upstream(copy=exchange.sock.sendall) as response:
        while response.read1(PIECE):
            pass
        return not response.will_close


def answer_with(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Fault:
    """Send this response instead of the real one."""

    def fault(exchange: Exchange) -> bool:
        exchange.sock.sendall(reply(status, body, headers))
        return True

    return fault


# As a kube-apiserver responds; the second one to an unknown token.
FORBIDDEN_BODY = b'{"kind": "Status", "message": "secrets is forbidden: User \\"someone\\" cannot list"}'
FORBIDDEN = answer_with(403, FORBIDDEN_BODY)
UNAUTHORIZED = answer_with(401, b'{"kind": "Status", "message": "Unauthorized"}')
GONE = answer_with(410, b'{"kind": "Status", "reason": "Expired", "message": "too old resource version: 1 (2)"}')


def unfiltered(exchange: Exchange) -> bool:
    """Respond as a proxy does that drops the query."""
    exchange.sock.sendall(exchange.answer(exchange.request.target.partition("?")[0]))
    return True


def silent(exchange: Exchange) -> bool:
    """Send nothing."""
    exchange.wait(PATIENCE)
    return False


def late(seconds: float) -> Fault:
    """Forward the request after some seconds."""

    def fault(exchange: Exchange) -> bool:
        exchange.wait(seconds)
        return forward(exchange)

    return fault


def reset_after(count: int) -> Fault:
    """Send ``count`` bytes of the response, then reset the connection."""

    def fault(exchange: Exchange) -> bool:
        if count:
            exchange.sock.sendall(exchange.answer()[:count])
        return exchange.reset()

    return fault


def close_at_once(exchange: Exchange) -> bool:
    """Close the connection without a response."""
    return False


def truncated(exchange: Exchange) -> bool:
    """Close the connection before the last ten bytes of the response."""
    exchange.sock.sendall(exchange.answer()[:-10])
    return False


def trickle(exchange: Exchange) -> bool:
    """Send one byte of the response every tenth of a second, so that no single read waits long."""
    for byte in exchange.answer():
        exchange.sock.sendall(bytes([byte]))
        exchange.wait(0.1)
    return False


def raw(answer: bytes) -> Fault:
    """Send these bytes instead of the response, then close the connection."""

    def fault(exchange: Exchange) -> bool:
        exchange.sock.sendall(answer)
        return False

    return fault


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_JSON = b'{"type":"ADDED","object":hunter2\n'
# As a kube-apiserver sends it.
EXPIRED = (
    b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"too old resource version: 1 (2)","reason":"Expired","code":410}}\n'
)


def event(kind: str, thing: dict[str, object]) -> bytes:
    """Return the line of one event."""
    return json.dumps({"type": kind, "object": thing}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def chunk(data: bytes) -> bytes:
    """Return a chunk of a chunked body; nothing for no data, because an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def stream_of(*lines: bytes, then: Then = "end") -> Fault:
    """Send a stream of these lines, each in a chunk, independent of the real server.

    The lines are sent unchanged: a complete one must end with a newline, and incomplete ones are possible.
    """

    def fault(exchange: Exchange) -> bool:
        exchange.sock.sendall(STREAM)
        for line in lines:
            exchange.sock.sendall(chunk(line))
        return _finish(exchange, then)

    return fault


ends_at_once = stream_of()


def forward_events(count: int, then: Then = "end") -> Fault:
    """Forward ``count`` lines, including bookmarks. A stream that ends earlier ends cleanly here as well."""
    return _interrupted(count, b"", then)


def garbled_after(count: int, then: Then = "hang") -> Fault:
    """Forward ``count`` lines, then send one that is not JSON. The stream continues, so the client must give up."""
    return _interrupted(count, NO_JSON, then)


def expired_in_the_middle(after: int = 1) -> Fault:
    """Forward ``after`` lines, then report that the version is too old, and end cleanly."""
    return _interrupted(after, EXPIRED, "end")


def split_bytes(exchange: Exchange) -> bool:
    """Forward the stream one byte at a time, each in its own chunk and TLS record."""
    with exchange.upstream() as response:
        if not _begin(exchange, response):
            return True
        while piece := response.read1(PIECE):
            for byte in piece:
                exchange.sock.sendall(chunk(bytes([byte])))
    return _finish(exchange, "end")


def _interrupted(count: int, line: bytes, then: Then) -> Fault:
    def fault(exchange: Exchange) -> bool:
        with exchange.upstream() as response:
            if not _begin(exchange, response):
                return True
            forwarded = 0
            for each in islice(response, count):
                exchange.sock.sendall(chunk(each))
                forwarded += 1
        if forwarded < count:
            return _finish(exchange, "end")
        exchange.sock.sendall(chunk(line))
        return _finish(exchange, then)

    return fault


def _begin(exchange: Exchange, response: http.client.HTTPResponse) -> bool:
    """Begin a stream if the real server did; forward any other response."""
    streams = response.status == http.client.OK
    exchange.sock.sendall(STREAM if streams else relayed(response))
    return streams


def _finish(exchange: Exchange, then: Then) -> bool:
    if then == "end":
        exchange.sock.sendall(b"0\r\n\r\n")
        return True
    if then == "reset":
        return exchange.reset()
    exchange.wait(None)
    return False
