"""When a request is tried again, and after which pause: policy as data."""

from __future__ import annotations

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Backoff:
    """Pauses that double, each shortened at random so that many processes do not come back together.

    Times are in seconds.
    """

    first: float = 0.1
    longest: float = 2.0

    def pause(self, attempts: int, retry_after: float | None = None) -> float:
        """The pause after so many failed attempts (1 or more); never shorter than the server asks for."""
        grown = min(self.first * 2.0 ** (attempts - 1), self.longest)
        jittered = grown * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load; it guards nothing
        if retry_after is None:
            return jittered
        return retry_after + jittered


def retry_after_seconds(header: str | None) -> float | None:
    """The seconds that a ``Retry-After`` header asks for: a number or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - time(), 0.0)
    except ValueError:
        return None
