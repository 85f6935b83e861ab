"""What a source of Secrets is. Lookups do not know whether theirs is an API server or a folder.

This module is imported for type checks only: a protocol takes CPU time from the first lookup of every process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.sources.query import Query

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.sources.index_results import IndexResults


class Source(Protocol):
    """A source of Secrets, with the freshness that the options require.

    A result may contain more Secrets than the query requests; see :attr:`LabelQuery.absent`.
    """

    @property
    def index_results(self) -> IndexResults | None:
        """What lookups concluded from the indexes as they are now; ``None`` if there are no indexes."""

    def find_in_memory(self, query: Query) -> Sequence[Secret] | None:
        """Return the Secrets for a query if memory has a fresh result; else ``None``. It does not wait."""

    def find(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets for a query, at most ``cache_ttl`` old; in an outage up to ``outage_ttl`` older.

        Raises:
            KubernetesSecretsError: the source could not be queried.
        """

    def find_uncached(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets for a query from the API server, even if memory has a fresh result.

        In an outage, return the last result, if it is not too old.

        Raises:
            KubernetesSecretsError: the source could not be queried.
        """

    def measurements(self) -> Mapping[str, float]:
        """Return the present state for metrics, by name: numbers, or seconds."""

    def close(self) -> None:
        """Stop what runs, and forget everything."""

    def after_fork(self) -> None:
        """Release what belongs to the parent, in a forked child. Values in memory stay."""
