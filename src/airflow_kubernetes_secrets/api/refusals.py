"""When a refusal of the API server (401 or 403) counts.

An API server that has just started accepts requests before it has read its roles and keys, and refuses everybody until
then. https://github.com/kubernetes/kubernetes/issues/121635
"""

from __future__ import annotations

import math
from time import monotonic

# A refusal counts if the same request, sent this many seconds after it, is refused too. With few roles, kube-apiserver
# 1.20.2 and 1.36.2 accept requests at most 0.04 s after the first refusal.
CONFIRMED_AFTER_SECONDS = 1.0

# Refusals that are further apart do not confirm each other: the server may have restarted twice. In an outage, requests
# are at most half as far apart.
_FURTHEST_APART_SECONDS = 60.0


class _Record:
    """The refusals of one operation. Threads replace its attributes and never change them in place, so it has no lock.

    Attributes:
        first: when the first of consecutive refusals came, in seconds on the monotonic clock.
        last: when the last one came.
        allowed_at: when the operation was last allowed after a refusal.
    """

    __slots__ = ("allowed_at", "first", "last")

    def __init__(self, now: float) -> None:
        self.first = self.last = now
        self.allowed_at = -math.inf


class Refusals:
    """The refusals of one API server. Threads share it; no method waits.

    Each operation is judged by itself: a user may be allowed one and refused another, and requests to one address can
    reach different servers, even over one connection.
    """

    def __init__(self) -> None:
        self._failed_at = -math.inf
        self._records: dict[tuple[str, str], _Record] = {}

    def note_failure(self) -> None:
        """Record that the server was unavailable. Earlier refusals confirm no later ones: it may have restarted."""
        self._failed_at = monotonic()

    def note_allowed(self, operation: tuple[str, str]) -> None:
        """Record that the server accepted a request for the operation."""
        record = self._records.get(operation)
        if record is not None:
            record.allowed_at = monotonic()

    def seconds_to_confirm(self, operation: tuple[str, str], sent_at: float) -> float | None:
        """Record a refusal. Return how many seconds to wait before a repeated request can confirm it.

        Args:
            operation: its verb and its path without the query.
            sent_at: when the request was sent, in seconds on the monotonic clock.

        Returns:
            ``None`` if the refusal counts.
        """
        now = monotonic()
        record = self._records.setdefault(operation, _Record(now))
        started_anew = max(self._failed_at, record.allowed_at)
        if record.first <= started_anew or now - record.last > _FURTHEST_APART_SECONDS:
            record.first = now
        record.last = now
        confirmed_from = record.first + CONFIRMED_AFTER_SECONDS
        return None if sent_at >= confirmed_from else max(confirmed_from - now, 0.0)
