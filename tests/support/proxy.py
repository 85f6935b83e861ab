"""A proxy in front of an API server that records what passes, and does wrong what a test asks it to do wrong.

It listens on loopback with a certificate of its own, takes one request at a time from each connection, and for each
takes the next fault from ``faults``; when there are none left it forwards.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

from support.cluster import Cluster, ServiceAccount

PATIENCE = 30.0


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


class Exchange:
    """What a fault works with: the client's socket, the request, and how the answer would read."""

    def __init__(self, sock: ssl.SSLSocket, request: Request, stopped: threading.Event, upstream: Cluster) -> None:
        self.sock = sock
        self.request = request
        self._stopped = stopped
        self._upstream = upstream

    def answer(self, target: str | None = None) -> bytes:
        """The whole answer of the real server, as bytes of HTTP; to another target where one is given."""
        context = ssl.create_default_context(cafile=str(self._upstream.ca_file))
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        connection = http.client.HTTPSConnection(
            self._upstream.host, self._upstream.port, context=context, timeout=PATIENCE
        )
        with contextlib.closing(connection):
            headers = {key: value for key, value in self.request.headers.items() if key != "host"}
            connection.request(self.request.method, target or self.request.target, headers=headers)
            response = connection.getresponse()
            return reply(response.status, response.read(), {"Content-Type": "application/json"})

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the proxy is stopped."""
        self._stopped.wait(seconds)


def reply(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}", f"Content-Length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# A fault says whether the connection may go on.
Fault = Callable[[Exchange], bool]


def forward(exchange: Exchange) -> bool:
    exchange.sock.sendall(exchange.answer())
    return True


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
        exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

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


class Proxy:
    """The proxy, as a context manager; ``requests`` is what came so far.

    With ``clients`` it talks only to those who show a certificate of that CA.
    """

    def __init__(self, upstream: Cluster, host: str = "127.0.0.1", clients: trustme.CA | None = None) -> None:
        self.host = host
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.connections = 0
        self._upstream = upstream
        self._directory = Path(tempfile.mkdtemp(prefix="proxy-"))
        authority = trustme.CA()
        self.ca_file = self._directory / "ca.crt"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(host, "localhost").configure_cert(self._tls)
        if clients is not None:
            clients.configure_trust(self._tls)
            self._tls.verify_mode = ssl.CERT_REQUIRED
        self._stopped = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Proxy:
        self._start(self._accept)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a connection of the proxy does not end"
        shutil.rmtree(self._directory)

    def cut(self) -> None:
        """Close every connection that is open now."""
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

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

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.add(sock)
            self._start(self._serve, sock, self.connections)

    def _serve(self, plain: socket.socket, number: int) -> None:
        plain.settimeout(PATIENCE)
        # A client that gives up, as many tests want it to, is an OSError here.
        with contextlib.suppress(OSError), contextlib.closing(plain):
            sock = self._tls.wrap_socket(plain, server_side=True)
            self._sockets.add(sock)
            try:
                self._exchanges(sock, number)
            finally:
                self._sockets.discard(sock)
                sock.close()
        self._sockets.discard(plain)

    def _exchanges(self, sock: ssl.SSLSocket, number: int) -> None:
        stream = sock.makefile("rb")
        with contextlib.closing(stream):
            while line := stream.readline():
                method, target, _version = line.decode("latin-1").split(" ", 2)
                headers = {key.lower(): value for key, value in http.client.parse_headers(stream).items()}
                request = Request(method, target, headers, number)
                self.requests.append(request)
                fault = self.faults.popleft() if self.faults else forward
                if not fault(Exchange(sock, request, self._stopped, self._upstream)):
                    return


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.01)
