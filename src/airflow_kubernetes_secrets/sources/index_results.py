"""What lookups concluded from indexes, stored until one of the indexes changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from time import monotonic
from typing import Any

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.sources.cache_policy import CachePolicy
from airflow_kubernetes_secrets.sources.index import Index
from airflow_kubernetes_secrets.sources.query import LabelQuery, Query

# A process may look up an unlimited number of ids. Results for further ones are derived again each time.
_MOST_STORED = 1000


class IndexResults:
    """Results that follow from indexes alone, by key. Each is valid while all its indexes are fresh.

    When an index changes, the source replaces this object by a new one. So no result, and no Secret in it, stays in
    memory longer than in the index. A result that a thread has derived from the earlier state goes to the earlier
    object, which nothing reads any more. Any thread may use it: each step is atomic.
    """

    __slots__ = ("_policy_of", "_results")

    def __init__(self, policy_of: Callable[[Query], CachePolicy | None]) -> None:
        """Create it without results.

        Args:
            policy_of: returns the cache policy for a query; ``None`` if there is none.
        """
        self._policy_of = policy_of
        self._results: dict[Hashable, tuple[Any, list[tuple[CachePolicy, Index]]]] = {}

    @property
    def is_full(self) -> bool:
        """Whether no result is stored for further keys."""
        return len(self._results) >= _MOST_STORED

    def get(self, key: Hashable) -> Any:
        """Return the result for a key; ``None`` if there is none, or if one of its indexes is not fresh any more."""
        known = self._results.get(key)
        if known is None:
            return None
        result, indexes = known
        now = monotonic()
        for policy, index in indexes:
            if not policy.use(index, now):
                return None
        return result

    def put(self, key: Hashable, result: object, results_by_query: Sequence[tuple[Query, Sequence[Secret]]]) -> None:
        """Store a result, if everything that it follows from is in an index.

        Args:
            results_by_query: each query with the Secrets that the source returned for it.
        """
        indexes = []
        for query, found in results_by_query:
            policy = self._policy_of(query)
            index = None if policy is None else policy.fresh_index()
            # An index returns the same tuple until its Secrets change. A result of the API server is a list, which is
            # never that tuple.
            if policy is None or index is None or not isinstance(query, LabelQuery):
                return
            if index.find(query.value) is not found:
                return
            indexes.append((policy, index))
        if not self.is_full:
            self._results[key] = (result, indexes)
