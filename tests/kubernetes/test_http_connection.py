"""Connecting to a host with several addresses."""

from __future__ import annotations

import errno
import gc
import os
import resource
import socket
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from airflow_kubernetes_secrets.kubernetes.credentials import client_context
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http_connection import Tls, connect_to_one, with_tls
from airflow_kubernetes_secrets.kubernetes.resolve import Address
from support.sockets import full
from support.waiting import until


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
def test_where_this_machine_has_no_way_to_one_the_next_is_tried(unusable: Address, listening: Address) -> None:
    before = open_files()

    with connect_to_one([unusable, listening], Deadline(10)) as sock:
        assert sock.getpeername() == listening[1]

    assert open_files() == before


@pytest.mark.parametrize("unusable", [UNSUPPORTED, WITHOUT_ROUTE], ids=["family", "route"])
def test_an_address_that_cannot_be_tried_does_not_hide_the_error_of_another(
    unusable: Address, refusing: Address
) -> None:
    """An unusable address says nothing about the API server."""
    for candidates in ([refusing, unusable], [unusable, refusing]):
        with pytest.raises(ConnectionRefusedError):
            connect_to_one(candidates, Deadline(10))


def test_where_no_address_can_be_tried_the_first_says_why() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EAFNOSUPPORT)):
        connect_to_one([UNSUPPORTED, WITHOUT_ROUTE], Deadline(10))
    with pytest.raises(OSError, match=os.strerror(errno.ENETUNREACH)):
        connect_to_one([WITHOUT_ROUTE, UNSUPPORTED], Deadline(10))


def test_a_process_without_a_free_file_says_so(listening: Address) -> None:
    """No address can help, and each fails at once."""
    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        connect_to_one([UNSUPPORTED, listening, listening, UNSUPPORTED], Deadline(10))


def test_where_one_refuses_the_next_is_tried(refusing: Address, listening: Address) -> None:
    with connect_to_one([refusing, refusing, listening], Deadline(10)) as sock:
        assert sock.getpeername() == listening[1]


def test_one_that_drops_what_arrives_leaves_time_for_the_next(listening: Address) -> None:
    with full(socket.AF_INET6, "::1", 0) as port:
        silent: Address = (socket.AF_INET6, ("::1", port))
        with connect_to_one([silent, listening], Deadline(1)) as sock:
            assert sock.getpeername() == listening[1]


def test_what_came_of_the_last_one_is_raised(refusing: Address) -> None:
    with full(socket.AF_INET6, "::1", 0) as port:
        silent: Address = (socket.AF_INET6, ("::1", port))
        with pytest.raises(ConnectionRefusedError):
            connect_to_one([silent, refusing], Deadline(1))
        with pytest.raises(TimeoutError):
            connect_to_one([refusing, silent], Deadline(1))


def test_no_address_at_all() -> None:
    with pytest.raises(OSError, match="no address"):
        connect_to_one([], Deadline(1))


def test_where_the_server_resets_a_connection_before_its_tls_begins_it_is_closed() -> None:
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
