"""One HTTPS connection to the API server, on which every wait has an end.

``http.client`` speaks HTTP; what it lacks is a limit for a whole exchange: its timeout starts anew with every
byte that arrives. Here the time that is left is set before every read.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage
from typing import IO, Any

from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.resolve import addresses


@dataclass(frozen=True)
class Endpoint:
    """Where an API server listens. ``path`` goes before ``/api`` (a proxy such as Rancher's has one)."""

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Tls:
    """How to check the API server's certificate, and which name it must carry if not the host's."""

    context: ssl.SSLContext
    server_name: str | None = None


@dataclass(frozen=True, repr=False)
class Response:
    """An answer, read to its end. Its ``repr`` does not show the body."""

    status: int
    headers: HTTPMessage
    body: bytes

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


class TransportError(Exception):
    """No answer came. The text says why and holds nothing that was sent or received.

    Attributes:
        final: trying again is pointless.
    """

    def __init__(self, problem: str, *, final: bool = False) -> None:
        super().__init__(problem)
        self.final = final


class Connection:
    """One connection. It has one user at a time, and after any exception it must be closed."""

    def __init__(self, endpoint: Endpoint, tls: Tls | None, deadline: Deadline) -> None:
        """Connect. Without ``tls`` the connection is plain HTTP (``kubectl proxy``).

        Raises:
            TransportError: it did not come about before the deadline.
        """
        self._endpoint = endpoint
        self._http = HTTPConnection(endpoint.host, endpoint.port)
        # http.client must not connect by itself: its way has no deadline.
        self._http.auto_open = 0
        try:
            self._socket = _LimitedSocket(_connect(endpoint, tls, deadline), deadline)
        except (OSError, ValueError) as error:
            raise _transport_error(error) from None
        self._http.sock = self._socket

    def get(self, path: str, headers: Mapping[str, str], deadline: Deadline) -> Response:
        """Send a GET and read the whole answer.

        Raises:
            TransportError: the answer did not come, or not whole, before the deadline.
        """
        try:
            self._socket.deadline = deadline
            self._http.request("GET", self._endpoint.path + path, headers=headers)
            answer = self._http.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        except (OSError, HTTPException, ValueError) as error:
            failure = _transport_error(error)
        # Outside the except block, so that nothing is chained to it: http.client's errors hold what was received.
        raise failure

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent: the API server did not announce that it closes."""
        return self._http.sock is not None

    def close(self) -> None:
        self._http.close()


class _LimitedSocket:
    """The part of a socket that ``http.client`` uses, with a deadline on every call."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self.deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self.deadline.remaining())
        self._sock.sendall(data)

    def recv_into(self, buffer: Any) -> int:
        self._sock.settimeout(self.deadline.remaining())
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> IO[bytes]:
        assert mode == "rb"  # noqa: S101  # what HTTPResponse asks for; another mode would need another class
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    """Closing it leaves the socket open: the next answer comes over the same one."""

    def __init__(self, sock: _LimitedSocket) -> None:
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)


def _connect(endpoint: Endpoint, tls: Tls | None, deadline: Deadline) -> socket.socket:
    raw = _connect_tcp(endpoint, deadline)
    try:
        # A LIST is one small write, which must not wait for the ACK of an earlier one.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return raw
        raw.settimeout(deadline.remaining())
        return tls.context.wrap_socket(raw, server_hostname=tls.server_name or endpoint.host)
    except BaseException:
        raw.close()
        raise


def _connect_tcp(endpoint: Endpoint, deadline: Deadline) -> socket.socket:
    """Try the addresses of the host one after the other, each with an equal share of the time left."""
    candidates = addresses(endpoint.host, endpoint.port, deadline)
    last_error = OSError(f"{endpoint.host} has no address")
    for position, (family, address) in enumerate(candidates):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.part(1 / (len(candidates) - position)).remaining())
            sock.connect(address)
        except OSError as error:
            sock.close()
            last_error = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last_error


def _transport_error(problem: Exception) -> TransportError:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return TransportError(f"its certificate is not trusted: {problem.verify_message}", final=True)
    if isinstance(problem, TimeoutError):
        return TransportError("no answer in time")
    if isinstance(problem, ssl.SSLError):
        return TransportError(f"TLS failed: {problem.reason or type(problem).__name__}")
    if isinstance(problem, OSError) and problem.strerror:
        return TransportError(problem.strerror.lower())
    return TransportError(f"the connection broke: {type(problem).__name__}")
