"""One request that came to the proxy, and what answers it: a fault, which has the real answer at hand."""

from __future__ import annotations

import contextlib
import http.client
import io
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import parse_qs, urlsplit

from support.kube_apiserver import trust
from support.waiting import PATIENCE

PIECE = 65536


@dataclass(frozen=True)
class Request:
    """One request as it arrived; ``connection`` numbers the connection that it came over."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch", ["false"])[0] not in {"false", "0"}


class Connection(ssl.SSLSocket):
    """A client's connection. Nothing gets through it, in either direction, while ``passing`` is not set."""

    number: int
    passing: threading.Event

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]  # bytes are all we send
        self.passing.wait()
        super().sendall(data, flags)

    def wait(self, other: socket.socket | None = None, seconds: float | None = None) -> bool:
        """Wait until there is something to read here (True), or from ``other``, or the time is over (False)."""
        with selectors.PollSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if other is not None:
                selector.register(other, selectors.EVENT_READ)
            ready = {key.fileobj for key, _events in selector.select(seconds)}
        self.passing.wait()
        return self in ready

    def cut(self) -> None:
        """Close it for both sides, from any thread; its own thread finds out and frees it."""
        with contextlib.suppress(OSError):
            # Not SSLSocket's, which would have a thread that reads at this moment go on without TLS.
            socket.socket.shutdown(self, socket.SHUT_RDWR)
        self.passing.set()


class Incoming(io.RawIOBase):
    """What the real server sends, for http.client to read. ``copy`` gets each byte first, as soon as it is there.

    Reading ends with an OSError when the client is gone.
    """

    def __init__(self, upstream: ssl.SSLSocket, client: Connection, copy: Callable[[bytes], None] | None) -> None:
        upstream.setblocking(False)
        self._upstream = upstream
        self._client = client
        self._copy = copy

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks a socket for."""
        return io.BufferedReader(self, PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # that is what BufferedReader gives
        while True:
            try:
                count = self._upstream.recv_into(buffer)
            except ssl.SSLWantReadError:
                if self._client.wait(self._upstream):
                    raise ConnectionAbortedError("the client is gone") from None
            else:
                if self._copy is not None:
                    self._copy(bytes(buffer[:count]))
                return count


class Upstream(Protocol):
    """Where requests go to: an API server, or another proxy."""

    host: str
    port: int
    ca_file: Path


class Exchange:
    """What a fault works with: the client's socket, the request, and how the answer would read."""

    def __init__(self, sock: Connection, request: Request, upstream: Upstream) -> None:
        self.sock = sock
        self.request = request
        self._upstream = upstream

    @contextlib.contextmanager
    def upstream(
        self, target: str | None = None, copy: Callable[[bytes], None] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer of the real server, to be read as it comes; ``copy`` gets its bytes as they are."""
        connection = http.client.HTTPSConnection(
            self._upstream.host, self._upstream.port, context=trust(self._upstream.ca_file), timeout=PATIENCE
        )
        with contextlib.closing(connection):
            headers = {key: value for key, value in self.request.headers.items() if key != "host"}
            connection.request(self.request.method, target or self.request.target, headers=headers)
            incoming = Incoming(connection.sock, self.sock, copy)
            with http.client.HTTPResponse(incoming, method=self.request.method) as response:  # type: ignore[arg-type]  # the stubs are narrower
                response.begin()
                yield response

    def answer(self, target: str | None = None) -> bytes:
        """The whole answer of the real server, as bytes of HTTP; to another target where one is given."""
        with self.upstream(target) as response:
            return relayed(response)

    def wait(self, seconds: float | None) -> None:
        """Wait so long (None: for ever), or until the client is gone, the connection cut or the proxy stopped."""
        self.sock.wait(seconds=seconds)

    def reset(self) -> Literal[False]:
        """Have the connection end with a reset when the fault returns."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


def reply(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}", f"Content-Length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def relayed(response: http.client.HTTPResponse) -> bytes:
    """An answer of the real server, read whole."""
    return reply(response.status, response.read(), {"Content-Type": "application/json"})


# A fault says whether the connection may go on.
Fault = Callable[[Exchange], bool]
