"""What a process knows while the API server is unavailable: which lookups may query it, and its last results.

After one lookup has used all its time without success, the others must not wait as long one after the other: a DAG file
may read fifty variables. They fail immediately, except for one every few seconds, which probes the server.
"""

from __future__ import annotations

import random
from contextlib import suppress
from threading import RLock
from time import monotonic

from airflow_kubernetes_secrets.counters import OUTAGE, counters
from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.kubernetes.failures import LONGEST_PAUSE_SECONDS
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.sources.query import Query

# In seconds, from the end of one probe to the next. The pause is at least as long as the probe took. It is drawn at
# random each time, so that many processes do not probe at the same moment.
_PAUSE_SECONDS = (2.0, 4.0)

# In seconds. A probe is a lookup that somebody waits for. So the first one is short, and each one may take twice as
# long as the last, up to the time of a lookup.
FIRST_PROBE_SECONDS = 1.0

# A process that runs for months may look up an unlimited number of ids. Those that it looks up regularly stay.
_MOST_REMEMBERED = 1000


class ApiServerState:
    """The current outage of the API server, if there is one. All namespaces and threads share it; no method waits.

    Attributes:
        since: when it began, in seconds on the monotonic clock.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler may look something up while this thread holds the lock.
        self._lock = RLock()
        self._error: ApiUnavailableError | None = None
        self._probes = 0
        self._next_probe = 0.0
        self._responded_at = 0.0
        self.since = 0.0

    @property
    def error(self) -> ApiUnavailableError | None:
        """The error of the last attempt; ``None`` if the API server is available."""
        return self._error

    def seconds_for(self, timeout: float) -> float:
        """Return the seconds that a request may take now: ``timeout``, or less during an outage.

        Raises:
            ApiUnavailableError: it must not be sent. Another request has just failed, or is in progress.
        """
        if self._error is None:
            return timeout
        with self._lock:
            error, now = self._error, monotonic()
            if error is None or now > self._next_probe + LONGEST_PAUSE_SECONDS:
                # The last probe is too old to conclude that the server is still unavailable.
                return timeout
            if now < self._next_probe:
                raise error.again()
            seconds = min(FIRST_PROBE_SECONDS * 2.0**self._probes, timeout)
            self._probes = min(self._probes + 1, 16)
            self._next_probe = now + seconds
            return seconds

    def record_failure(self, error: ApiUnavailableError, requested_at: float) -> None:
        """Record a failed request. It is ignored if the server has responded to another request in the meantime.

        Args:
            error: why it failed.
            requested_at: when it was sent, in seconds on the monotonic clock.
        """
        with self._lock:
            now = monotonic()
            if self._responded_at >= requested_at:
                return
            took = now - requested_at
            if self._error is None:
                counters.count(OUTAGE)
                self._probes = 0
                self.since = requested_at
            pause = random.uniform(*_PAUSE_SECONDS)  # noqa: S311  # spreads load; it guards nothing
            if self._error is not None:
                pause = max(pause, took)
            if error.retry_after is not None:
                pause = max(pause, error.retry_after)
            self._error = error.again()
            self._next_probe = now + (min(pause, LONGEST_PAUSE_SECONDS) if error.lasting else 0.0)

    def record_response(self) -> ApiUnavailableError | None:
        """Record a response. Return the error of the outage that it has ended; ``None`` if there was no outage."""
        self._responded_at = monotonic()
        if self._error is None:
            return None
        with self._lock:
            error, self._error = self._error, None
            return error

    def after_fork(self) -> None:
        """Replace the lock, which another thread of the parent may have held. The outage applies to the child too."""
        self._lock = RLock()


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
