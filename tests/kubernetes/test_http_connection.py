"""One connection: its address, its certificate, and its deadline."""

from __future__ import annotations

import errno
import gc
import os
import resource
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from typing import cast

import pytest
import trustme

from airflow_kubernetes_secrets.kubernetes.credentials import client_context
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http1 import Request
from airflow_kubernetes_secrets.kubernetes.http_connection import (
    Endpoint,
    HttpConnection,
    Tls,
    TransportError,
    connect_to_one,
    with_tls,
)
from airflow_kubernetes_secrets.kubernetes.resolve import Address
from support.deadlines import ends_within
from support.sockets import full
from support.waiting import PATIENCE, until


@pytest.fixture
def listening() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield socket.AF_INET, listener.getsockname()


@pytest.fixture
def refusing() -> Address:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        return socket.AF_INET6, listener.getsockname()


# No kernel has an address family of this number. A kernel without IPv6 refuses a socket in the same way.
UNSUPPORTED: Address = (cast("socket.AddressFamily", 255), ("::1", 443))

# 224.0.0.1 is a multicast address, to which no kernel has a TCP route.
WITHOUT_ROUTE: Address = (socket.AF_INET, ("224.0.0.1", 443))


@contextmanager
def tls_server(
    serve: Callable[[ssl.SSLSocket], object], name: str = "127.0.0.1", not_after: datetime | None = None
) -> Iterator[tuple[Endpoint, Tls]]:
    """Serve one connection on loopback, with a certificate for ``name``. Return what a client needs."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    not_before = None if not_after is None else not_after - timedelta(days=1)
    authority.issue_cert(name, not_before=not_before, not_after=not_after).configure_cert(context)
    trusting = client_context(None)
    authority.configure_trust(trusting)

    def accept() -> None:
        # A client that gives up causes an OSError.
        with suppress(OSError):
            accepted, _address = listener.accept()
            with context.wrap_socket(accepted, server_side=True) as sock:
                serve(sock)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        # This makes the buffers of the kernel small.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1]), Tls(trusting)
        thread.join(PATIENCE)


@contextmanager
def no_more_files() -> Iterator[None]:
    """Set the limit of open files to the number of open files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull) as lowest_free:  # noqa: PTH123  # its number is the lowest that is free
        number = lowest_free.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def open_files() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208  # not while a Path iterates


@pytest.mark.parametrize("unusable", [UNSUPPORTED, WITHOUT_ROUTE], ids=["family", "route"])
def test_next_address_is_tried_if_one_is_unusable(unusable: Address, listening: Address) -> None:
    before = open_files()

    with connect_to_one([unusable, listening], Deadline(10)) as sock:
        assert sock.getpeername() == listening[1]

    assert open_files() == before


@pytest.mark.parametrize("unusable", [UNSUPPORTED, WITHOUT_ROUTE], ids=["family", "route"])
def test_unusable_address_does_not_hide_the_error_of_another(unusable: Address, refusing: Address) -> None:
    """An unusable address gives no information about the API server."""
    for candidates in ([refusing, unusable], [unusable, refusing]):
        with pytest.raises(ConnectionRefusedError):
            connect_to_one(candidates, Deadline(10))


def test_error_of_the_first_address_if_all_are_unusable() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EAFNOSUPPORT)):
        connect_to_one([UNSUPPORTED, WITHOUT_ROUTE], Deadline(10))
    with pytest.raises(OSError, match=os.strerror(errno.ENETUNREACH)):
        connect_to_one([WITHOUT_ROUTE, UNSUPPORTED], Deadline(10))


def test_too_many_open_files(listening: Address) -> None:
    """No address can help, and each fails immediately."""
    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        connect_to_one([UNSUPPORTED, listening, listening, UNSUPPORTED], Deadline(10))


def test_remedy_for_too_many_open_files(listening: Address) -> None:
    """Another attempt can succeed: other threads close files."""
    with no_more_files(), pytest.raises(TransportError, match="too many open files") as raised:
        HttpConnection(Endpoint("127.0.0.1", listening[1][1]), None, Deadline(10))

    assert "limit of open files" in raised.value.remedy
    assert not raised.value.is_final


def test_next_address_is_tried_if_one_refuses(refusing: Address, listening: Address) -> None:
    with connect_to_one([refusing, refusing, listening], Deadline(10)) as sock:
        assert sock.getpeername() == listening[1]


def test_silent_address_leaves_time_for_the_next(listening: Address) -> None:
    with full(socket.AF_INET6, "::1", 0) as port:
        silent: Address = (socket.AF_INET6, ("::1", port))
        with connect_to_one([silent, listening], Deadline(1)) as sock:
            assert sock.getpeername() == listening[1]


def test_error_of_the_last_address_is_raised(refusing: Address) -> None:
    with full(socket.AF_INET6, "::1", 0) as port:
        silent: Address = (socket.AF_INET6, ("::1", port))
        with pytest.raises(ConnectionRefusedError):
            connect_to_one([silent, refusing], Deadline(1))
        with pytest.raises(TimeoutError):
            connect_to_one([refusing, silent], Deadline(1))


def test_no_address_at_all() -> None:
    with pytest.raises(OSError, match="no address"):
        connect_to_one([], Deadline(1))


def test_socket_is_closed_if_the_server_resets_it_before_tls() -> None:
    """A server that is killed does so. Python before 3.13 leaves the socket to the garbage collector."""
    with socket.create_server(("127.0.0.1", 0)) as listener, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        raw = socket.create_connection(listener.getsockname())
        accepted, _address = listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        until(lambda: is_reset(raw))

        with pytest.raises(ConnectionResetError):
            with_tls(raw, Tls(client_context(None)), "localhost", Deadline(5))

        gc.collect()
    assert not warned


def is_reset(connected: socket.socket) -> bool:
    try:
        connected.getpeername()
    except OSError:
        return True
    return False


def test_server_that_reads_a_request_slowly() -> None:
    """Each part of the body is read in time, but the whole body is not."""
    enough = threading.Event()

    def read_slowly(sock: ssl.SSLSocket) -> None:
        while not enough.wait(0.1):
            for _ in range(32):
                if not sock.recv(16384):
                    return

    with tls_server(read_slowly) as (endpoint, tls):
        connection = HttpConnection(endpoint, tls, Deadline(PATIENCE))
        request = Request("/", {}, "POST", b"x" * 32 * 1024**2)
        with ends_within(1), pytest.raises(TransportError, match="no response in time"):
            connection.send(request, Deadline(1))
        connection.close()
        enough.set()


NOW = datetime.now(timezone.utc)

CERTIFICATES = {
    "of another name": ("localhost", None, "IP address mismatch", "Use an address that the certificate contains"),
    "that has expired": ("127.0.0.1", NOW - timedelta(hours=1), "has expired", "Renew the certificate"),
    "that is not valid yet": ("127.0.0.1", NOW + timedelta(days=2), "not yet valid", "correct the clock"),
}


@pytest.mark.parametrize(("name", "not_after", "problem", "remedy"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_untrusted_certificates(name: str, not_after: datetime | None, problem: str, remedy: str) -> None:
    """Another CA certificate would not help."""
    with (
        tls_server(lambda _sock: None, name, not_after) as (endpoint, tls),
        pytest.raises(TransportError, match=f"its certificate is not trusted: .*{problem}") as raised,
    ):
        HttpConnection(endpoint, tls, Deadline(PATIENCE))

    assert remedy in raised.value.remedy
    assert raised.value.is_final
    assert "CA" not in raised.value.remedy
