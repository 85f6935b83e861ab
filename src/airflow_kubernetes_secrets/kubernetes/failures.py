"""Why an attempt to send a request failed, after which pause another one follows, and the error if none does."""

from __future__ import annotations

import math
import random
from email.utils import parsedate_to_datetime
from time import monotonic, time

from airflow_kubernetes_secrets.errors import ApiResponseTooLargeError, ApiUnavailableError
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http_connection import SOURCE, ResponseTooLargeError
from airflow_kubernetes_secrets.messages.printable import printable

# A server may end an idle connection with a 408, which can cross the next request on it (RFC 9110, 15.5.9).
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

# With these statuses, a server asks each client to wait (RFC 9110, 15.6.4; RFC 6585, 4). kube-apiserver also sends
# Retry-After with a 504 for a version that it has not reached yet, which concerns only that request.
_STATUSES_FOR_ALL = frozenset({429, 503})

# In seconds. If a server requests a longer pause, it is queried earlier: the reason may be gone by then.
LONGEST_PAUSE_SECONDS = 30.0


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


class Failure:
    """Why an attempt failed.

    Attributes:
        problem: what went wrong, for messages.
        remedy: what the user should do; empty if that is to check the network. It may contain :data:`SOURCE`.
        is_final: whether another attempt would fail too.
        retry_after: the pause in seconds that the server requested; ``None`` if it requested none.
        longest_pause: the longest pause in seconds before the next attempt.
    """

    __slots__ = ("is_final", "problem", "remedy", "retry_after")

    longest_pause = math.inf

    def __init__(
        self, problem: str, remedy: str = "", retry_after: float | None = None, *, is_final: bool = False
    ) -> None:
        self.problem = problem
        self.remedy = remedy
        self.is_final = is_final
        self.retry_after = retry_after

    def unavailable_error(self, credentials: Credentials, *, attempts: int, deadline: Deadline) -> ApiUnavailableError:
        """Return the error for a request that got no usable response.

        Args:
            attempts: how many attempts there were. This failure is usually that of the last one.
            deadline: the deadline of the request.
        """
        if self.remedy:
            remedy = self.remedy.replace(SOURCE, credentials.source)
        else:
            remedy = (
                "Check that it runs and can be reached from here (network policies), or raise 'timeout' in "
                "backend_kwargs"
            )
        return ApiUnavailableError(
            server_of(credentials),
            self.problem,
            attempts,
            deadline.elapsed(),
            remedy,
            lasting=not self.is_final,
            retry_after=self.retry_after,
        )


class RequestedPause:
    """The pause that a server has requested with ``Retry-After``. Threads share it; no method waits."""

    def __init__(self) -> None:
        # The time on the monotonic clock at which it ends, and why the server has requested it.
        self._ends_and_problem = (-math.inf, "")

    def note(self, status: int, failure: Failure) -> None:
        """Record a response, if it requests a pause of every request."""
        if failure.retry_after is not None and status in _STATUSES_FOR_ALL:
            seconds = min(failure.retry_after, LONGEST_PAUSE_SECONDS)
            self._ends_and_problem = (monotonic() + seconds, failure.problem)

    def failure(self) -> Failure | None:
        """Return why no request must be sent now; ``None`` if there is no pause."""
        ends, problem = self._ends_and_problem
        left = ends - monotonic()
        return Failure(problem, retry_after=left) if left > 0 else None


def server_of(credentials: Credentials) -> str:
    """Return host and port of the API server, for messages."""
    return printable(credentials.endpoint)


def too_large_error(problem: ResponseTooLargeError, credentials: Credentials) -> ApiResponseTooLargeError:
    """Return the error for a response that is larger than this process may read for one request."""
    return ApiResponseTooLargeError(
        f"the Kubernetes API at {server_of(credentials)} could not be read: {problem}. Move Airflow's Secrets to a "
        "namespace of their own. If it has only a few Secrets, check what responds in place of the API server"
    )
