"""Whether the API server is away, and who may ask it meanwhile. All namespaces share it: it is one server.

After one lookup has used up all its time in vain, the others must not wait as long one after the other: a DAG file may
read fifty variables. They fail at once, but for one every few seconds, which looks whether it is back.
"""

from __future__ import annotations

import random
from threading import RLock
from time import monotonic

from airflow_kubernetes_secrets.errors import ApiUnavailableError

# Between the end of one probe and the next, and at least as long as that took; drawn anew each time, so that many
# processes do not agree.
_PAUSE_SECONDS = (2.0, 4.0)

# A probe is a lookup that somebody waits for: short at first, then twice as long each time, up to what that may take.
FIRST_PROBE_SECONDS = 1.0

# A server that asks for a longer pause is asked sooner all the same: it may have forgotten by then.
_LONGEST_PAUSE_SECONDS = 30.0


class Outage:
    """The outage that is under way, if one is. Shared by threads; it never waits.

    Attributes:
        since: when it began, in seconds on the monotonic clock.
    """

    def __init__(self) -> None:
        # Reentrant: the handler of a signal may look something up while this thread holds it.
        self._lock = RLock()
        self._error: ApiUnavailableError | None = None
        self._probes = 0
        self._next_probe = 0.0
        self._answered_at = 0.0
        self.since = 0.0

    @property
    def error(self) -> ApiUnavailableError | None:
        """What the last attempt ran into; ``None`` if the API server is not away."""
        return self._error

    def seconds_for(self, timeout: float) -> float:
        """The seconds that a request may take now: ``timeout``, or during an outage less.

        Raises:
            ApiUnavailableError: none; another lookup was in vain just now, or is on its way.
        """
        if self._error is None:
            return timeout
        with self._lock:
            error, now = self._error, monotonic()
            if error is None or now > self._next_probe + _LONGEST_PAUSE_SECONDS:
                # Nobody has asked for so long that nothing is known of it.
                return timeout
            if now < self._next_probe:
                raise error.again()
            seconds = min(FIRST_PROBE_SECONDS * 2.0**self._probes, timeout)
            self._probes = min(self._probes + 1, 16)
            self._next_probe = now + seconds
            return seconds

    def begin(self, error: ApiUnavailableError, asked_at: float) -> None:
        """A request of that time was in vain. If others were answered since, it is the trouble of that one alone."""
        with self._lock:
            now = monotonic()
            if self._answered_at >= asked_at:
                return
            took = now - asked_at
            if self._error is None:
                self._probes = 0
                self.since = asked_at
            pause = random.uniform(*_PAUSE_SECONDS)  # noqa: S311  # spreads load; it guards nothing
            if self._error is not None:
                pause = max(pause, took)
            if error.retry_after is not None:
                pause = max(pause, error.retry_after)
            self._error = error.again()
            self._next_probe = now + (min(pause, _LONGEST_PAUSE_SECONDS) if error.lasting else 0.0)

    def end(self) -> ApiUnavailableError | None:
        """A request was answered. Gives the error of the outage that this ended, if one was under way."""
        self._answered_at = monotonic()
        if self._error is None:
            return None
        with self._lock:
            error, self._error = self._error, None
            return error

    def after_fork(self) -> None:
        """Another thread of the parent may have held the lock. That the API server is away is true here too."""
        self._lock = RLock()
