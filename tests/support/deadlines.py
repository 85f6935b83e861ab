"""Lookups that end in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_within(timeout: float) -> Iterator[None]:
    """A lookup that hangs fails here, with room for a slow machine."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < timeout + 2
