"""The thread that keeps an index as it is at the API server."""

from __future__ import annotations

import atexit
import logging
import math
import random
from threading import Event, Thread
from time import monotonic
from typing import Protocol
from weakref import WeakSet

from airflow_kubernetes_secrets import notices
from airflow_kubernetes_secrets.api.client import Watch
from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.objects import Change, WatchEvent
from airflow_kubernetes_secrets.api.retry import Backoff
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    ExpiredVersionError,
    NotConfiguredError,
)
from airflow_kubernetes_secrets.process import on_new_process
from airflow_kubernetes_secrets.sources.api_server import ApiServer
from airflow_kubernetes_secrets.sources.index import Index

# The API server is asked to end each watch after this share of the time that an answer may be old. One that has fallen
# silent is found out by that, and there is still time to list before the index is too old.
_SHARE_OF_A_WATCH = 0.5
_LONGEST_WATCH_SECONDS = 300.0

# How late the beginning or the end of a watch may be, as a share of that time, and within which bounds in seconds.
_LATENESS = 0.25
_LATENESS_SECONDS = (1.0, 5.0)

# A watch that ends sooner has failed, whatever it said.
_SHORTEST_WATCH_SECONDS = 1.0

# Nobody waits for the lists of a watch.
_LIST_SECONDS = 60.0

_LONGEST_PAUSE_SECONDS = 30.0


class Owner(Protocol):
    """Whom the watch works for."""

    def replace_index(self, watcher: Watcher, index: Index) -> None: ...

    def is_idle(self) -> bool: ...

    def watch_ended(self, watcher: Watcher, *, refused: bool) -> None: ...


def fetch_index(server: ApiServer, label: str, seconds: float) -> Index:
    """List everything that has the label.

    Raises:
        KubernetesSecretsError: as of :meth:`ApiServer.list_all`.
    """
    asked_at = monotonic()
    found = server.list_all(label, seconds)
    return Index(label, found.secrets, found.resource_version, asked_at)


class Watcher(Thread):
    """Watches, and lists anew where a watch cannot tell what has changed, until it is stopped or nobody asks any more.

    It is the only one that changes the index. It confirms it when an event or a bookmark arrives, and when the API
    server ends the watch in its time: then everything before has arrived too.
    """

    def __init__(self, server: ApiServer, label: str, ttl: float, index: Index, owner: Owner) -> None:
        """
        Args:
            ttl: seconds that the index may be old.
        """
        super().__init__(name=f"airflow-kubernetes-secrets-watch-{label.rpartition('/')[2]}", daemon=True)
        self._server = server
        self._label = label
        self._ttl = ttl
        self._index = index
        self._owner = owner
        self._backoff = Backoff(first=0.2, longest=min(_LONGEST_PAUSE_SECONDS, ttl * _LATENESS))
        self._failures = 0
        self._must_list = False
        self._stopped = Event()
        self._stream: Watch | None = None
        _running.add(self)

    def run(self) -> None:
        refused = False
        try:
            while not self._stopped.is_set() and not self._owner.is_idle():
                began = monotonic()
                self._go_on()
                self._pause(monotonic() - began)
        except ApiError as error:
            if not self._stopped.is_set():
                refused = True
                notices.once(
                    logging.WARNING,
                    error.cause,
                    f"{self._label} cannot be watched: everything that has it is listed instead, each time that the "
                    f"last list is {self._ttl:g} s old (cache_ttl). {error}",
                )
        finally:
            self._owner.watch_ended(self, refused=refused)

    def stop(self) -> None:
        """End soon; the thread may be joined."""
        self._stopped.set()
        if (stream := self._stream) is not None:
            stream.interrupt()

    def after_fork(self) -> None:
        """Close the copy of the connection that this forked child has; the thread is the parent's."""
        if (stream := self._stream) is not None:
            stream.close()

    def _go_on(self) -> None:
        """List if that is needed, and watch once.

        Raises:
            ApiError: the API server refuses it.
        """
        try:
            if self._must_list or monotonic() - self._index.confirmed_at > self._ttl * _SHARE_OF_A_WATCH:
                self._index = fetch_index(self._server, self._label, _LIST_SECONDS)
                self._must_list = False
                self._owner.replace_index(self, self._index)
            self._follow()
        except ExpiredVersionError:
            self._must_list = True
        except (ApiUnavailableError, NotConfiguredError):
            pass  # the lookups say so, when the index is too old for them

    def _follow(self) -> None:
        longest = min(self._ttl * _SHARE_OF_A_WATCH, _LONGEST_WATCH_SECONDS)
        # Not the same for all, so that many processes do not come back together.
        seconds = max(int(longest * random.uniform(0.8, 1.0)), 1)  # noqa: S311  # spreads load; it guards nothing
        lateness = min(max(self._ttl * _LATENESS, _LATENESS_SECONDS[0]), _LATENESS_SECONDS[1])
        began = monotonic()
        stream = self._server.watch(self._label, self._index.resource_version, seconds, lateness)
        self._stream = stream
        try:
            # It may have been stopped before there was a stream to interrupt.
            if not self._stopped.is_set():
                for event in stream:
                    self._apply(event)
        finally:
            self._stream = None
            stream.close()
        if monotonic() - began >= seconds:
            self._index.confirmed_at = monotonic()

    def _apply(self, event: WatchEvent) -> None:
        if event.secret is not None:
            if event.change is Change.DELETED:
                self._index.remove(event.secret.name)
            else:
                self._index.put(event.secret)
        self._index.resource_version = event.resource_version
        self._index.confirmed_at = monotonic()

    def _pause(self, lasted: float) -> None:
        if lasted >= _SHORTEST_WATCH_SECONDS:
            self._failures = 0
            return
        self._failures += 1
        self._stopped.wait(self._backoff.pause(self._failures, math.inf))


_running: WeakSet[Watcher] = WeakSet()

# Those of a parent are not a forked child's to stop.
on_new_process(_running.clear)


@atexit.register
def _stop_all() -> None:
    """End the threads before the interpreter goes: one that still runs could find the streams of its logs closed."""
    deadline = Deadline(1)
    for watcher in list(_running):
        watcher.stop()
    for watcher in list(_running):
        watcher.join(deadline.left())
