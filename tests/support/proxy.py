"""A proxy in front of an API server that records the requests, and causes the faults that a test configures.

It listens on loopback with a certificate of its own, and handles one request at a time on each connection. For each
request it takes the next fault from ``faults``, or for a watch from ``watch_faults``. When none are left, it uses
``always`` and ``always_watch``; without these it forwards. Watches are forwarded as they arrive.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import shutil
import socket
import ssl
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import trustme

from support.cluster import Cluster, ServiceAccount
from support.exchange import Connection, Exchange, Fault, Request
from support.faults import forward
from support.waiting import PATIENCE


class Proxy:
    """The proxy, as a context manager. ``requests`` has the requests so far.

    Args:
        clients: a CA; clients must present a certificate of it.
        has_own_ca: whether clients of other proxies do not trust this one.
    """

    def __init__(
        self,
        upstream: Cluster | Proxy,
        host: str = "127.0.0.1",
        clients: trustme.CA | None = None,
        *,
        has_own_ca: bool = False,
    ) -> None:
        self.host = host
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.watch_faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.always_watch: Fault | None = None
        self.connections = 0
        self._upstream = upstream
        self._directory = Path(tempfile.mkdtemp(prefix="proxy-"))
        authority, self._tls = _new_tls(host) if has_own_ca or clients is not None else _shared_tls(host)
        self.ca_file = self._directory / "ca.crt"
        authority.cert_pem.write_to_path(str(self.ca_file))
        if clients is not None:
            clients.configure_trust(self._tls)
            self._tls.verify_mode = ssl.CERT_REQUIRED
        self._threads: list[threading.Thread] = []
        self._watching: set[Exchange] = set()
        # Data that another thread may change between two steps is read and written under the lock.
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        self._swallowing = False
        self._listener: socket.socket | None = None
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # This socket reserves the port for the proxy. It never listens, so without the listener connections are
        # refused.
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
        """Return the requests so far that are not watches."""
        return [request for request in self.requests if not request.is_watch]

    @property
    def watches(self) -> list[Request]:
        """Return the watches among the requests so far."""
        return [request for request in self.requests if request.is_watch]

    @property
    def open_watches(self) -> int:
        """Return the number of watches in progress. It includes those whose client has left unnoticed (``swallow``)."""
        return len(self._watching)

    def cut(self) -> None:
        """Close every open connection."""
        with self._lock:
            for connection in self._open:
                connection.cut()

    def refuse(self) -> None:
        """Close every connection and refuse new ones, as a host without a listening process does."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def swallow(self) -> None:
        """Send and read nothing more, not even the end of a connection: the network drops every packet.

        The operating system still accepts connections and what is written to them, but TLS does not begin.
        """
        with self._lock:
            self._swallowing = True
            for connection in self._open:
                connection.passing.clear()
            self._listen()

    def resume(self) -> None:
        """End an outage. Held back data passes, as when a network recovers; call ``cut`` first to avoid this."""
        with self._lock:
            self._swallowing = False
            for connection in self._open:
                connection.passing.set()
            self._listen()

    def folder(self, account: ServiceAccount) -> Path:
        """Return a folder like the account's that trusts this proxy."""
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
            # An event must not wait until the one before it has been acknowledged.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):  # the client may be gone already
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
            # A client that gives up, as many tests expect, causes an OSError. An upstream that gives up can cause both.
            with contextlib.suppress(OSError, http.client.HTTPException):
                sock.wait()
                sock.do_handshake()
                self._exchanges(sock)
        finally:
            if sock.upstream is not None:
                sock.upstream.close()
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
                # A body in chunks would be read as the next request.
                assert "transfer-encoding" not in headers, "the proxy only forwards bodies with a Content-Length"
                body = stream.read(int(headers.get("content-length", 0)))
                request = Request(method, target, headers, sock.number, body)
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


def _new_tls(host: str) -> tuple[trustme.CA, ssl.SSLContext]:
    """Return a new CA, and a context with a certificate of it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.sslsocket_class = Connection
    authority.issue_cert(host, "localhost").configure_cert(context)
    return authority, context


# Creating certificates takes longer than most tests use the proxy.
_shared_tls = functools.cache(_new_tls)


def _next(faults: deque[Fault], always: Fault | None) -> Fault:
    try:
        return faults.popleft()
    except IndexError:
        return always or forward
