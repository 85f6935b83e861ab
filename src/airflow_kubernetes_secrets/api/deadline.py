"""How long something may still take."""

from __future__ import annotations

from time import monotonic


class Deadline:
    """A point in time that every wait below it respects. Times are in seconds, on the monotonic clock."""

    __slots__ = ("_began", "_ends")

    def __init__(self, seconds: float) -> None:
        self._began = monotonic()
        self._ends = self._began + seconds

    def left(self) -> float:
        """Seconds left; 0 when there are none."""
        return max(self._ends - monotonic(), 0.0)

    def remaining(self) -> float:
        """Seconds left, for a wait that is about to begin.

        Raises:
            TimeoutError: there are none.
        """
        left = self.left()
        if not left:
            raise TimeoutError("timed out")
        return left

    def elapsed(self) -> float:
        """Seconds since it was set."""
        return monotonic() - self._began

    def part(self, share: float) -> Deadline:
        """An earlier deadline, after this share of the time that is left."""
        return Deadline(self.left() * share)


class Allowance:
    """The seconds that a lookup may take in all, from when it first needs some: most are answered from memory."""

    __slots__ = ("_deadline", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline: Deadline | None = None

    @property
    def deadline(self) -> Deadline:
        """When they are over."""
        if self._deadline is None:
            self._deadline = Deadline(self._seconds)
        return self._deadline
