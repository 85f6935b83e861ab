"""A share of the time of a run, for work that costs more than one input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic


class Share:
    """Work that may take a fraction of all time since the start."""

    def __init__(self, part: float) -> None:
        self._part = part
        self._began = monotonic()
        self._taken = 0.0

    @property
    def is_left(self) -> bool:
        """Return whether the work has taken less than its share so far."""
        return self._taken < self._part * (monotonic() - self._began)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Count the time of the block."""
        began = monotonic()
        try:
            yield
        finally:
            self._taken += monotonic() - began
