"""One request that reached the proxy, and the fault that answers it and can use the real response."""

from __future__ import annotations

import contextlib
import functools
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
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import parse_qs, urlsplit

from support.kube_apiserver import trust
from support.waiting import PATIENCE

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PIECE = 65536


@dataclass(frozen=True)
class Request:
    """One request as it arrived. ``connection`` is the number of its connection."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int
    body: bytes = b""

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the query, each with its values."""
        return parse_qs(urlsplit(self.target).query)

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch", ["false"])[0] not in {"false", "0"}


class Connection(ssl.SSLSocket):
    """A client's connection. While ``passing`` is not set, no data passes in either direction."""

    number: int
    passing: threading.Event
    # The connection to the real server on which the last request of this client was forwarded, if it is still usable.
    upstream: ssl.SSLSocket | None = None

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        self.passing.wait()
        super().sendall(data, flags)

    def wait(self, other: socket.socket | None = None, seconds: float | None = None) -> bool:
        """Wait for data on this connection (returns True), or from ``other``, or for the timeout (returns False)."""
        with selectors.PollSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            if other is not None:
                selector.register(other, selectors.EVENT_READ)
            ready = {key.fileobj for key, _events in selector.select(seconds)}
        self.passing.wait()
        return self in ready

    def cut(self) -> None:
        """Close the connection for both sides, from any thread. Its own thread notices this and frees it."""
        with contextlib.suppress(OSError):
            # The shutdown of SSLSocket would let a thread that is reading continue without TLS.
            socket.socket.shutdown(self, socket.SHUT_RDWR)
        self.passing.set()


class Incoming(io.RawIOBase):
    """The bytes from the real server, for http.client to read. ``copy`` is called with each part first.

    Reading ends with an OSError when the client has closed its connection.
    """

    def __init__(self, upstream: ssl.SSLSocket, client: Connection, copy: Callable[[bytes], None] | None) -> None:
        upstream.setblocking(False)
        self._upstream = upstream
        self._client = client
        self._copy = copy

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffered reader, which http.client requests from a socket."""
        return io.BufferedReader(self, PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while True:
            try:
                count = self._upstream.recv_into(buffer)
            except ssl.SSLWantReadError:
                if self._client.wait(self._upstream):
                    raise ConnectionAbortedError("the client is gone") from None
            else:
                if self._copy is not None:
                    self._copy(bytes(memoryview(buffer)[:count]))
                return count


class Upstream(Protocol):
    """The server to which requests are forwarded: an API server, or another proxy."""

    host: str
    port: int
    ca_file: Path


# Loading the certificates takes longer than forwarding a request.
_context = functools.cache(trust)


class Exchange:
    """The input of a fault: the client's socket, the request, and access to the real response."""

    def __init__(self, sock: Connection, request: Request, upstream: Upstream) -> None:
        self.sock = sock
        self.request = request
        self._upstream = upstream

    @contextlib.contextmanager
    def upstream(
        self, target: str | None = None, copy: Callable[[bytes], None] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Return the real server's response, to be read as it arrives. ``copy`` is called with the raw bytes.

        A TLS handshake takes longer than forwarding a request. So if the response was read completely, the connection
        to the real server is used again for the client's next request.
        """
        connection = http.client.HTTPSConnection(
            self._upstream.host, self._upstream.port, context=_context(self._upstream.ca_file), timeout=PATIENCE
        )
        with contextlib.closing(connection):
            if (reusable := self._reusable()) is not None:
                connection.sock = reusable
            headers = {key: value for key, value in self.request.headers.items() if key != "host"}
            connection.request(self.request.method, target or self.request.target, self.request.body or None, headers)
            incoming = Incoming(connection.sock, self.sock, copy)
            with http.client.HTTPResponse(incoming, method=self.request.method) as response:  # type: ignore[arg-type]  # the stubs are narrower
                response.begin()
                yield response
                if response.isclosed() and not response.will_close:
                    self.sock.upstream, connection.sock = connection.sock, None

    def _reusable(self) -> ssl.SSLSocket | None:
        """Return the connection of the client's last request, unless the real server has closed it."""
        found, self.sock.upstream = self.sock.upstream, None
        if found is None:
            return None
        # `select.select` would refuse the descriptors of a process with more than 1,024 of them.
        with selectors.PollSelector() as selector:
            selector.register(found, selectors.EVENT_READ)
            is_closed = bool(selector.select(0))
        if is_closed:
            found.close()
            return None
        found.settimeout(PATIENCE)
        return found

    def answer(self, target: str | None = None) -> bytes:
        """Return the whole response of the real server, as bytes of HTTP; ``target`` replaces the requested target."""
        with self.upstream(target) as response:
            return relayed(response)

    def wait(self, seconds: float | None) -> None:
        """Wait for ``seconds`` (None: without limit), or until the client, the connection or the proxy has ended."""
        self.sock.wait(seconds=seconds)

    def reset(self) -> Literal[False]:
        """Make the connection end with a reset when the fault returns."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


def reply(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """Return a response as bytes of HTTP."""
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}", f"Content-Length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def relayed(response: http.client.HTTPResponse) -> bytes:
    """Read the whole response of the real server, and return it as bytes of HTTP."""
    return reply(response.status, response.read(), {"Content-Type": "application/json"})


# A fault returns whether the connection may be used for more requests.
Fault = Callable[[Exchange], bool]
