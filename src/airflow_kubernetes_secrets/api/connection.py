"""One HTTPS connection to the API server, on which every wait has an end.

The time that is left is set before every read, so that a server which sends a byte now and then does not win time with
each of them, as it would with a plain socket timeout.
"""

from __future__ import annotations

import errno
import io
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any, BinaryIO, TypeVar

from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.http1 import (
    Head,
    MalformedAnswerError,
    Request,
    Response,
    TooLargeAnswerError,
    read_body,
    read_head,
    read_lines,
    read_response,
)
from airflow_kubernetes_secrets.api.resolve import Address, addresses
from airflow_kubernetes_secrets.printable import printable

Read = TypeVar("Read")


class Endpoint:
    """Where an API server listens. ``path`` goes before ``/api`` (a proxy such as Rancher's has one)."""

    __slots__ = ("host", "path", "port")

    def __init__(self, host: str, port: int, path: str = "") -> None:
        self.host = host
        self.port = port
        self.path = path

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Tls:
    """How to check the API server's certificate, and which name it must carry if not the host's."""

    __slots__ = ("context", "server_name")

    def __init__(self, context: ssl.SSLContext, server_name: str | None = None) -> None:
        self.context = context
        self.server_name = server_name


class TransportError(Exception):
    """No answer came. The text says why and holds nothing that was sent or received.

    Attributes:
        remedy: what to do, where trying again is pointless; else empty.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy


class TooLargeError(TransportError):
    """An answer came, of more bytes than this process may take for one."""


class Connection:
    """One connection. It has one user at a time, and after any exception it must be closed.

    Attributes:
        sent_at: when the last request was sent, in seconds on the monotonic clock; 0 before the first.
    """

    def __init__(self, endpoint: Endpoint, tls: Tls | None, deadline: Deadline) -> None:
        """Connect. Without ``tls`` the connection is plain HTTP (``kubectl proxy``).

        Raises:
            TransportError: it did not come about before the deadline.
        """
        try:
            self._socket = _connect(endpoint, tls, deadline)
        except (OSError, ValueError) as error:
            raise _transport_error(error) from None
        self._endpoint = endpoint
        self._reader = _DeadlineReader(self._socket)
        self._stream = io.BufferedReader(self._reader)
        self._last_used = monotonic()
        self.sent_at = 0.0
        self.is_open = True

    def idle_seconds(self) -> float:
        """How long ago it was last heard of the other side."""
        return monotonic() - self._last_used

    def is_quiet(self) -> bool:
        """Whether it is open and nothing has come over it since the last answer.

        What comes unasked would be taken for the answer to the next request: a stray answer, or the 408 with which a
        server may end an idle connection (RFC 9110, 15.5.9).
        """
        if not self.is_open or self._has_more():
            return False
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def ask(self, request: Request, deadline: Deadline) -> Response:
        """Send a request and read the whole answer.

        Raises:
            TransportError: the answer did not come, or not whole, before the deadline.
        """
        self._send(request, deadline)
        return self._finish(self._read(read_response, deadline))

    def open_stream(self, request: Request, deadline: Deadline) -> Head | Response:
        """Send a request and read what comes before the body; if it is refused, the whole answer.

        Raises:
            TransportError: that did not come before the deadline.
        """
        self._send(request, deadline)
        head = self._read(read_head, deadline)
        if head.status == 200:
            return head
        return self._finish(self._read(lambda stream: read_body(stream, head), deadline))

    def lines(self, head: Head, deadline: Deadline) -> Iterator[bytes]:
        """The lines of the body after ``head`` as they come; they end where the body does.

        Raises:
            TransportError: the connection ended within the body, or the body did not end before the deadline.
        """
        lines = read_lines(self._stream, head)
        while (line := self._read(lambda _stream: next(lines, None), deadline)) is not None:
            yield line
        self._last_used = monotonic()
        self.is_open = head.keeps_open

    def interrupt(self) -> None:
        """End the wait of another thread on this connection: it gets a TransportError."""
        with suppress(OSError):
            # That of the plain socket: an SSLSocket's own would pull the TLS session out from under the reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket without a word to the other side: after a fork it may be a parent's."""
        self.is_open = False
        with suppress(OSError):
            self._socket.close()

    def _send(self, request: Request, deadline: Deadline) -> None:
        failure: TransportError | None = None
        try:
            self._socket.settimeout(deadline.remaining())
            self.sent_at = monotonic()
            self._socket.sendall(request.to_bytes(str(self._endpoint)))
        except (OSError, ValueError) as error:
            failure = _transport_error(error)
        if failure is not None:
            # Outside the except block, so that nothing is chained to it: an encoding error holds the whole request.
            raise failure

    def _read(self, read: Callable[[BinaryIO], Read], deadline: Deadline) -> Read:
        failure: TransportError | None = None
        try:
            self._reader.deadline = deadline
            return read(self._stream)
        except (OSError, ValueError, MalformedAnswerError, TooLargeAnswerError) as error:
            failure = _transport_error(error)
        # Outside the except block, for the same reason.
        raise failure

    def _has_more(self) -> bool:
        """Whether more has been read from the socket than was taken."""
        self._reader.deadline = None
        return bool(self._stream.peek(1))

    def _finish(self, response: Response) -> Response:
        if self._has_more():
            # Nothing says which of the two belongs to the request.
            raise TransportError("it sent more than one answer to one request")
        self._last_used = monotonic()
        self.is_open = response.keeps_open
        return response


class _DeadlineReader(io.RawIOBase):
    """Reads from the socket, each time no longer than the deadline allows; without one it reads nothing."""

    deadline: Deadline | None = None

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.deadline is None:
            return None
        self._socket.settimeout(self.deadline.remaining())
        return self._socket.recv_into(buffer)


def _connect(endpoint: Endpoint, tls: Tls | None, deadline: Deadline) -> socket.socket:
    raw = connect_to_one(addresses(endpoint.host, endpoint.port, deadline), deadline)
    try:
        # A LIST is one small write, which must not wait for the ACK of an earlier one.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return raw
        return _with_tls(raw, tls, endpoint.host, deadline)
    except BaseException:
        raw.close()
        raise


class _Handed(socket.socket):
    """A socket that gives up its descriptor when ``wrap_socket`` reads it.

    ``wrap_socket`` creates the new socket before it detaches the old one. If a signal handler raises in between, both
    sockets own the descriptor and close it, and by the second time it can be another thread's file.
    """

    def fileno(self) -> int:
        return self.detach()


def _with_tls(raw: socket.socket, tls: Tls, host: str, deadline: Deadline) -> ssl.SSLSocket:
    family, kind, protocol = raw.family, raw.type, raw.proto
    handed = _Handed(family, kind, protocol, raw.detach())
    try:
        handed.settimeout(deadline.remaining())
        # As bytes: a str goes through the codec for international names, which loads tables of a quarter MiB.
        return tls.context.wrap_socket(handed, server_hostname=(tls.server_name or host).encode("ascii"))
    except BaseException:
        handed.close()
        raise


# This machine cannot use such an address (no IPv6, no route), so the error says nothing about the host.
_UNUSABLE_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.ENETUNREACH)


def connect_to_one(candidates: list[Address], deadline: Deadline) -> socket.socket:
    """Try the addresses of a host one after the other, each with an equal share of the time that is left.

    Raises:
        OSError: the error of the last address that this machine can use, or of the first if it can use none.
    """
    problem: OSError | None = None
    for position, (family, address) in enumerate(candidates):
        try:
            return _connected(family, address, deadline.part(1 / (len(candidates) - position)))
        except OSError as error:
            if problem is None or error.errno not in _UNUSABLE_HERE:
                problem = error
    raise problem or OSError("the host has no address")


def _connected(family: socket.AddressFamily, address: Any, deadline: Deadline) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(deadline.remaining())
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _transport_error(problem: Exception) -> TransportError:
    if isinstance(problem, TooLargeAnswerError):
        return TooLargeError(str(problem))
    if isinstance(problem, ssl.SSLCertVerificationError):
        text = f"its certificate is not trusted: {printable(problem.verify_message)}"
        return TransportError(text, "Check that the CA certificate is this API server's")
    if isinstance(problem, ValueError):
        return TransportError("host or token hold characters that HTTP cannot carry", "Correct it")
    return TransportError(_problem_text(problem))


def _problem_text(problem: Exception) -> str:
    if isinstance(problem, MalformedAnswerError):
        return str(problem)
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    if isinstance(problem, ssl.SSLError):
        return f"TLS failed: {printable(problem.reason or type(problem).__name__)}"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    return f"the connection broke: {type(problem).__name__}"
