"""Waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 30.0


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition is not true after {seconds:g} s"
        time.sleep(0.01)


def until_equal(read: Callable[[], object], expected: object, seconds: float = PATIENCE) -> None:
    """Wait until ``read`` returns the expected value."""
    deadline = time.monotonic() + seconds
    while (found := read()) != expected:
        assert time.monotonic() < deadline, f"it is still {found!r}, and not {expected!r}"
        time.sleep(0.01)
