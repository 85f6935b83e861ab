"""How long something may still take."""

from __future__ import annotations

from time import monotonic


class Deadline:
    """A point in time that every wait below it respects. Times are in seconds, on the monotonic clock."""

    __slots__ = ("_began", "_ends")

    def __init__(self, seconds: float) -> None:
        self._began = monotonic()
        self._ends = self._began + seconds

    def remaining(self) -> float:
        """Seconds left.

        Raises:
            TimeoutError: none are.
        """
        left = self._ends - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def elapsed(self) -> float:
        return monotonic() - self._began

    def allows(self, seconds: float) -> bool:
        """Whether a wait of so many seconds ends before the deadline."""
        return monotonic() + seconds < self._ends

    def part(self, share: float) -> Deadline:
        """An earlier deadline, after this share of the time that is left."""
        return Deadline(max(self._ends - monotonic(), 0) * share)
