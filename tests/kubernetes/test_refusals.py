"""When a refusal is confirmed, in seconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_kubernetes_secrets.kubernetes import refusals
from airflow_kubernetes_secrets.kubernetes.refusals import Refusals

OPERATION = ("list", "/api/v1/namespaces/airflow/secrets")
OTHER = ("get", "/api/v1/namespaces/airflow/secrets/x")


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


class Server:
    """Simulate an API server whose responses a process records."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusals = Refusals()

    def refuses(
        self, at: float, operation: tuple[str, str] = OPERATION, *, status: int = 403, sent_at: float | None = None
    ) -> float | None:
        self._clock.now = at
        return self._refusals.seconds_to_confirm(*operation, status, at if sent_at is None else sent_at)

    def allows(self, at: float, operation: tuple[str, str] = OPERATION) -> None:
        self._clock.now = at
        self._refusals.note_allowed(*operation)

    def fails(self, at: float) -> None:
        self._clock.now = at
        self._refusals.note_failure()


@pytest.fixture
def server(clock: Clock) -> Server:
    return Server(clock)


def test_refusal_is_confirmed_by_another_after_a_second(server: Server) -> None:
    assert server.refuses(100) == 1
    assert server.refuses(100.5) == 0.5
    assert server.refuses(101) is None


def test_time_of_the_request_counts_and_not_of_the_response(server: Server) -> None:
    """A starting server delays requests for seconds, and refuses them together."""
    server.refuses(105, sent_at=100)

    assert server.refuses(106.5, sent_at=100.5) == 0
    assert server.refuses(106.5, sent_at=105.9) == 0
    assert server.refuses(107, sent_at=106) is None


def test_later_refusals_are_confirmed_until_the_operation_is_allowed(server: Server) -> None:
    server.refuses(100)
    server.refuses(101)
    server.fails(102)

    assert server.refuses(103) is None
    assert server.refuses(160) is None
    server.allows(161)
    assert server.refuses(162) == 1


def test_confirmation_expires(server: Server) -> None:
    """Somebody may have granted the permission since then, and now the server starts."""
    server.refuses(100)
    assert server.refuses(101) is None

    assert server.refuses(161.5) == 1


def test_failure_between_two_refusals_restarts_the_confirmation(server: Server) -> None:
    server.refuses(100)
    server.fails(101)

    assert server.refuses(102) == 1
    assert server.refuses(103) is None


def test_failures_delay_the_confirmation_only_as_long_as_a_start(server: Server) -> None:
    """A server of which every other request fails must not keep a revoked permission alive."""
    for second in range(100, 110):
        assert server.refuses(second) is not None
        server.fails(second + 0.5)

    assert server.refuses(110) is None


def test_refusals_of_two_server_starts_are_not_confirmed(server: Server) -> None:
    """The kubelet waits 10 s, 20 s and so on before it starts a server again that has crashed."""
    server.refuses(100)
    server.fails(101)

    assert server.refuses(111) == 1
    server.fails(112)
    assert server.refuses(132) == 1
    assert server.refuses(133) is None


def test_success_between_two_refusals_restarts_the_confirmation(server: Server) -> None:
    server.refuses(100)
    server.allows(100.2, OTHER)
    assert server.refuses(100.5) == 0.5
    server.allows(101)

    assert server.refuses(102) == 1


def test_operations_and_statuses_are_confirmed_separately(server: Server) -> None:
    server.refuses(100)
    assert server.refuses(101) is None

    assert server.refuses(101, OTHER) == 1
    assert server.refuses(101, status=401) == 1
    server.allows(102)
    assert server.refuses(103, status=401) == 1


@pytest.mark.parametrize(
    "respond", [lambda server, at: server.allows(at, OTHER), lambda server, at: server.refuses(at, OTHER)]
)
def test_any_other_response_shows_that_the_credentials_are_accepted(
    server: Server, respond: Callable[[Server, float], object]
) -> None:
    server.refuses(100, status=401)
    respond(server, 100.5)

    assert server.refuses(101, status=401) == 1
    respond(server, 101.5)
    # Then a confirmed 401 does not remain confirmed either.
    server.refuses(102, status=401)
    assert server.refuses(103, status=401) is None
    respond(server, 103.5)
    assert server.refuses(104, status=401) == 1


def test_refusals_more_than_a_minute_apart_are_not_combined(server: Server) -> None:
    server.refuses(100)

    assert server.refuses(160.5) == 1
    # The longest pause between two requests in an outage is 30 s.
    assert server.refuses(195) is None
