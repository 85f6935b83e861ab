"""When a 401 or 403 is confirmed.

An API server that has just started accepts connections before it has read its roles and keys. Until then it refuses
every request. So a 401 or 403 must be confirmed by another one. https://github.com/kubernetes/kubernetes/issues/121635
"""

from __future__ import annotations

import math
from time import monotonic

from airflow_kubernetes_secrets.errors import ApiError, UnconfirmedRefusalError
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.failures import Failure, server_of

# A refusal is confirmed if the same request, sent this many seconds after it, is refused too. With few roles,
# kube-apiserver 1.20.2 and 1.36.2 accept requests at most 0.04 s after the first refusal.
CONFIRMED_AFTER_SECONDS = 1.0

# If the server fails between two refusals, it may have restarted, and the second may be the first of a new start. But
# refusals that last this many seconds are confirmed although some requests fail: a start takes less.
_CONFIRMED_IN_ANY_CASE_SECONDS = 10.0

# Refusals that are further apart say nothing about each other: the server may have restarted in between. After a
# failure this is likely: the kubelet waits ten seconds or more before it starts a crashed server again.
_FURTHEST_APART_SECONDS = 60.0
_FURTHEST_APART_AFTER_A_FAILURE_SECONDS = 10.0


class ErrorResponse:
    """A response with an error status: what was requested, by whom, and what the API server responded.

    A 401 or 403 may be unconfirmed; see :class:`UnconfirmedRefusal`.

    Attributes:
        status: the HTTP status, such as 403 or 404.
        message: the API server's words; empty if a 401 or 403 has no message of the API.
        verb: what was requested, as a Kubernetes verb.
        path: the path at the API server, without the query.
        server: its host and port.
        source: where the credentials come from.
        refusal_reason: why the API server can refuse credentials that were just read, with a remedy.
        unreadable: why the credentials could not be read again after a 401; empty if they could.
        as_user: the user to impersonate, if any.
    """

    __slots__ = (
        "as_user",
        "message",
        "namespace",
        "path",
        "refusal_reason",
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
        refusal_reason: str,
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
        self.refusal_reason = refusal_reason
        self.unreadable = unreadable
        self.as_user = as_user


class UnconfirmedRefusal(Failure):
    """A 401 or 403 that no other has confirmed; see :class:`Refusals`.

    Attributes:
        longest_pause: the seconds after which another attempt can confirm it.
        error: the error to raise once it is confirmed.
    """

    __slots__ = ("error", "longest_pause")

    def __init__(self, problem: str, longest_pause: float, error: ApiError) -> None:
        super().__init__(problem)
        self.longest_pause = longest_pause
        self.error = error

    def unavailable_error(
        self, credentials: Credentials, *, attempts: int, deadline: Deadline
    ) -> UnconfirmedRefusalError:
        """Return the error for a refusal that no other request has confirmed in time."""
        remedy = (
            "An API server that has just started may refuse every request, so a refusal must be confirmed by another "
            f"one {CONFIRMED_AFTER_SECONDS:g} s later, and there was no time for that. If it remains: {self.error}"
        )
        return UnconfirmedRefusalError(server_of(credentials), self.problem, attempts, deadline.elapsed(), remedy)


class _History:
    """The refusals of one operation with one status, in seconds on the monotonic clock.

    Attributes:
        since: the first refusal since the operation was last allowed.
        first: the first refusal since then without a failure of the server in between.
        is_confirmed: whether a later refusal has confirmed an earlier one.
        last: the last refusal.
    """

    __slots__ = ("first", "is_confirmed", "last", "since")

    def __init__(self, now: float) -> None:
        self.since = self.first = self.last = now
        self.is_confirmed = False


class Refusals:
    """The refusals of one API server. Threads share it; no method waits.

    Each operation and each status is judged separately. A user may be allowed one operation and refused another, and
    requests to one address can reach different servers, even over one connection. A confirmed 403 says nothing
    about a 401. But every other response of the API shows that it accepts the credentials.
    """

    def __init__(self) -> None:
        self._failed_at = -math.inf
        # By status, and then by verb and path without the query. Threads only replace histories and their attributes,
        # so there is no lock.
        self._histories: dict[int, dict[tuple[str, str], _History]] = {401: {}, 403: {}}

    def note_failure(self) -> None:
        """Record that the server was unavailable, so that it may have restarted."""
        self._failed_at = monotonic()

    def note_allowed(self, verb: str, path: str) -> None:
        """Record that the server accepted a request for the operation."""
        self._histories[401].clear()
        self._histories[403].pop((verb, path), None)

    def seconds_to_confirm(self, verb: str, path: str, status: int, sent_at: float) -> float | None:
        """Record a refusal. Return how many seconds to wait before a repeated request can confirm it.

        Args:
            path: the path at the API server, without the query.
            status: 401 or 403.
            sent_at: when the request was sent, in seconds on the monotonic clock.

        Returns:
            ``None`` if the refusal is confirmed. Later ones are too, until the operation is allowed, or is not refused
            for some time.
        """
        if status == 403:
            self._histories[401].clear()
        now, histories = monotonic(), self._histories[status]
        history = histories.get((verb, path))
        failed = history is not None and history.first <= self._failed_at
        furthest_apart = _FURTHEST_APART_AFTER_A_FAILURE_SECONDS if failed else _FURTHEST_APART_SECONDS
        if history is None or now - history.last > furthest_apart:
            history = histories[verb, path] = _History(now)
        elif failed:
            history.first = now
        history.last = now
        confirmed_from = history.first + CONFIRMED_AFTER_SECONDS
        if history.is_confirmed or sent_at >= min(confirmed_from, history.since + _CONFIRMED_IN_ANY_CASE_SECONDS):
            history.is_confirmed = True
            return None
        return max(confirmed_from - now, 0.0)
