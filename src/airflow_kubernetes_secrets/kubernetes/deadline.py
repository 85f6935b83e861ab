"""Limits on the time that an operation may take."""

from __future__ import annotations

from time import monotonic


class Deadline:
    """A point in time that limits every wait of an operation. Times are in seconds, on the monotonic clock."""

    __slots__ = ("_began", "_ends")

    def __init__(self, seconds: float) -> None:
        self._began = monotonic()
        self._ends = self._began + seconds

    def left(self) -> float:
        """Return the remaining seconds; 0 if there are none."""
        return max(self._ends - monotonic(), 0.0)

    def left_or_raise(self) -> float:
        """Return the remaining seconds, which are the limit of a wait that begins now.

        Raises:
            TimeoutError: no time remains.
        """
        left = self.left()
        if not left:
            raise TimeoutError("timed out")
        return left

    def elapsed(self) -> float:
        """Return the seconds since the deadline was set."""
        return monotonic() - self._began

    def part(self, share: float) -> Deadline:
        """Return an earlier deadline, after this share of the remaining time."""
        return Deadline(self.left() * share)


class TimeBudget:
    """The time budget of a lookup, in seconds. It starts on first use, since most lookups are served from memory."""

    __slots__ = ("_deadline", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline: Deadline | None = None

    @property
    def deadline(self) -> Deadline:
        """The end of the budget. The first access starts it."""
        if self._deadline is None:
            self._deadline = Deadline(self._seconds)
        return self._deadline
