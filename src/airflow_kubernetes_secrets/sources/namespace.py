"""The objects of one resource in one namespace in this process: from memory, or from the API server."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.counters import FROM_API, FROM_MEMORY, FROM_MEMORY_IN_OUTAGE, counters
from airflow_kubernetes_secrets.errors import ApiUnavailableError, UnconfirmedRefusalError
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.sources.namespace_api import NamespaceApi, outage_notice
from airflow_kubernetes_secrets.sources.outage import FIRST_PROBE_SECONDS
from airflow_kubernetes_secrets.sources.query import LabelQuery, Query

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.sources.cache_policy import CachePolicy

# When the Secrets were last confirmed, in seconds on the monotonic clock, and the Secrets.
_Known = tuple[float, Sequence[Secret]]


class Namespace:
    """The Secrets or ConfigMaps of one namespace, as fresh as the options require; in an outage from memory.

    A result may contain more Secrets than the query requests; see :attr:`LabelQuery.absent`.
    """

    def __init__(self, api: NamespaceApi, policies: dict[str, CachePolicy], ttl: float, max_age: float) -> None:
        """Create an empty cache for a namespace.

        Args:
            policies: the cache policies, by label.
            ttl: the seconds that a result may be old.
            max_age: the seconds that a result may be old during an outage; 0 if no old result may be used.
        """
        self._api = api
        self._policies = policies
        self._ttl = ttl
        self._max_age = max_age

    def find_in_memory(self, query: Query) -> Sequence[Secret] | None:
        """Return the Secrets for a query if memory has a fresh result; else ``None``. It does not wait."""
        if isinstance(query, LabelQuery):
            policy = self._policies.get(query.label)
            known = None if policy is None else policy.find_in_memory(query.value)
            # Without an outage, the cache policy decides when to list. It would not count a reused response.
            if known is not None or not self._api.is_unavailable:
                return known
        result = self._api.last_result(query, self._ttl)
        return None if result is None else result[1]

    def policy_of(self, query: Query) -> CachePolicy | None:
        """Return the cache policy for a query; ``None`` if no index has its results."""
        return self._policies.get(query.label) if isinstance(query, LabelQuery) else None

    def find(self, query: Query, deadline: Deadline) -> Sequence[Secret]:
        """Return the Secrets for a query, at most ``cache_ttl`` old; in an outage up to ``outage_ttl`` older.

        Raises:
            KubernetesSecretsError: the API server had to be queried, and could not be.
        """
        # A new backend object has no source yet, so it has not called `find_in_memory`.
        known = self.find_in_memory(query)
        if known is not None:
            counters.count(FROM_MEMORY)
            return known
        try:
            if isinstance(query, LabelQuery) and query.label in self._policies and not self._api.is_unavailable:
                found = self._policies[query.label].find(query, deadline)
                counters.count(FROM_API)
                return found
            return self._request(query, deadline)
        except ApiUnavailableError as error:
            # Another thread may have listed everything meanwhile.
            known = self.find_in_memory(query)
            return self._last_known_or_raise(error, query) if known is None else known

    def find_uncached(self, query: Query, deadline: Deadline) -> Sequence[Secret]:
        """Return the Secrets for a query from the API server now; in an outage the last result, if it is not too old.

        Raises:
            KubernetesSecretsError: the API server could not be queried.
        """
        try:
            return self._request(query, deadline)
        except ApiUnavailableError as error:
            return self._last_known_or_raise(error, query)

    def indexes(self) -> list[tuple[int, float]]:
        """Return the number of Secrets in each index, and when it was confirmed, in seconds on the monotonic clock."""
        found = (policy.size_and_confirmation() for policy in self._policies.values())
        return [each for each in found if each is not None]

    def close(self) -> None:
        """End the watches, and forget everything."""
        for policy in self._policies.values():
            policy.close()
        self._api.forget()

    def after_fork(self) -> None:
        """Release what belongs to the parent, in a forked child. Values in memory stay."""
        for policy in self._policies.values():
            policy.after_fork()

    def forget(self) -> None:
        """Forget everything: the API server refuses this process, which may no longer use the values."""
        for policy in self._policies.values():
            policy.forget()
        self._api.forget()

    def _request(self, query: Query, deadline: Deadline) -> Sequence[Secret]:
        seconds = deadline.left()
        # If there is a value to use instead, the check whether the API server is back must be short.
        if self._api.is_unavailable and self._last_known(query) is not None:
            seconds = min(seconds, FIRST_PROBE_SECONDS)
        found = self._api.fetch(query, seconds)
        counters.count(FROM_API)
        return found

    def _last_known_or_raise(self, error: ApiUnavailableError, query: Query) -> Sequence[Secret]:
        """Return the last known Secrets, and log their age. If there are none, raise the error."""
        known = self._last_known(query)
        if known is None:
            raise error
        confirmed_at, secrets = known
        # The next lookup says what an unconfirmed refusal was.
        if not isinstance(error, UnconfirmedRefusalError):
            notices.once(
                logging.WARNING,
                outage_notice(error),
                f"{str(error).removesuffix('.')}. Until it is available again, results from "
                f"{monotonic() - confirmed_at:.0f} s ago are used, up to an age of {self._max_age:.0f} s (cache_ttl "
                "and outage_ttl)",
            )
        counters.count(FROM_MEMORY_IN_OUTAGE)
        return secrets

    def _last_known(self, query: Query) -> _Known | None:
        """Return the newest result in memory that may still be used; ``None`` if there is none."""
        if not self._max_age:
            return None
        known: list[_Known | None] = [self._api.last_result(query, self._max_age)]
        if isinstance(query, LabelQuery) and (policy := self._policies.get(query.label)) is not None:
            known.append(policy.last_known(query.value, self._max_age))
        return max((each for each in known if each is not None), key=lambda each: each[0], default=None)
