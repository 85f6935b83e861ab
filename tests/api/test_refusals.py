"""When a refusal counts, second by second."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from airflow_kubernetes_secrets.api import refusals
from airflow_kubernetes_secrets.api.connection import Connection, Endpoint
from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.refusals import Refusals


class Clock:
    """A clock that a test sets, in seconds."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(refusals, "monotonic", clock)
    return clock


@pytest.fixture
def connection() -> Iterator[Connection]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Connection(Endpoint("127.0.0.1", server.getsockname()[1]), None, Deadline(60))
        yield connection
        connection.close()


def refused(found: Refusals, clock: Clock, connection: Connection, sent_at: float, at: float) -> float | None:
    clock.now, connection.sent_at = at, sent_at
    return found.wait("list", "airflow", connection)


def test_one_that_is_sent_a_second_later_counts(clock: Clock, connection: Connection) -> None:
    found = Refusals()

    assert refused(found, clock, connection, 100, 100) == 1
    assert refused(found, clock, connection, 100.5, 100.5) == 0.5
    assert refused(found, clock, connection, 101, 101) is None
    # Then the server is known to have read its roles.
    assert refused(found, clock, connection, 150, 150) is None


def test_when_it_was_sent_counts_and_not_when_it_was_answered(clock: Clock, connection: Connection) -> None:
    """A server that starts holds requests for seconds, and refuses them together."""
    found = Refusals()
    refused(found, clock, connection, 100, 105)

    assert refused(found, clock, connection, 100.5, 106.5) == 0


def test_an_accepted_request_proves_the_connection_until_the_server_fails(clock: Clock, connection: Connection) -> None:
    found, connection.proven_at = Refusals(), 99
    assert refused(found, clock, connection, 100, 100) is None

    found.note_failure()

    assert refused(found, clock, connection, 101, 101) == 1


def test_a_failure_between_two_makes_them_of_two_starts(clock: Clock, connection: Connection) -> None:
    found = Refusals()
    refused(found, clock, connection, 100, 100)
    found.note_failure()

    assert refused(found, clock, connection, 102, 102) == 1


def test_a_success_between_two_does_too(clock: Clock, connection: Connection) -> None:
    found = Refusals()
    refused(found, clock, connection, 100, 100)
    found.note_success("watch", "airflow")
    assert refused(found, clock, connection, 100.5, 100.5) == 0.5
    found.note_success("list", "airflow")

    assert refused(found, clock, connection, 102, 102) == 1
