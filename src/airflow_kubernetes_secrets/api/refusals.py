"""When a refusal of the API server (401 or 403) counts.

An API server that has just started accepts requests before it has read its roles and keys, and refuses everybody until
then. https://github.com/kubernetes/kubernetes/issues/121635
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.api.connection import Connection

# A refusal over a new connection counts if a request that is sent this many seconds later is refused too. A restarted
# kube-apiserver (1.20.2 and 1.36.2) refused the first request of each connection, and accepted each second one.
CONFIRMED_AFTER_SECONDS = 1.0

# Refusals that are further apart do not confirm each other: the server may have restarted twice.
_FURTHEST_APART_SECONDS = 10.0


class Refusals:
    """The refusals of one API server that are not confirmed yet. Shared by threads; it never waits."""

    def __init__(self) -> None:
        self._failed_at = 0.0
        # By verb and namespace: when the first and the last of consecutive refusals came.
        self._consecutive: dict[tuple[str, str], tuple[float, float]] = {}

    def note_failure(self) -> None:
        """Record that the server gave no usable answer, so that it may be restarting."""
        self._failed_at = monotonic()
        self._consecutive.clear()

    def note_success(self, verb: str, namespace: str) -> None:
        """Record that the server has allowed this verb in this namespace."""
        if self._consecutive:
            self._consecutive.pop((verb, namespace), None)

    def wait(self, verb: str, namespace: str, connection: Connection) -> float | None:
        """Record a refusal, and return the seconds after which a repeated request can confirm it.

        Returns:
            ``None`` if the refusal counts. Then later ones over this connection count too.
        """
        now = monotonic()
        if connection.proven_at > self._failed_at:
            return None
        first, last = self._consecutive.get((verb, namespace), (now, now))
        if now - last > _FURTHEST_APART_SECONDS:
            first = now
        self._consecutive[verb, namespace] = (first, now)
        confirmed_from = first + CONFIRMED_AFTER_SECONDS
        if connection.sent_at < confirmed_from:
            return max(confirmed_from - now, 0.0)
        connection.proven_at = now
        return None
