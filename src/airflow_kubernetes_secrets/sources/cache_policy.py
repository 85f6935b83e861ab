"""The cache policy: from single queries to an index and a watch, as a process continues to look up one label.

The user sets how old a value may be (``cache_ttl``). This module chooses the cheapest way to achieve that. Every rule
of the policy is here:

1. The first lookups are queried one by one.
2. A process that continues to look things up lists all Secrets that have the label. Hits and misses are served from
   this index until it is ``cache_ttl`` old.
3. If there is another lookup after that, the process lists once more and starts a watch, which keeps the index current.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import RLock, get_ident
from time import monotonic

from airflow_kubernetes_secrets.errors import ApiUnavailableError, KubernetesSecretsError, UnconfirmedRefusalError
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.sources.index import Index
from airflow_kubernetes_secrets.sources.namespace_api import NamespaceApi
from airflow_kubernetes_secrets.sources.query import LabelQuery
from airflow_kubernetes_secrets.sources.watcher import Watcher

# In seconds. For a shorter ``cache_ttl``, listing again is cheaper than watching.
SHORTEST_WATCHED_TTL = 2.0


class Thresholds:
    """When a process takes the next step. docs/how-to/caching.md explains how the values were chosen.

    Attributes:
        queries_first: how many lookups within ``cache_ttl`` send their own request before the process lists all.
        indexes_first: how many indexes may expire before the process starts a watch.
        shortest_watched: the ``cache_ttl`` in seconds below which listing again is cheaper than a watch.
        forgotten_after: the seconds for which an expired index still counts. Then the process returns to step 1.
        idle_after: the seconds without a lookup after which a watch ends (or twice ``cache_ttl``, if that is more).
        list_again_after: the seconds after which a failed list is retried. They double each time, up to
            ``refused_for``.
        refused_for: the seconds for which a refused watch is not retried.
    """

    def __init__(
        self,
        *,
        queries_first: int = 2,
        indexes_first: int = 1,
        shortest_watched: float = SHORTEST_WATCHED_TTL,
        forgotten_after: float = 60.0,
        idle_after: float = 600.0,
        list_again_after: float = 5.0,
        refused_for: float = 600.0,
    ) -> None:
        self.queries_first = queries_first
        self.indexes_first = indexes_first
        self.shortest_watched = shortest_watched
        self.forgotten_after = forgotten_after
        self.idle_after = idle_after
        self.list_again_after = list_again_after
        self.refused_for = refused_for


THRESHOLDS = Thresholds()

# The share of a lookup's time for a list. The rest is for querying the single id if the list fails.
_SHARE_OF_A_LIST = 0.5

_WAITING_SECONDS = 0.005


class _RunningList:
    """A LIST request that is in progress, for all Secrets with the label. Other threads wait for its end.

    Attributes:
        is_over: whether it has ended. This is not an event, because an event has a lock: a signal handler that looks
            something up during a wait for the event would wait forever.
    """

    __slots__ = ("began", "is_over", "owner")

    def __init__(self) -> None:
        self.owner = get_ident()
        self.began = monotonic()
        self.is_over = False


class CachePolicy:
    """The cache of one process for the lookups by one label. Threads share it.

    No lock is held while a thread waits, and the locks are reentrant: a signal handler may look something up in the
    middle of a lookup.

    Attributes:
        on_change: called after the index was replaced, changed or dropped, even if a signal handler raised meanwhile.
    """

    def __init__(self, api: NamespaceApi, label: str, ttl: float, thresholds: Thresholds | None = None) -> None:
        """Create an empty cache.

        Args:
            ttl: the seconds that a result may be old.
            thresholds: replaces :data:`THRESHOLDS`.
        """
        thresholds = thresholds or THRESHOLDS
        self.on_change: Callable[[], None] = lambda: None
        self._api = api
        self._label = label
        self._ttl = ttl
        self._thresholds = thresholds
        self._lock = RLock()
        self._index: Index | None = None
        self._queried_at: deque[float] = deque(maxlen=max(thresholds.queries_first, 1))
        self._lists = 0
        self._failed_lists = 0
        self._list_again_at = 0.0
        self._watch_again_at = 0.0
        # Incremented when everything is forgotten: the response to an earlier request must not be stored after that.
        self._epoch = 0
        self._running_list: _RunningList | None = None
        self._watcher: Watcher | None = None
        self._last_lookup_at = 0.0

    def find_in_memory(self, value: str) -> tuple[Secret, ...] | None:
        """Return the Secrets with this value of the label, from memory; ``None`` if there is no index that is fresh."""
        index = self.fresh_index()
        return None if index is None else index.find(value)

    def fresh_index(self) -> Index | None:
        """Return the index, for a lookup; ``None`` if there is none that is fresh."""
        index = self._index
        return index if index is not None and self.use(index, monotonic()) else None

    def use(self, index: Index, now: float) -> bool:
        """Use an index for a lookup, if it is the current one and fresh. Return whether it is.

        The watch ends when no lookup has used the index for long.

        Args:
            now: the time in seconds on the monotonic clock.
        """
        if index is not self._index or now - index.confirmed_at >= self._ttl:
            return False
        self._last_lookup_at = now
        return True

    def last_known(self, value: str, max_age: float) -> tuple[float, tuple[Secret, ...]] | None:
        """Return when the index was last confirmed, and its Secrets with this value of the label.

        The result is ``None`` without an index, or if it was confirmed more than ``max_age`` seconds ago.
        """
        index = self._index
        if index is None or monotonic() - index.confirmed_at > max_age:
            return None
        return index.confirmed_at, index.find(value)

    def size_and_confirmation(self) -> tuple[int, float] | None:
        """Return the number of Secrets in the index, and when it was last confirmed; ``None`` without an index."""
        index = self._index
        return None if index is None else (len(index), index.confirmed_at)

    def find(self, query: LabelQuery, deadline: Deadline) -> list[Secret] | tuple[Secret, ...]:
        """Return the Secrets for a query, and possibly others with the same value of the label.

        It is called if :meth:`find_in_memory` returns ``None``.

        Raises:
            KubernetesSecretsError: the API server could not be queried.
        """
        running, is_mine = self._next_step()
        if running is None:
            return self._api.fetch(query, deadline.left())
        list_deadline = deadline.part(_SHARE_OF_A_LIST)
        if is_mine:
            error = self._list_for_all(running, list_deadline)
        else:
            while not running.is_over and list_deadline.left():
                time.sleep(_WAITING_SECONDS)
        known = self.find_in_memory(query.value)
        if known is not None:
            return known
        found = self._api.fetch(query, deadline.left())
        if is_mine and error is not None:
            # The single query succeeded, so only the list is the problem.
            self._put_off_lists(error)
        return found

    def replace_index(self, watcher: Watcher, index: Index) -> None:
        """Store the index that a watch has listed again."""
        try:
            with self._lock:
                if self._watcher is watcher:
                    self._index = index
        finally:
            self.on_change()

    def index_changed(self) -> None:
        """Note that a watch has changed the index."""
        self.on_change()

    def is_idle(self) -> bool:
        """Return whether there was no lookup for so long that a watch is not worth its connection."""
        return monotonic() - self._last_lookup_at > max(self._thresholds.idle_after, 2 * self._ttl)

    def watch_ended(self, watcher: Watcher, *, refused: bool) -> None:
        """Note that a watch has ended by itself.

        Args:
            refused: whether a new watch would fail too.
        """
        with self._lock:
            if self._watcher is watcher:
                self._watcher = None
                if refused:
                    self._watch_again_at = monotonic() + self._thresholds.refused_for

    def forget(self) -> None:
        """Drop the index, end the watch, and return to the first step."""
        try:
            with self._lock:
                watcher, self._watcher = self._watcher, None
                self._index = None
                self._epoch += 1
                self._lists = 0
                self._queried_at.clear()
        finally:
            self.on_change()
        if watcher is not None:
            watcher.stop()

    def close(self) -> None:
        """Forget everything. Return when the thread of the watch has ended, or after a second."""
        watcher = self._watcher
        self.forget()
        if watcher is not None and watcher.is_alive():
            watcher.join(1)

    def after_fork(self) -> None:
        """Release the lock and the thread of the parent. Its index may be used as long as it is fresh."""
        self._lock = RLock()
        self._running_list = None
        self._watcher = None
        self._lists = 0
        self._queried_at.clear()

    def _next_step(self) -> tuple[_RunningList | None, bool]:
        """Choose what to do if memory has no answer: query the single id, or wait for a list.

        Returns:
            The list to wait for, or ``None`` for a query; and whether this thread must make the list.
        """
        with self._lock:
            now = monotonic()
            # A running watch repairs the index by itself. During an outage, one query is cheaper than a list.
            if self._is_watched() or self._api.is_unavailable or now < self._list_again_at:
                return None, False
            index = self._index
            if index is None or now - index.confirmed_at > self._ttl + self._thresholds.forgotten_after:
                self._lists = 0
            if self._lists == 0 and not self._has_repeated_lookups(now):
                self._queried_at.append(now)
                return None, False
            running = self._running_list
            # A list that was interrupted before it could end is lost.
            if running is None or now - running.began > self._api.timeout:
                self._running_list = running = _RunningList()
                return running, True
            # A signal handler that interrupted the listing thread would wait for itself.
            return (None if running.owner == get_ident() else running), False

    def _is_watched(self) -> bool:
        return self._watcher is not None and self._watcher.is_alive()

    def _has_repeated_lookups(self, now: float) -> bool:
        queried_at, needed = self._queried_at, self._thresholds.queries_first
        return not needed or (len(queried_at) == needed and now - queried_at[0] < self._ttl)

    def _list_for_all(self, running: _RunningList, deadline: Deadline) -> KubernetesSecretsError | None:
        """List everything. Return the error if the LIST failed; else ``None``."""
        try:
            # Another list may have ended since this thread has checked.
            index = self._index
            if index is None or monotonic() - index.confirmed_at >= self._ttl:
                self._list(deadline.left())
        except KubernetesSecretsError as error:
            # The list may be refused although the single query is allowed.
            return error
        finally:
            running.is_over = True
            with self._lock:
                if self._running_list is running:
                    self._running_list = None
        return None

    def _put_off_lists(self, error: KubernetesSecretsError) -> None:
        with self._lock:
            pause = self._thresholds.list_again_after * 2.0**self._failed_lists
            self._failed_lists = min(self._failed_lists + 1, 16)
            self._list_again_at = monotonic() + min(pause, self._thresholds.refused_for)
            failed = self._failed_lists
        if failed > 1:
            kind, namespace = self._api.resource.kind, self._api.namespace
            remedy, problem = "", str(error)
            if isinstance(error, ApiUnavailableError) and not isinstance(error, UnconfirmedRefusalError):
                remedy = (
                    f"If there are too many {kind}s, move Airflow's to a namespace of their own, or raise 'timeout' in "
                    "backend_kwargs. "
                )
                problem = error.problem
            notices.once(
                logging.WARNING,
                ("list", kind, namespace, self._label),
                f"the {kind}s with the label {self._label} in namespace {namespace!r} could not be listed, so "
                # The problem is last, because it can end with a command.
                f"each lookup queries the API server. {remedy}The error was: {problem}",
            )

    def _list(self, seconds: float) -> None:
        epoch, previous = self._epoch, self._index
        version = None if previous is None else previous.resource_version
        index = self._api.fetch_index(self._label, seconds, not_older_than=version)
        watcher = None
        try:
            with self._lock:
                if self._epoch != epoch:
                    return
                self._index = index
                self._lists += 1
                self._failed_lists = 0
                now = self._last_lookup_at = monotonic()
                often = self._lists > self._thresholds.indexes_first
                if often and self._ttl >= self._thresholds.shortest_watched and now >= self._watch_again_at:
                    self._watcher = watcher = Watcher(self._api, self._label, self._ttl, index, self)
        finally:
            self.on_change()
        if watcher is not None:
            # While an interpreter exits, it starts no more threads.
            with suppress(RuntimeError):
                watcher.start()
