"""Resolving a host name within a deadline, which the resolver itself does not have."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http_connection import (
    Endpoint,
    HttpConnection,
    TransportError,
    addresses_of,
)
from airflow_kubernetes_secrets.kubernetes.resolve import addresses_of_name


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [
        ("10.0.0.1", socket.AF_INET, ("10.0.0.1", 443)),
        ("fd00::1", socket.AF_INET6, ("fd00::1", 443, 0, 0)),
    ],
)
def test_an_address_is_not_resolved(host: str, family: socket.AddressFamily, address: tuple[Any, ...]) -> None:
    # A name cannot be resolved here, because the deadline has passed.
    assert addresses_of(Endpoint(host, 443), Deadline(0)) == [(family, address)]


def test_a_name() -> None:
    assert (socket.AF_INET, ("127.0.0.1", 443)) in addresses_of(Endpoint("localhost", 443), Deadline(10))
    with pytest.raises(TimeoutError) as raised:
        addresses_of(Endpoint("localhost", 443), Deadline(0))
    assert raised.value.__context__ is None


def test_resolver_that_does_not_respond_in_time() -> None:
    answer = threading.Event()

    def slow(*_args: object, **_options: object) -> list[Any]:
        answer.wait(30)
        return []

    try:
        with pytest.raises(TimeoutError) as raised:
            addresses_of_name("api.example.com", 443, Deadline(0.2), getaddrinfo=slow)
        assert raised.value.strerror == "the name api.example.com was not resolved in time"
        [waiting] = [each for each in threading.enumerate() if each.name == "airflow-kubernetes-secrets-resolve"]
        # The end of the process must not wait for DNS.
        assert waiting.daemon
    finally:
        answer.set()


def test_a_resolver_that_takes_a_while() -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]

    def slow(*_args: object, **_options: object) -> list[Any]:
        time.sleep(0.3)
        return found

    assert addresses_of_name("api.example.com", 443, Deadline(20), getaddrinfo=slow) == [
        (socket.AF_INET, ("10.0.0.1", 443))
    ]


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), UnicodeError("label")]
)
def test_a_resolver_that_fails(error: Exception) -> None:
    def fail(*_args: object, **_options: object) -> list[Any]:
        raise error

    with pytest.raises(OSError, match=r"Name or service not known|is not a host name"):
        addresses_of_name("api.example.com", 443, Deadline(5), getaddrinfo=fail)


def test_a_process_that_can_start_no_thread() -> None:
    """A stack that is larger than the address space has the same effect as a limit of the pod."""
    before = threading.stack_size(2**47)
    try:
        with pytest.raises(TransportError, match="no thread could be started to resolve the name localhost"):
            HttpConnection(Endpoint("localhost", 443), None, Deadline(5))
    finally:
        threading.stack_size(before)


def test_invalid_host_name_is_named() -> None:
    with pytest.raises(TransportError, match=r"'x{300}' is not a host name"):
        HttpConnection(Endpoint("x" * 300, 443), None, Deadline(5))
