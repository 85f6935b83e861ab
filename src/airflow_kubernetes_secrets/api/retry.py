"""When a request is tried again, and after which pause: policy as data."""

from __future__ import annotations

import random
from email.utils import parsedate_to_datetime
from time import time

# A server ends an idle connection with a 408, which can cross the request that comes over it (RFC 9110, 15.5.9).
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class Backoff:
    """Pauses that double, each shortened at random so that many processes do not come back together.

    Times are in seconds.
    """

    __slots__ = ("first", "longest")

    def __init__(self, first: float = 0.1, longest: float = 2.0) -> None:
        self.first = first
        self.longest = longest

    def pause(self, attempts: int, left: float, retry_after: float | None = None) -> float | None:
        """The pause after so many failed attempts (1 or more); ``None`` if no time for another one is left.

        Args:
            left: the time left in all.
            retry_after: what the server asks for; it is never asked again sooner.
        """
        grown = min(self.first * 2.0 ** min(attempts - 1, 16), self.longest)
        jittered = grown * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load; it guards nothing
        # Towards the end the pauses become shorter again: the last attempt is as late as the time allows.
        pause = min(jittered, left / 2) if retry_after is None else retry_after + jittered
        return pause if pause + self.first <= left else None


def retry_after_seconds(header: str | None) -> float | None:
    """The seconds that a ``Retry-After`` header asks for: a number or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - time(), 0.0)
    except (ValueError, OverflowError):
        return None
