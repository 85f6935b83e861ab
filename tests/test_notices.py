"""Log messages: each is logged once, and old ones are forgotten."""

from __future__ import annotations

import logging

import pytest

from airflow_kubernetes_secrets.messages import notices
from support.logs import log_messages


def test_each_message_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for cause in ("a", "b", "a", "b"):
        notices.once(logging.WARNING, (cause,), f"because of {cause}")

    assert log_messages(caplog) == ["because of a", "because of b"]


def test_old_messages_are_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """A process that runs for months has an unlimited number of causes."""
    for number in range(10_001):
        notices.once(logging.WARNING, (str(number),), str(number))
    notices.once(logging.WARNING, ("0",), "again")

    assert len(log_messages(caplog)) == 10_002
    assert log_messages(caplog)[-1] == "again"
