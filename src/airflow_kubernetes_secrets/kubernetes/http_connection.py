"""One HTTPS connection to the API server, on which every wait has a limit.

The remaining time is set before every read. With a plain socket timeout, a server could extend the time with every byte
that it sends.
"""

from __future__ import annotations

import errno
import io
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http1 import (
    BodyTooLargeError,
    Head,
    MalformedResponseError,
    Request,
    Response,
    read_body,
    read_head,
    read_lines,
    read_response,
)
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.process import importing

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.kubernetes.resolve import Address

Read = TypeVar("Read")


class Endpoint:
    """The address of an API server. ``path`` comes before ``/api``; a proxy such as Rancher's has one."""

    __slots__ = ("host", "path", "port")

    def __init__(self, host: str, port: int, path: str = "") -> None:
        self.host = host
        self.port = port
        self.path = path

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _TlsSocket(ssl.SSLSocket):
    """A TLS socket that is closed if the server has reset the connection before TLS begins.

    ``wrap_socket`` looks for that with ``getpeername``. Before Python 3.13 it then raises without closing the socket.
    """

    def getpeername(self) -> Any:
        try:
            return super().getpeername()
        except OSError:
            self.close()
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from None


class Tls:
    """How to check the API server's certificate.

    Attributes:
        server_name: the name that the certificate must contain; ``None`` for that of the host.
    """

    __slots__ = ("context", "server_name")

    def __init__(self, context: ssl.SSLContext, server_name: str | None = None) -> None:
        self.context = context
        self.context.sslsocket_class = _TlsSocket
        self.server_name = server_name


# In a remedy, the origin of the address and the credentials replaces this.
SOURCE = "{source}"


class TransportError(Exception):
    """There was no response. The message states why, and contains nothing that was sent or received.

    Attributes:
        remedy: what the user should do; empty if that is to check the network. It may contain :data:`SOURCE`.
        is_final: whether another attempt would fail too.
    """

    def __init__(self, problem: str, remedy: str = "", *, is_final: bool = False) -> None:
        super().__init__(problem)
        self.remedy = remedy
        self.is_final = is_final


class ResponseTooLargeError(TransportError):
    """A response was larger, in bytes, than this process may read for one request."""


class HttpConnection:
    """One connection. It has one user at a time, and must be closed after any exception.

    Attributes:
        sent_at: when the last request was sent, in seconds on the monotonic clock; 0 before the first.
    """

    def __init__(self, endpoint: Endpoint, tls: Tls | None, deadline: Deadline) -> None:
        """Connect. Without ``tls`` the connection is plain HTTP (``kubectl proxy``).

        Raises:
            TransportError: there was no connection before the deadline.
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
        """Return the seconds since the connection was last used."""
        return monotonic() - self._last_used

    def is_quiet(self) -> bool:
        """Return whether the connection is open and nothing has arrived on it since the last response.

        Unrequested data would be read as the response to the next request. It can be a stray response, or the 408 with
        which a server may end an idle connection (RFC 9110, 15.5.9).
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

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send a request and read the whole response.

        Raises:
            TransportError: the whole response did not arrive before the deadline.
        """
        self._write(request, deadline)
        return self._finish(self._read(read_response, deadline))

    def open_stream(self, request: Request, deadline: Deadline) -> Head | Response:
        """Send a request and read the response up to its body. Unless its status is 200, read all of it.

        Raises:
            TransportError: that did not arrive before the deadline.
        """
        self._write(request, deadline)
        head = self._read(read_head, deadline)
        if head.status == 200:
            return head
        return self._finish(self._read(lambda stream: read_body(stream, head), deadline))

    def lines(self, head: Head, deadline: Deadline) -> Iterator[bytes]:
        """Yield the lines of the body after ``head`` as they arrive, until the body ends.

        Raises:
            TransportError: the connection ended within the body, or the body did not end before the deadline.
        """
        lines = read_lines(self._stream, head)
        while (line := self._read(lambda _stream: next(lines, None), deadline)) is not None:
            yield line
        self._last_used = monotonic()
        self.is_open = head.keeps_open

    def interrupt(self) -> None:
        """End the wait of another thread on this connection. That thread gets a TransportError."""
        with suppress(OSError):
            # Shut down the plain socket: an SSLSocket's own method would remove the TLS session that the reader uses.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket without sending anything: after a fork, it may be the parent's."""
        self.is_open = False
        with suppress(OSError):
            self._socket.close()

    def _write(self, request: Request, deadline: Deadline) -> None:
        failure: TransportError | None = None
        try:
            self._socket.settimeout(deadline.left_or_raise())
            self.sent_at = monotonic()
            self._socket.sendall(request.to_bytes(str(self._endpoint)))
        except (OSError, ValueError) as error:
            failure = _transport_error(error)
        if failure is not None:
            # Raise outside the except block, so that nothing is chained: an encoding error contains the whole request.
            raise failure

    def _read(self, read: Callable[[BinaryIO], Read], deadline: Deadline) -> Read:
        failure: TransportError | None = None
        try:
            self._reader.deadline = deadline
            return read(self._stream)
        except (OSError, ValueError, MalformedResponseError, BodyTooLargeError) as error:
            failure = _transport_error(error)
        # Raise outside the except block, so that nothing is chained.
        raise failure

    def _has_more(self) -> bool:
        """Return whether more has been read from the socket than has been used."""
        self._reader.deadline = None
        return bool(self._stream.peek(1))

    def _finish(self, response: Response) -> Response:
        if self._has_more():
            # It is unknown which of the two belongs to the request.
            raise TransportError("it sent more than one response to one request")
        self._last_used = monotonic()
        self.is_open = response.keeps_open
        return response


class _DeadlineReader(io.RawIOBase):
    """Read from the socket, each time within the deadline. Without a deadline, nothing is read."""

    deadline: Deadline | None = None

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.deadline is None:
            return None
        self._socket.settimeout(self.deadline.left_or_raise())
        return self._socket.recv_into(buffer)


def _connect(endpoint: Endpoint, tls: Tls | None, deadline: Deadline) -> socket.socket:
    raw = connect_to_one(addresses_of(endpoint, deadline), deadline)
    try:
        # A LIST is one small write, which must not wait for the ACK of an earlier one.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return raw
        return with_tls(raw, tls, endpoint.host, deadline)
    except BaseException:
        raw.close()
        raise


class _PlainSocket(socket.socket):
    """A socket that gives up its descriptor when ``wrap_socket`` reads it.

    ``wrap_socket`` creates the new socket before it detaches the old one. If a signal handler raises in between, both
    sockets own the descriptor and close it. The second time, it can already belong to another thread's file.
    """

    def fileno(self) -> int:
        return self.detach()


def with_tls(raw: socket.socket, tls: Tls, host: str, deadline: Deadline) -> ssl.SSLSocket:
    """Return a TLS connection over a connected socket, which is closed if that fails.

    Raises:
        OSError: the connection was closed, the certificate is not trusted, or the deadline has passed.
    """
    family, kind, protocol = raw.family, raw.type, raw.proto
    plain = _PlainSocket(family, kind, protocol, raw.detach())
    try:
        plain.settimeout(deadline.left_or_raise())
        return tls.context.wrap_socket(plain, server_hostname=_as_bytes(tls.server_name or host))
    except BaseException:
        plain.close()
        raise


def _as_bytes(host: str) -> bytes:
    """Return a host as bytes. For a string, Python would load the codec for international names: about half a MiB."""
    return host.encode("ascii")


def addresses_of(endpoint: Endpoint, deadline: Deadline) -> list[Address]:
    """Return the addresses to connect to, in the order in which to try them.

    Raises:
        OSError: as for :func:`airflow_kubernetes_secrets.kubernetes.resolve.addresses_of_name`.
    """
    try:
        found = socket.getaddrinfo(
            _as_bytes(endpoint.host), endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        return [(family, address) for family, _type, _protocol, _name, address in found]
    except (socket.gaierror, UnicodeEncodeError):
        pass  # the host is a name, as it can be in a kubeconfig. In a pod it is an address
    # Outside the except block, so that no exception, such as one of a signal handler, shows this error as its context.
    with importing.lock:
        from airflow_kubernetes_secrets.kubernetes.resolve import addresses_of_name

    return addresses_of_name(endpoint.host, endpoint.port, deadline)


# Errors of an address that this machine cannot use (no IPv6, no route). They reveal nothing about the host.
_UNUSABLE_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.ENETUNREACH)


def connect_to_one(candidates: list[Address], deadline: Deadline) -> socket.socket:
    """Connect to the first address of a host that works. Each gets an equal share of the remaining time.

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
    raise problem or OSError(errno.EADDRNOTAVAIL, "the host has no address")


def _connected(family: socket.AddressFamily, address: Any, deadline: Deadline) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(deadline.left_or_raise())
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


_OTHER_CA = f"Check that the CA certificate is this API server's; it came with {SOURCE}"
_OUT_OF_TIME = "Renew the certificate, or correct the clock of this machine"
_OTHER_HOST = "Use an address that the certificate contains; in a kubeconfig, tls-server-name can name one"
_TOO_MANY_FILES = "Raise the limit of open files (ulimit -n), or find what does not close its files"

# By the code of OpenSSL: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_REMEDIES = {9: _OUT_OF_TIME, 10: _OUT_OF_TIME, 62: _OTHER_HOST, 64: _OTHER_HOST}


def _transport_error(problem: Exception) -> TransportError:
    if isinstance(problem, BodyTooLargeError):
        return ResponseTooLargeError(str(problem))
    if isinstance(problem, ssl.SSLCertVerificationError):
        text = f"its certificate is not trusted: {printable(problem.verify_message)}"
        return TransportError(text, _REMEDIES.get(problem.verify_code, _OTHER_CA), is_final=True)
    if isinstance(problem, ValueError):
        text = "the host, the path, the token or the user contains a character that HTTP does not allow"
        return TransportError(text, f"Correct it; it came with {SOURCE}", is_final=True)
    is_full = isinstance(problem, OSError) and problem.errno in (errno.EMFILE, errno.ENFILE)
    return TransportError(_problem_text(problem), _TOO_MANY_FILES if is_full else "")


def _problem_text(problem: Exception) -> str:
    if isinstance(problem, MalformedResponseError):
        return str(problem)
    if isinstance(problem, ssl.SSLError):
        return f"TLS failed: {printable(problem.reason or type(problem).__name__)}"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    if isinstance(problem, TimeoutError):
        return "no response in time"
    return f"the connection broke: {type(problem).__name__}"
