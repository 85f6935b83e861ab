"""The retry policy: which responses cause a retry, and after which pause."""

from __future__ import annotations

import random
from email.utils import parsedate_to_datetime
from time import time

# A server may end an idle connection with a 408, which can cross the next request on it (RFC 9110, 15.5.9).
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class Backoff:
    """Pauses that double. Each is shortened at random, so that many processes do not retry at the same moment.

    Times are in seconds.
    """

    __slots__ = ("first", "longest")

    def __init__(self, first: float = 0.1, longest: float = 2.0) -> None:
        self.first = first
        self.longest = longest

    def pause(self, attempts: int, left: float, retry_after: float | None = None) -> float | None:
        """Return the pause after ``attempts`` failed attempts; ``None`` if no time remains for another one.

        Args:
            attempts: 1 or more.
            left: the remaining time for all attempts.
            retry_after: the pause that the server requested. The result is never shorter.
        """
        grown = min(self.first * 2.0 ** min(attempts - 1, 16), self.longest)
        jittered = grown * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load; it guards nothing
        # Towards the end the pauses become shorter, so that the last attempt is as late as the time allows.
        pause = min(jittered, left / 2) if retry_after is None else retry_after + jittered
        return pause if pause + self.first <= left else None


def retry_after_seconds(header: str | None) -> float | None:
    """Return the seconds in a ``Retry-After`` header, which is a number or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - time(), 0.0)
    except (ValueError, OverflowError):
        return None
