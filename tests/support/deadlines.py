"""Lookups that end in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_within(timeout: float) -> Iterator[None]:
    """Fail if the lookup takes more than two seconds longer than its ``timeout``; a slow machine needs some of that."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < timeout + 2
