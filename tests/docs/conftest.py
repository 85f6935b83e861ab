"""A fixture that starts each test of a page as a new process does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_kubernetes_secrets.process import restart


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Start with no connections and no logged causes."""
    restart()
    yield
    restart()
