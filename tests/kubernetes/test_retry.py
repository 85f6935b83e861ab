"""When a request is retried."""

from __future__ import annotations

import time
from email.utils import formatdate
from itertools import pairwise

import pytest

from airflow_kubernetes_secrets.kubernetes.failures import Backoff, retry_after_seconds

LONG = 1e6


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first=0.1, longest=2.0)
    longest = [max(backoff.pause(attempts, LONG) or 0 for _ in range(300)) for attempts in range(1, 9)]

    for attempts, pause in enumerate(longest, start=1):
        assert pause <= min(0.1 * 2 ** (attempts - 1), 2.0)
    assert all(later > earlier for earlier, later in pairwise(longest[:5]))


def test_pauses_are_random() -> None:
    pauses = {Backoff().pause(3, LONG) for _ in range(50)}

    assert len(pauses) == 50
    assert all(pause is not None and 0.2 <= pause <= 0.4 for pause in pauses)


def test_pause_respects_retry_after() -> None:
    assert all((Backoff().pause(1, LONG, retry_after=7) or 0) >= 7 for _ in range(50))


@pytest.mark.parametrize(("left", "retry_after"), [(0.0, None), (0.15, None), (5.0, 5.0), (5.0, 3600.0)])
def test_without_time_for_another_attempt_there_is_no_pause(left: float, retry_after: float | None) -> None:
    assert Backoff(first=0.1).pause(9, left, retry_after) is None


def test_last_attempt_is_shortly_before_the_deadline() -> None:
    backoff, left, attempts = Backoff(first=0.1, longest=2.0), 10.0, 1
    while (pause := backoff.pause(attempts, left)) is not None:
        left -= pause
        attempts += 1

    assert left < 0.25


def test_many_attempts() -> None:
    assert Backoff().pause(1_000_000, LONG) is not None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


def test_retry_after_as_a_date() -> None:
    seconds = retry_after_seconds(formatdate(time.time() + 3600, usegmt=True))

    assert seconds is not None
    assert 3500 < seconds <= 3600
