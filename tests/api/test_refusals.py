"""When a refusal counts, second by second."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.api import refusals
from airflow_kubernetes_secrets.api.refusals import Refusals

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


def refused(
    found: Refusals, clock: Clock, at: float, operation: tuple[str, str] = OPERATION, sent_at: float | None = None
) -> float | None:
    clock.now = at
    return found.seconds_to_confirm(operation, at if sent_at is None else sent_at)


def test_one_that_is_sent_a_second_later_counts(clock: Clock) -> None:
    found = Refusals()

    assert refused(found, clock, 100) == 1
    assert refused(found, clock, 100.5) == 0.5
    assert refused(found, clock, 101) is None
    # Then later ones count too.
    assert refused(found, clock, 150) is None
    assert refused(found, clock, 200) is None


def test_when_it_was_sent_counts_and_not_when_it_was_answered(clock: Clock) -> None:
    """A server that starts holds requests for seconds, and refuses them together."""
    found = Refusals()
    refused(found, clock, 105, sent_at=100)

    assert refused(found, clock, 106.5, sent_at=100.5) == 0
    assert refused(found, clock, 106.5, sent_at=105.9) == 0
    assert refused(found, clock, 107, sent_at=106) is None


def test_a_failure_between_two_makes_them_of_two_starts(clock: Clock) -> None:
    found = Refusals()
    refused(found, clock, 100)
    clock.now = 101
    found.note_failure()

    assert refused(found, clock, 102) == 1
    assert refused(found, clock, 103) is None
    found.note_failure()
    assert refused(found, clock, 104) == 1


def test_a_success_between_two_does_too(clock: Clock) -> None:
    found = Refusals()
    refused(found, clock, 100)
    found.note_allowed(OTHER)
    assert refused(found, clock, 100.5) == 0.5
    clock.now = 101
    found.note_allowed(OPERATION)

    assert refused(found, clock, 102) == 1


def test_one_operation_says_nothing_of_another(clock: Clock) -> None:
    found = Refusals()
    refused(found, clock, 100)
    assert refused(found, clock, 101) is None

    assert refused(found, clock, 101, OTHER) == 1


def test_those_of_different_outages_are_far_apart(clock: Clock) -> None:
    found = Refusals()
    refused(found, clock, 100)

    assert refused(found, clock, 160.5) == 1
    # The longest pause between two requests in an outage is 30 s.
    assert refused(found, clock, 195) is None
