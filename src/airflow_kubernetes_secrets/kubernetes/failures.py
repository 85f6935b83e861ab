"""Why an attempt to send a request failed, after which pause another one follows, and the error if none does.

An API server that has just started accepts connections before it has read its roles and keys. Until then it refuses
every request. So a 401 or 403 counts only if it is repeated. https://github.com/kubernetes/kubernetes/issues/121635
"""

from __future__ import annotations

import math
import random
from email.utils import parsedate_to_datetime
from time import monotonic, time

from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiResponseTooLargeError,
    ApiUnavailableError,
    UnconfirmedRefusalError,
)
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http_connection import SOURCE, ResponseTooLargeError
from airflow_kubernetes_secrets.messages.printable import printable

# A server may end an idle connection with a 408, which can cross the next request on it (RFC 9110, 15.5.9).
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

# A refusal counts if the same request, sent this many seconds after it, is refused too. With few roles, kube-apiserver
# 1.20.2 and 1.36.2 accept requests at most 0.04 s after the first refusal.
CONFIRMED_AFTER_SECONDS = 1.0

# If the server fails between two refusals, it may have restarted, and the second may be the first of a new start. But
# refusals that last this many seconds count although some requests fail: a start takes less.
_CONFIRMED_IN_ANY_CASE_SECONDS = 10.0

# Refusals that are further apart say nothing about each other: the server may have restarted in between. After a
# failure this is likely: the kubelet waits ten seconds or more before it starts a crashed server again.
_FURTHEST_APART_SECONDS = 60.0
_FURTHEST_APART_AFTER_A_FAILURE_SECONDS = 10.0


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


class UnconfirmedRefusal(Failure):
    """A 401 or 403 that does not count yet; see :class:`Refusals`.

    Attributes:
        longest_pause: the seconds after which another attempt can confirm it.
        refusal: the error to raise if it counts.
    """

    __slots__ = ("longest_pause", "refusal")

    def __init__(self, problem: str, longest_pause: float, refusal: ApiError) -> None:
        super().__init__(problem)
        self.longest_pause = longest_pause
        self.refusal = refusal


def server_of(credentials: Credentials) -> str:
    """Return host and port of the API server, for messages."""
    return printable(credentials.endpoint)


def unavailable_error(
    failure: Failure, credentials: Credentials, *, attempts: int, deadline: Deadline
) -> ApiUnavailableError:
    """Return the error for a request that got no usable response.

    Args:
        failure: the failure to report, which is usually that of the last attempt.
        attempts: how many attempts there were.
        deadline: the deadline of the request.
    """
    server = server_of(credentials)
    if isinstance(failure, UnconfirmedRefusal):
        remedy = (
            "An API server that has just started may refuse every request, so a refusal counts only if it is "
            f"repeated {CONFIRMED_AFTER_SECONDS:g} s later, and there was no time for that. If it remains: "
            f"{failure.refusal}"
        )
        return UnconfirmedRefusalError(server, failure.problem, attempts, deadline.elapsed(), remedy)
    if failure.remedy:
        remedy = failure.remedy.replace(SOURCE, credentials.source)
    else:
        remedy = (
            "Check that it runs and can be reached from here (network policies), or raise 'timeout' in backend_kwargs"
        )
    return ApiUnavailableError(
        server,
        failure.problem,
        attempts,
        deadline.elapsed(),
        remedy,
        lasting=not failure.is_final,
        retry_after=failure.retry_after,
    )


def too_large_error(problem: ResponseTooLargeError, credentials: Credentials) -> ApiResponseTooLargeError:
    """Return the error for a response that is larger than this process may read for one request."""
    return ApiResponseTooLargeError(
        f"the Kubernetes API at {server_of(credentials)} could not be read: {problem}. Move Airflow's Secrets to a "
        "namespace of their own. If it has only a few Secrets, check what responds in place of the API server"
    )


class Refusal:
    """A 401 or 403 that counts: what was requested, by whom, and what the API server responded.

    Attributes:
        status: the HTTP status, such as 403.
        message: the API server's words; empty if the response is not one of the Kubernetes API.
        verb: what was requested, as a Kubernetes verb.
        path: the path at the API server, without the query.
        server: its host and port.
        source: where the credentials come from.
        refused: why the API server can refuse credentials that were just read, with a remedy.
        unreadable: why the credentials could not be read again after a 401; empty if they could.
        as_user: the user to impersonate, if any.
    """

    __slots__ = (
        "as_user",
        "message",
        "namespace",
        "path",
        "refused",
        "server",
        "source",
        "status",
        "unreadable",
        "verb",
    )

    def __init__(
        self,
        status: int,
        message: str,
        verb: str,
        namespace: str,
        path: str,
        *,
        server: str,
        source: str,
        refused: str,
        unreadable: str = "",
        as_user: str | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.verb = verb
        self.namespace = namespace
        self.path = path
        self.server = server
        self.source = source
        self.refused = refused
        self.unreadable = unreadable
        self.as_user = as_user


class _History:
    """The refusals of one operation with one status, in seconds on the monotonic clock.

    Attributes:
        since: the first refusal since the operation was last allowed.
        first: the first refusal since then without a failure of the server in between.
        last: the last refusal.
        counts: whether a refusal has counted.
    """

    __slots__ = ("counts", "first", "last", "since")

    def __init__(self, now: float) -> None:
        self.since = self.first = self.last = now
        self.counts = False


class Refusals:
    """The refusals of one API server. Threads share it; no method waits.

    Each operation and each status is judged separately. A user may be allowed one operation and refused another, and
    requests to one address can reach different servers, even over one connection. A 403 that counts says nothing about
    a 401.
    """

    def __init__(self) -> None:
        self._failed_at = -math.inf
        # By verb, path without the query, and status. Threads only replace histories and their attributes, so there is
        # no lock.
        self._histories: dict[tuple[str, str, int], _History] = {}

    def note_failure(self) -> None:
        """Record that the server was unavailable, so that it may have restarted."""
        self._failed_at = monotonic()

    def note_allowed(self, verb: str, path: str) -> None:
        """Record that the server accepted a request for the operation."""
        if self._histories:
            for status in (401, 403):
                self._histories.pop((verb, path, status), None)

    def seconds_to_confirm(self, verb: str, path: str, status: int, sent_at: float) -> float | None:
        """Record a refusal. Return how many seconds to wait before a repeated request can confirm it.

        Args:
            path: the path at the API server, without the query.
            status: 401 or 403.
            sent_at: when the request was sent, in seconds on the monotonic clock.

        Returns:
            ``None`` if the refusal counts. Later ones count too, until the operation is allowed, or is not refused for
            some time.
        """
        now = monotonic()
        history = self._histories.get((verb, path, status))
        failed = history is not None and history.first <= self._failed_at
        furthest_apart = _FURTHEST_APART_AFTER_A_FAILURE_SECONDS if failed else _FURTHEST_APART_SECONDS
        if history is None or now - history.last > furthest_apart:
            history = self._histories[verb, path, status] = _History(now)
        elif failed:
            history.first = now
        history.last = now
        confirmed_from = history.first + CONFIRMED_AFTER_SECONDS
        if history.counts or sent_at >= min(confirmed_from, history.since + _CONFIRMED_IN_ANY_CASE_SECONDS):
            history.counts = True
            return None
        return max(confirmed_from - now, 0.0)
