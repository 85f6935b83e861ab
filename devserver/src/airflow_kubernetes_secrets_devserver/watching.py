"""A watch: the changes to the objects of a selection, as they happen.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_kubernetes_secrets_devserver.objects import ServedResource
from airflow_kubernetes_secrets_devserver.selection import Selection, check_watch, flag, number, version
from airflow_kubernetes_secrets_devserver.status import expired, version_too_large
from airflow_kubernetes_secrets_devserver.store import Event, HistoryGoneError, JsonObject, Store

# A real server ends a watch without ``timeoutSeconds`` after half an hour to an hour.
LONGEST_SECONDS = 1800.0


@dataclass(frozen=True)
class ServedWatch:
    """The options of a watch.

    Attributes:
        since: the version after which changes are sent; None for now.
        initial: send the current objects first, as of a version that is at least ``since``.
        is_marked: send a bookmark after the current objects: https://kep.k8s.io/3157
        seconds: the duration of the watch.
        bookmark_seconds: the seconds between bookmarks, which carry the current version; None for no bookmarks.
    """

    resource: ServedResource
    namespace: str | None
    selection: Selection
    since: int | None
    initial: bool
    is_marked: bool
    seconds: float
    bookmark_seconds: float | None

    @classmethod
    def from_query(
        cls, resource: ServedResource, namespace: str | None, query: Mapping[str, str], bookmark_seconds: float
    ) -> ServedWatch:
        """Return the watch of a query.

        Raises:
            StatusError: the query is invalid.
        """
        check_watch(query)
        bookmarks = bookmark_seconds if flag(query, "allowWatchBookmarks") else None
        seconds = number(query, "timeoutSeconds") or LONGEST_SECONDS
        selection = Selection.from_query(resource, query)
        since, requested = version(query.get("resourceVersion", "")), query.get("sendInitialEvents", "")
        initial = flag(query, "sendInitialEvents") if requested else since is None
        is_marked = bool(requested) and initial and bookmarks is not None
        return cls(resource, namespace, selection, since, initial, is_marked, seconds, bookmarks)

    async def events(self, store: Store) -> AsyncIterator[tuple[str, JsonObject]]:
        """Yield pairs of a type (ADDED, MODIFIED, DELETED, BOOKMARK, ERROR) and an object, until the watch ends."""
        ends = time.monotonic() + self.seconds
        bookmark_at = self._next_bookmark()
        if self.initial and self.since is not None and self.since > store.version:
            yield "ERROR", version_too_large(self.since, store.version).status()
            return
        seen = store.version if self.initial or self.since is None else self.since
        for first in self._first(store, seen):
            yield first
        while not store.closed:
            try:
                changes = store.since(seen)
            except HistoryGoneError:
                text = f"too old resource version: {seen} ({store.version})"
                yield "ERROR", expired(text).status()
                return
            seen = max(seen, store.version)
            for change in changes:
                if (event := self._event(change)) is not None:
                    yield event
            now = time.monotonic()
            if self.bookmark_seconds is not None and now >= min(bookmark_at, ends):
                bookmark_at = self._next_bookmark()
                yield "BOOKMARK", self._bookmark(seen)
            if now >= ends:
                return
            await store.wait(max(min(ends, bookmark_at) - now, 0))

    def _first(self, store: Store, seen: int) -> Iterator[tuple[str, JsonObject]]:
        """Yield the current objects, as of version ``seen``, and the bookmark after them.

        The store can be newer by the time the client has read all of them.
        """
        found = [each for _, each in store.select(self.resource.plural, self.namespace)] if self.initial else []
        yield from (("ADDED", each) for each in found if self.selection.matches(each))
        if self.is_marked:
            yield "BOOKMARK", self._bookmark(seen, {"annotations": {"k8s.io/initial-events-end": "true"}})

    def _next_bookmark(self) -> float:
        return time.monotonic() + (LONGEST_SECONDS if self.bookmark_seconds is None else self.bookmark_seconds)

    def _event(self, change: Event) -> tuple[str, JsonObject] | None:
        """Return the event that a client sees who watches only the selection; ``None`` if it sees none."""
        plural, namespace, _ = change.key
        if plural != self.resource.plural or self.namespace not in (None, namespace):
            return None
        previous = change.previous if change.previous and self.selection.matches(change.previous) else None
        current = change.current if change.current and self.selection.matches(change.current) else None
        if current is not None:
            return ("ADDED" if previous is None else "MODIFIED"), current
        if previous is None:
            return None
        return "DELETED", {**previous, "metadata": {**previous["metadata"], "resourceVersion": str(change.version)}}

    def _bookmark(self, seen: int, marks: Mapping[str, Any] | None = None) -> JsonObject:
        metadata = {"resourceVersion": str(seen), **(marks or {})}
        return {"kind": self.resource.kind, "apiVersion": "v1", "metadata": metadata}
