"""A proxy in front of an API server that records what passes, and does wrong what a test asks it to do wrong.

It listens on loopback with a certificate of its own and takes one request at a time from each connection. For each
it takes the next fault from ``faults``, or for a watch from ``watch_faults``; when there are none left it does what
``always`` and ``always_watch`` say, and without them forwards. Watches are forwarded as they arrive.

While a request is answered the client has nothing to say, so whatever comes from it then is taken for its end.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import selectors
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import trustme

from support.cluster import Cluster, ServiceAccount
from support.kube_apiserver import trust

PATIENCE = 30.0
PIECE = 65536
Then = Literal["end", "reset", "hang"]


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


class Exchange:
    """What a fault works with: the client's socket, the request, and how the answer would read."""

    def __init__(self, sock: Connection, request: Request, upstream: Cluster | Proxy) -> None:
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


def forward(exchange: Exchange) -> bool:
    """What a good proxy does. A watch passes byte by byte as it is, and ends when the real server ends it."""
    if not exchange.request.is_watch:
        exchange.sock.sendall(exchange.answer())
        return True
    with exchange.upstream(copy=exchange.sock.sendall) as response:
        while response.read1(PIECE):
            pass
        return not response.will_close


def answer_with(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Fault:
    def fault(exchange: Exchange) -> bool:
        exchange.sock.sendall(reply(status, body, headers))
        return True

    return fault


def unfiltered(exchange: Exchange) -> bool:
    """What a proxy answers that drops the query."""
    exchange.sock.sendall(exchange.answer(exchange.request.target.partition("?")[0]))
    return True


def silent(exchange: Exchange) -> bool:
    exchange.wait(PATIENCE)
    return False


def late(seconds: float) -> Fault:
    def fault(exchange: Exchange) -> bool:
        exchange.wait(seconds)
        return forward(exchange)

    return fault


def reset_after(count: int) -> Fault:
    """Send so many bytes of the answer, then reset the connection."""

    def fault(exchange: Exchange) -> bool:
        if count:
            exchange.sock.sendall(exchange.answer()[:count])
        return exchange.reset()

    return fault


def close_at_once(exchange: Exchange) -> bool:
    return False


def truncated(exchange: Exchange) -> bool:
    exchange.sock.sendall(exchange.answer()[:-10])
    return False


def trickle(exchange: Exchange) -> bool:
    """One byte of the answer each tenth of a second: no single read ever waits long."""
    for byte in exchange.answer():
        exchange.sock.sendall(bytes([byte]))
        exchange.wait(0.1)
    return False


def raw(answer: bytes) -> Fault:
    def fault(exchange: Exchange) -> bool:
        exchange.sock.sendall(answer)
        return False

    return fault


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_JSON = b'{"type":"ADDED","object":hunter2\n'
# As a kube-apiserver says it.
EXPIRED = (
    b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"too old resource version: 1 (2)","reason":"Expired","code":410}}\n'
)


def event(kind: str, thing: dict[str, object]) -> bytes:
    """The line of one event."""
    return json.dumps({"type": kind, "object": thing}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def stream_of(*lines: bytes, then: Then = "end") -> Fault:
    """A stream of these lines, each a chunk, that has nothing to do with the real server.

    They are sent as they are: whole ones end with a newline, and torn ones are possible.
    """

    def fault(exchange: Exchange) -> bool:
        exchange.sock.sendall(STREAM)
        for line in lines:
            exchange.sock.sendall(chunk(line))
        return _finish(exchange, then)

    return fault


ends_at_once = stream_of()


def forward_events(count: int, then: Then = "end") -> Fault:
    """Forward so many lines, bookmarks among them. A stream that is over before ends cleanly, as it did."""
    return _interrupted(count, b"", then)


def garbled_after(count: int, then: Then = "hang") -> Fault:
    """Forward so many lines, then send one that is no JSON. That the stream goes on is for the client to give up."""
    return _interrupted(count, NO_JSON, then)


def expired_in_the_middle(after: int = 1) -> Fault:
    """Forward so many lines, then say that the version is too old, and end cleanly."""
    return _interrupted(after, EXPIRED, "end")


def split_bytes(exchange: Exchange) -> bool:
    """Forward the stream one byte at a time, each in a chunk and a TLS record of its own."""
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
    """Begin a stream, if the real server did; forward its answer, if it is another."""
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


class Proxy:
    """The proxy, as a context manager; ``requests`` is what came so far.

    With ``clients`` it talks only to those who show a certificate of that CA.
    """

    def __init__(self, upstream: Cluster | Proxy, host: str = "127.0.0.1", clients: trustme.CA | None = None) -> None:
        self.host = host
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.watch_faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.always_watch: Fault | None = None
        self.connections = 0
        self._upstream = upstream
        self._directory = Path(tempfile.mkdtemp(prefix="proxy-"))
        authority = trustme.CA()
        self.ca_file = self._directory / "ca.crt"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.sslsocket_class = Connection
        authority.issue_cert(host, "localhost").configure_cert(self._tls)
        if clients is not None:
            clients.configure_trust(self._tls)
            self._tls.verify_mode = ssl.CERT_REQUIRED
        self._threads: list[threading.Thread] = []
        self._watching: set[Exchange] = set()
        # What a thread may find changed between two steps is read and written under the lock.
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        self._swallowing = False
        self._listener: socket.socket | None = None
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Keeps the port for this proxy; it never listens, so without the listener connections are refused.
        self._reserved = socket.socket(self._family)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind((host, 0))
        self.port: int = self._reserved.getsockname()[1]

    def __enter__(self) -> Proxy:
        self.resume()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.refuse()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a connection of the proxy does not end"
        self._reserved.close()
        shutil.rmtree(self._directory)

    @property
    def lists(self) -> list[Request]:
        """The requests so far that are no watches."""
        return [request for request in self.requests if not request.is_watch]

    @property
    def watches(self) -> list[Request]:
        return [request for request in self.requests if request.is_watch]

    @property
    def open_watches(self) -> int:
        """How many watches are being answered now. One whose client left unseen (``swallow``) is among them."""
        return len(self._watching)

    def cut(self) -> None:
        """Close every connection that is open now."""
        with self._lock:
            for connection in self._open:
                connection.cut()

    def refuse(self) -> None:
        """Close every connection and refuse new ones, as where no process listens."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def swallow(self) -> None:
        """Say nothing more, not even that a connection ends, and hear nothing: the network drops every packet.

        The system still takes connections and what is written to them, but TLS does not begin.
        """
        with self._lock:
            self._swallowing = True
            for connection in self._open:
                connection.passing.clear()
            self._listen()

    def resume(self) -> None:
        """End an outage. What was held back passes, as after a network healed; ``cut`` first if it should not."""
        with self._lock:
            self._swallowing = False
            for connection in self._open:
                connection.passing.set()
            self._listen()

    def folder(self, account: ServiceAccount) -> Path:
        """A folder like the account's that trusts this proxy."""
        folder = Path(tempfile.mkdtemp(prefix="serviceaccount-", dir=self._directory))
        shutil.copytree(account.folder, folder, dirs_exist_ok=True)
        shutil.copyfile(self.ca_file, folder / "ca.crt")
        return folder

    def pod_environment(self) -> dict[str, str]:
        return {"KUBERNETES_SERVICE_HOST": self.host, "KUBERNETES_SERVICE_PORT": str(self.port)}

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((self.host, self.port), family=self._family, reuse_port=True)
            self._start(self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                plain, _address = listener.accept()
            except OSError:
                return
            plain.settimeout(PATIENCE)
            # An event is not to wait until the one before it is acknowledged.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):  # of a client that is gone already
                sock = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
                assert isinstance(sock, Connection)
                self._take(sock, listener)

    def _take(self, sock: Connection, listener: socket.socket) -> None:
        with self._lock:
            if listener is not self._listener:
                sock.close()
                return
            self.connections += 1
            sock.number = self.connections
            sock.passing = threading.Event()
            if not self._swallowing:
                sock.passing.set()
            self._open.add(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: Connection) -> None:
        try:
            # A client that gives up, as many tests want it to, is an OSError; an upstream that does, also the other.
            with contextlib.suppress(OSError, http.client.HTTPException):
                sock.wait()
                sock.do_handshake()
                self._exchanges(sock)
        finally:
            sock.passing.wait()
            with self._lock:
                self._open.discard(sock)
                sock.close()

    def _exchanges(self, sock: Connection) -> None:
        stream = sock.makefile("rb")
        with contextlib.closing(stream):
            while sock.wait() and (line := stream.readline()):
                method, target, _version = line.decode("latin-1").split(" ", 2)
                headers = {key.lower(): value for key, value in http.client.parse_headers(stream).items()}
                request = Request(method, target, headers, sock.number)
                self.requests.append(request)
                if not self._answer(Exchange(sock, request, self._upstream)):
                    return

    def _answer(self, exchange: Exchange) -> bool:
        if not exchange.request.is_watch:
            return _next(self.faults, self.always)(exchange)
        self._watching.add(exchange)
        try:
            return _next(self.watch_faults, self.always_watch)(exchange)
        finally:
            self._watching.discard(exchange)


def _next(faults: deque[Fault], always: Fault | None) -> Fault:
    try:
        return faults.popleft()
    except IndexError:
        return always or forward


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.01)
