"""Connecting to a host with several addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from airflow_kubernetes_secrets.api.connection import connect_to_one
from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.resolve import Address
from support.sockets import full


@pytest.fixture
def listening() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield socket.AF_INET, listener.getsockname()


@pytest.fixture
def refusing() -> Address:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        return socket.AF_INET6, listener.getsockname()


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
