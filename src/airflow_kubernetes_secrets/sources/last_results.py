"""The last responses of the API server, for use while it is unavailable."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.sources.query import Query

# A process that runs for months may look up an unlimited number of ids. Those that it looks up regularly stay.
_MOST_REMEMBERED = 1000


class LastResults:
    """The last result of each query, and when it was requested. Threads may share it: each step is atomic."""

    def __init__(self) -> None:
        self._results: dict[Query, tuple[float, list[Secret]]] = {}

    def remember(self, query: Query, requested_at: float, secrets: list[Secret]) -> None:
        """Store a result in place of the last one.

        Args:
            requested_at: when it was requested, in seconds on the monotonic clock.
        """
        self._results.pop(query, None)
        self._results[query] = (requested_at, secrets)
        if len(self._results) > _MOST_REMEMBERED:
            self._forget_the_oldest()

    def get(self, query: Query, max_age: float) -> tuple[float, list[Secret]] | None:
        """Return when a result was requested, and the result; ``None`` if that was ``max_age`` seconds ago or more."""
        result = self._results.get(query)
        return None if result is None or monotonic() - result[0] >= max_age else result

    def drop(self, query: Query) -> None:
        """Drop the result of one query."""
        self._results.pop(query, None)

    def forget(self) -> None:
        """Drop all results."""
        self._results.clear()

    def _forget_the_oldest(self) -> None:
        # These errors mean that another thread has just done it.
        with suppress(StopIteration, RuntimeError):
            self._results.pop(next(iter(self._results)), None)
