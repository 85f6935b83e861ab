"""Log lines for people: each is logged once, and they are not remembered for ever."""

from __future__ import annotations

import logging

import pytest

from airflow_kubernetes_secrets.messages import notices
from support.logs import said


def test_once(caplog: pytest.LogCaptureFixture) -> None:
    for cause in ("a", "b", "a", "b"):
        notices.once(logging.WARNING, (cause,), f"because of {cause}")

    assert said(caplog) == ["because of a", "because of b"]


def test_what_was_said_is_forgotten_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """A process that runs for months has an unlimited number of causes."""
    for number in range(10_001):
        notices.once(logging.WARNING, (str(number),), str(number))
    notices.once(logging.WARNING, ("0",), "again")

    assert len(said(caplog)) == 10_002
    assert said(caplog)[-1] == "again"
