"""From asking one by one to an index to a watch, as a process keeps asking for one label.

The user says how old a value may be (``cache_ttl``); this finds the cheapest way to keep it so. Every rule is here:

1. The first lookups are asked one by one.
2. A process that keeps asking lists everything that has the label, and answers hits and misses from that index until
   it is ``cache_ttl`` old.
3. If it asks again after that, it lists once more and starts a watch, which keeps the index as it is at the API server.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import suppress
from threading import RLock, get_ident
from time import monotonic

from airflow_kubernetes_secrets import notices
from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.options import SHORTEST_WATCHED_TTL
from airflow_kubernetes_secrets.sources.api_server import ApiServer
from airflow_kubernetes_secrets.sources.index import Index
from airflow_kubernetes_secrets.sources.query import LabelQuery
from airflow_kubernetes_secrets.sources.watcher import Watcher


class Thresholds:
    """When a process goes a step further. docs/reliability.md says how they were chosen.

    Attributes:
        asked_first: lookups inside ``cache_ttl`` that are asked one by one before everything is listed.
        indexes_first: indexes that may expire before one is watched.
        shortest_watched: seconds of ``cache_ttl`` below which listing anew is cheaper than keeping up a watch.
        forgotten_after: seconds since an index expired after which the process starts from the bottom again.
        idle_after: seconds without a lookup after which a watch ends (or twice ``cache_ttl``, if that is more).
        list_again_after: seconds after which a list that failed is tried again; twice as many each time, up to
            ``refused_for``.
        refused_for: seconds for which a watch that was refused is not tried again.
    """

    def __init__(
        self,
        *,
        asked_first: int = 2,
        indexes_first: int = 1,
        shortest_watched: float = SHORTEST_WATCHED_TTL,
        forgotten_after: float = 60.0,
        idle_after: float = 600.0,
        list_again_after: float = 5.0,
        refused_for: float = 600.0,
    ) -> None:
        self.asked_first = asked_first
        self.indexes_first = indexes_first
        self.shortest_watched = shortest_watched
        self.forgotten_after = forgotten_after
        self.idle_after = idle_after
        self.list_again_after = list_again_after
        self.refused_for = refused_for


THRESHOLDS = Thresholds()

# Of the time of a lookup; the rest is for asking for the one id, should the list not come.
_SHARE_OF_A_LIST = 0.5

_WAITING_SECONDS = 0.005


class _Flight:
    """A LIST of everything that is on its way; whoever else needs it waits for it.

    Attributes:
        landed: it is over. No event: that has a lock, and a signal handler which looks something up in the middle of a
            wait for it would wait for ever.
    """

    __slots__ = ("began", "landed", "owner")

    def __init__(self) -> None:
        self.owner = get_ident()
        self.began = monotonic()
        self.landed = False


class Ladder:
    """The lookups of one process for one label. Threads share it.

    No lock is held while anything waits, and the locks are reentrant: the handler of a signal may look something up in
    the middle of a lookup.
    """

    def __init__(self, server: ApiServer, label: str, ttl: float, thresholds: Thresholds | None = None) -> None:
        """
        Args:
            ttl: seconds that an answer may be old.
            thresholds: in place of :data:`THRESHOLDS`.
        """
        thresholds = thresholds or THRESHOLDS
        self._server = server
        self._label = label
        self._ttl = ttl
        self._thresholds = thresholds
        self._lock = RLock()
        self._index: Index | None = None
        self._asked: deque[float] = deque(maxlen=max(thresholds.asked_first, 1))
        self._lists = 0
        self._failed_lists = 0
        self._list_again_at = 0.0
        self._watch_again_at = 0.0
        # What was asked for before everything was forgotten must not be remembered after.
        self._epoch = 0
        self._flight: _Flight | None = None
        self._watcher: Watcher | None = None
        self._last_asked = 0.0

    def recall(self, value: str) -> tuple[Secret, ...] | None:
        """The Secrets with this value of the label, from memory; ``None`` if it holds nothing that is fresh enough."""
        index = self._index
        if index is None:
            return None
        now = monotonic()
        if now - index.confirmed_at >= self._ttl:
            return None
        self._last_asked = now
        return index.find(value)

    def last_known(self, value: str, longest: float) -> tuple[float, tuple[Secret, ...]] | None:
        """When the index was last confirmed and what it has, unless that is longer ago than ``longest`` (seconds)."""
        index = self._index
        if index is None or monotonic() - index.confirmed_at > longest:
            return None
        return index.confirmed_at, index.find(value)

    def find(self, query: LabelQuery, deadline: Deadline) -> list[Secret] | tuple[Secret, ...]:
        """The Secrets that the query asks for, and maybe others with the same value of the label.

        It is for a query that :meth:`recall` has no answer to.

        Raises:
            KubernetesSecretsError: the API server could not be asked.
        """
        flight, is_mine = self._next_step()
        if flight is None:
            return self._server.find(query, deadline.left())
        share = deadline.part(_SHARE_OF_A_LIST)
        if is_mine:
            problem = self._list_for_all(flight, share)
        else:
            while not flight.landed and share.left():
                time.sleep(_WAITING_SECONDS)
        known = self.recall(query.value)
        if known is not None:
            return known
        found = self._server.find(query, deadline.left())
        if is_mine and problem is not None:
            # The one question was answered, so it is the list that cannot be had.
            self._put_off_lists(problem)
        return found

    def replace_index(self, watcher: Watcher, index: Index) -> None:
        """What the watch has listed anew."""
        with self._lock:
            if self._watcher is watcher:
                self._index = index

    def is_idle(self) -> bool:
        """Whether nobody has asked for so long that a watch is not worth its connection."""
        return monotonic() - self._last_asked > max(self._thresholds.idle_after, 2 * self._ttl)

    def watch_ended(self, watcher: Watcher, *, refused: bool) -> None:
        """The watch has ended by itself; ``refused``: a new one would come to nothing too."""
        with self._lock:
            if self._watcher is watcher:
                self._watcher = None
                if refused:
                    self._watch_again_at = monotonic() + self._thresholds.refused_for

    def forget(self) -> None:
        """Drop what is in memory, and start from the bottom."""
        with self._lock:
            watcher, self._watcher = self._watcher, None
            self._index = None
            self._epoch += 1
            self._lists = 0
            self._asked.clear()
        if watcher is not None:
            watcher.stop()

    def close(self) -> None:
        """Forget everything, and end the watch; returns when its thread has ended, or after a second."""
        watcher = self._watcher
        self.forget()
        if watcher is not None and watcher.is_alive():
            watcher.join(1)

    def after_fork(self) -> None:
        """Leave lock and thread to the parent. Its index may be read on while it is fresh."""
        self._lock = RLock()
        self._flight = None
        self._watcher = None
        self._lists = 0
        self._asked.clear()

    def _next_step(self) -> tuple[_Flight | None, bool]:
        """What to do now that memory has no answer: ask for the one id (``None``), or wait for a list.

        The second is whether the list is for this thread to make.
        """
        with self._lock:
            now = monotonic()
            # A watch that is under way mends the index itself; and in an outage one question is cheaper than a list.
            if self._is_watched() or self._server.is_away or now < self._list_again_at:
                return None, False
            index = self._index
            if index is None or now - index.confirmed_at > self._ttl + self._thresholds.forgotten_after:
                self._lists = 0
            if self._lists == 0 and not self._keeps_asking(now):
                self._asked.append(now)
                return None, False
            flight = self._flight
            # One that was interrupted before it could land is lost.
            if flight is None or now - flight.began > self._server.timeout:
                self._flight = flight = _Flight()
                return flight, True
            # A signal handler that interrupted the very thread which lists would wait for itself.
            return (None if flight.owner == get_ident() else flight), False

    def _is_watched(self) -> bool:
        return self._watcher is not None and self._watcher.is_alive()

    def _keeps_asking(self, now: float) -> bool:
        asked, needed = self._asked, self._thresholds.asked_first
        return not needed or (len(asked) == needed and now - asked[0] < self._ttl)

    def _list_for_all(self, flight: _Flight, deadline: Deadline) -> str | None:
        """List everything. Gives the problem if that was in vain."""
        try:
            # Another may have landed since this thread has looked.
            index = self._index
            if index is None or monotonic() - index.confirmed_at >= self._ttl:
                self._list(deadline.left())
        except KubernetesSecretsError as error:
            # A refusal of the list need not be one of the question.
            return getattr(error, "problem", str(error))
        finally:
            flight.landed = True
            with self._lock:
                if self._flight is flight:
                    self._flight = None
        return None

    def _put_off_lists(self, problem: str) -> None:
        with self._lock:
            pause = self._thresholds.list_again_after * 2.0**self._failed_lists
            self._failed_lists = min(self._failed_lists + 1, 16)
            self._list_again_at = monotonic() + min(pause, self._thresholds.refused_for)
            failed = self._failed_lists
        if failed > 1:
            notices.once(
                logging.WARNING,
                ("list", self._server.namespace, self._label),
                f"everything with the label {self._label} in namespace {self._server.namespace!r} could not be listed "
                f"({problem}), so Secrets are asked for "
                "one by one. If there are too many, give Airflow's a namespace of their own, or raise 'timeout' in "
                "backend_kwargs",
            )

    def _list(self, seconds: float) -> None:
        epoch, previous = self._epoch, self._index
        version = None if previous is None else previous.resource_version
        index = self._server.fetch_index(self._label, seconds, not_older_than=version)
        watcher = None
        with self._lock:
            if self._epoch != epoch:
                return
            self._index = index
            self._lists += 1
            self._failed_lists = 0
            now = self._last_asked = monotonic()
            often = self._lists > self._thresholds.indexes_first
            if often and self._ttl >= self._thresholds.shortest_watched and now >= self._watch_again_at:
                self._watcher = watcher = Watcher(self._server, self._label, self._ttl, index, self)
        if watcher is not None:
            # At its end an interpreter starts no more threads.
            with suppress(RuntimeError):
                watcher.start()
