"""What the backend has logged."""

from __future__ import annotations

import logging

import pytest


def log_messages(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """Return the messages of the backend's own logger, of at least this level."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "airflow_kubernetes_secrets" and record.levelno >= level
    ]
