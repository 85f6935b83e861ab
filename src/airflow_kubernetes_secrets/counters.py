"""Counts what happens in this process, for metrics. Every layer may count; ``backend/metrics.py`` sends the counts.

Nothing is counted until a backend with the option ``metrics`` exists.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TypeVar

from airflow_kubernetes_secrets.process import on_new_process

_Item = TypeVar("_Item")

# Where the result of a query came from: memory, the API server, memory because the API server is unavailable, a folder.
FROM_MEMORY = "results.memory"
FROM_API = "results.api"
FROM_MEMORY_IN_OUTAGE = "results.outage_memory"
FROM_FOLDER = "results.folder"

REQUEST = "request"
RETRY = "request.retries"
OUTAGE = "outages"
WATCH_RESTART = "watch.restarts"

# Limit for the unsent events, and for the unsent durations. Beyond it, the oldest are dropped.
_MOST = 20_000


class Counters:
    """Events and durations that have not been sent yet. Threads and signal handlers may add some at any moment.

    Attributes:
        is_on: whether anything is counted.
        should_send_soon: whether the next lookup that ends should send the counts, because something that was counted
            took longer than sending them.
    """

    def __init__(self) -> None:
        self.is_on = False
        self.should_send_soon = False
        # Incrementing a number could lose the increments of other threads. Appending to a deque is atomic.
        self._events: deque[str] = deque(maxlen=_MOST)
        self._durations: deque[tuple[str, float]] = deque(maxlen=_MOST)

    def __len__(self) -> int:
        return len(self._events)

    def count(self, name: str, *, send_soon: bool = False) -> None:
        """Count an event.

        Args:
            send_soon: whether the event takes longer than sending the counts.
        """
        if self.is_on:
            self._events.append(name)
            if send_soon:
                self.should_send_soon = True

    def took(self, name: str, seconds: float) -> None:
        """Record the duration in seconds of something that takes longer than sending the counts."""
        if self.is_on:
            self._durations.append((name, seconds))
            self.should_send_soon = True

    def take(self) -> tuple[Counter[str], list[tuple[str, float]]]:
        """Return and remove the number of events by name, and the durations in seconds with their names."""
        self.should_send_soon = False
        # Other threads may append and take at the same time.
        return Counter(_drained(self._events)), _drained(self._durations)

    def clear(self) -> None:
        """Forget what has not been sent: a forked child must not send what its parent counted."""
        self.take()


def _drained(queue: deque[_Item]) -> list[_Item]:
    found = []
    for _ in range(len(queue)):
        try:
            found.append(queue.popleft())
        except IndexError:  # another thread was faster
            break
    return found


counters = Counters()

on_new_process(counters.clear)
