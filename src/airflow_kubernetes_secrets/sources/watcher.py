"""The thread that keeps an index current."""

from __future__ import annotations

import atexit
import logging
import math
import random
import time
from threading import Thread
from time import monotonic
from typing import Protocol
from weakref import WeakSet

from airflow_kubernetes_secrets.counters import WATCH_RESTART, counters
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    ExpiredVersionError,
    ForbiddenError,
    NotConfiguredError,
    UnauthorizedError,
    UnconfirmedRefusalError,
)
from airflow_kubernetes_secrets.kubernetes.client import Watch
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.failures import Backoff
from airflow_kubernetes_secrets.kubernetes.watch_events import Change, WatchEvent
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.tracebacks import without_variables
from airflow_kubernetes_secrets.process import on_new_process
from airflow_kubernetes_secrets.sources.index import Index
from airflow_kubernetes_secrets.sources.namespace_api import NamespaceApi

# The API server should end each watch after this share of ``cache_ttl``. If a watch does not end, it has silently
# stopped, and there is still time to list before the index is too old.
_SHARE_OF_A_WATCH = 0.5
_LONGEST_WATCH_SECONDS = 300.0

# How late a watch may begin or end, as a share of ``cache_ttl``, and the limits of this time in seconds.
_LATENESS = 0.25
_LATENESS_SECONDS = (1.0, 5.0)

_LONGEST_PAUSE_SECONDS = 30.0

# The most lists, one after the other, in place of watches that ended early. After that, listing on demand is the better
# way.
_MOST_LISTS_INSTEAD = 3

_NO_STREAMS = "Each watch ends early or sends no events: something between Airflow and the API server may block streams"

# In seconds. However healthy a watch seems, everything is listed again after this time. This limits what may have been
# missed (etcd restored from a backup, a proxy that answers by itself).
_LIST_AGAIN_SECONDS = 900.0


class WatchOwner(Protocol):
    """The cache that a watch keeps current. It receives each new index, and decides when the watch may end."""

    def replace_index(self, watcher: Watcher, index: Index) -> None: ...

    def index_changed(self) -> None: ...

    def is_idle(self) -> bool: ...

    def watch_ended(self, watcher: Watcher, *, refused: bool) -> None: ...


class Watcher(Thread):
    """Watch one label, and list again if a watch cannot report what has changed, until stopped or no longer needed.

    Only this thread changes the index. It confirms the index when a list arrives, and when the API server ends a watch
    after the requested time: everything before has then arrived too. Nothing else is proof. After a connection was
    lost, an event can be the first of many that are missing, and a bookmark can have waited in a buffer.
    """

    def __init__(self, api: NamespaceApi, label: str, ttl: float, index: Index, owner: WatchOwner) -> None:
        """Create the thread. It does not run yet.

        Args:
            ttl: the seconds that the index may be old.
            index: the index to keep current.
            owner: receives each new index, each change of it, and the end of the watch.
        """
        super().__init__(name=f"airflow-kubernetes-secrets-watch-{label.rpartition('/')[2]}", daemon=True)
        self._api = api
        self._label = label
        self._ttl = ttl
        self._index = index
        self._owner = owner
        self._backoff = Backoff(first=0.2, longest=min(_LONGEST_PAUSE_SECONDS, ttl * _LATENESS))
        self._listed_at = monotonic()
        self._must_list = False
        # Why watching is refused. A list then shows whether listing is refused too.
        self._refusal: ForbiddenError | None = None
        # A sentence with the error of the last watch that failed; empty if it ended without one.
        self._problem = ""
        self._stopped = False
        self._stream: Watch | None = None
        _running.add(self)

    @without_variables
    def run(self) -> None:
        """Keep the index current, until the watch is stopped, idle or refused."""
        refused = False
        try:
            self._keep_current()
        except ApiError as error:
            if not self._stopped:
                refused = True
                notices.once(
                    logging.WARNING,
                    error.log_key,
                    f"{self._api.resource.kind}s with {self._label} cannot be watched: they are listed instead, "
                    f"whenever the last list is {self._ttl:g} s old (cache_ttl). {error}",
                )
        finally:
            self._owner.watch_ended(self, refused=refused)

    def stop(self) -> None:
        """End soon. The thread may be joined."""
        self._stopped = True
        if (stream := self._stream) is not None:
            stream.interrupt()

    def _keep_current(self) -> None:
        """List and watch in turns.

        Raises:
            ApiError: the API server refuses the watch, or a proxy does not let it through.
        """
        failures = lists_instead = 0
        while not self._stopped and not self._owner.is_idle():
            requested_pause = None
            try:
                if self._needs_list():
                    self._list()
                    if self._refusal is not None:
                        raise self._refusal
                    lists_instead += failures > 0
                    if lists_instead == _MOST_LISTS_INSTEAD:
                        raise ApiError(_NO_STREAMS + self._problem, 200)
                if self._watch():
                    failures = lists_instead = 0
                    self._problem = ""
                    continue
            except ExpiredVersionError:
                self._must_list = True
            except UnconfirmedRefusalError:
                # The server responds again. If the next request came much later, it could reach the server in another
                # start, whose refusal would confirm this one.
                failures = 0
            except ApiUnavailableError as error:
                # The lookups report the error when the index has become too old for them.
                requested_pause = error.retry_after
            except NotConfiguredError:
                pass  # The lookups report this error too.
            counters.count(WATCH_RESTART)
            failures += 1
            self._pause(failures, requested_pause)

    def _needs_list(self) -> bool:
        now = monotonic()
        return (
            self._must_list
            or self._refusal is not None
            or now - self._index.confirmed_at > self._ttl * _SHARE_OF_A_WATCH
            or now - self._listed_at > _LIST_AGAIN_SECONDS
        )

    def _list(self) -> None:
        try:
            index = self._api.fetch_index(self._label, self._api.timeout, self._index.resource_version)
        except (ForbiddenError, UnauthorizedError) as error:
            self._api.on_refusal(error)
            raise
        self._index = index
        self._listed_at = monotonic()
        self._must_list = False
        self._owner.replace_index(self, index)

    def _watch(self) -> bool:
        """Watch once, and keep the error. Return whether the watch lasted for its time."""
        try:
            return self._follow()
        except ApiUnavailableError as error:
            self._problem = f". The last error was: {error.problem}"
            raise

    def _follow(self) -> bool:
        """Watch once. Return whether the watch lasted for its time."""
        began = monotonic()
        # The watch must end before the index is too old, even if it begins after others that failed.
        left = self._ttl * (1 - _LATENESS) - (began - self._index.confirmed_at)
        longest = min(left, self._ttl * _SHARE_OF_A_WATCH, _LONGEST_WATCH_SECONDS)
        # The time is random, so that many processes do not return at the same moment.
        seconds = max(int(longest * random.uniform(0.8, 1.0)), 1)  # noqa: S311  # spreads load; it guards nothing
        lateness = min(max(self._ttl * _LATENESS, _LATENESS_SECONDS[0]), _LATENESS_SECONDS[1])
        try:
            stream = self._api.watch(self._label, self._index.resource_version, seconds, lateness)
        except ForbiddenError as error:
            self._refusal = error
            return False
        self._stream = stream
        try:
            # The thread may have been stopped before there was a stream to interrupt.
            if not self._stopped:
                for event in stream:
                    self._apply(event)
                    del event  # the next event may take minutes, and a deleted Secret should not stay in memory
        finally:
            self._stream = None
            stream.close()
        in_time = monotonic() - began >= seconds
        if in_time:
            # This is when the API server has ended it. The process may have been suspended since then.
            self._index.confirmed_at = began + seconds
        return in_time

    def _apply(self, event: WatchEvent) -> None:
        if event.secret is not None:
            if event.change is Change.DELETED:
                self._index.remove(event.secret.name)
            else:
                self._index.put(event.secret)
            self._owner.index_changed()
        self._index.resource_version = event.resource_version

    def _pause(self, failures: int, requested_pause: float | None) -> None:
        if requested_pause is not None:
            requested_pause = min(requested_pause, _LONGEST_PAUSE_SECONDS)
        deadline = Deadline(self._backoff.pause(failures, math.inf, requested_pause) or 0.0)
        # Wait in short steps, so that `stop` takes effect. An event has a lock, which a signal handler may find taken.
        while not self._stopped and deadline.left():
            time.sleep(min(deadline.left(), 0.1))


_running: WeakSet[Watcher] = WeakSet()

# A forked child must not stop the threads of its parent.
on_new_process(_running.clear)


@atexit.register
def _stop_all() -> None:
    """End the threads before the interpreter exits: a thread that still runs could find the streams of logs closed."""
    deadline = Deadline(1)
    watchers = [watcher for watcher in list(_running) if watcher.is_alive()]
    for watcher in watchers:
        watcher.stop()
    for watcher in watchers:
        watcher.join(deadline.left())
