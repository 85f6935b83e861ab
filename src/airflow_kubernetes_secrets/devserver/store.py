"""The objects of the devserver, their one counter of versions, and the recent history that watches resume from.

It knows nothing of HTTP. It is used from one event loop only, so it has no lock. Stored objects are never changed in
place: whoever holds one may keep it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

JsonObject = dict[str, Any]


class Key(NamedTuple):
    """Where an object is; ``namespace`` is empty for what belongs to no namespace."""

    plural: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Event:
    """One change. ``previous`` is None when the object is new, ``current`` when it is gone."""

    version: int
    key: Key
    previous: JsonObject | None = field(repr=False)
    current: JsonObject | None = field(repr=False)


class HistoryGoneError(Exception):
    """The history no longer reaches back to the version that was asked for."""


class Store:
    """Objects by key.

    Args:
        history: how many changes are kept for watches and paged lists that are behind.
    """

    def __init__(self, history: int = 1000) -> None:
        # Versions start at the clock, in milliseconds: a client that outlives a restart then holds a version that is
        # too old, and lists again, rather than one that means something else.
        self.version = time.time_ns() // 1_000_000
        self.closed = False
        self._objects: dict[Key, JsonObject] = {}
        # Versions have no gaps: the events are those from _oldest + 1 to version.
        self._oldest = self.version
        self._events: deque[Event] = deque()
        self._history = history
        self._changed: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"Store({len(self._objects)} objects, version {self.version})"

    def get(self, key: Key) -> JsonObject | None:
        return self._objects.get(key)

    def put(self, key: Key, content: JsonObject) -> JsonObject:
        """Store ``content`` under the next version, which is written into it; the answer is what is stored."""
        version = self.version + 1
        metadata = {**content["metadata"], "resourceVersion": str(version)}
        stored = {**content, "metadata": metadata}
        self._record(Event(version, key, self._objects.get(key), stored))
        self._objects[key] = stored
        return stored

    def remove(self, key: Key) -> JsonObject:
        """Remove the object and return what it was. ``KeyError`` when there is none."""
        previous = self._objects.pop(key)
        self._record(Event(self.version + 1, key, previous, None))
        return previous

    def _record(self, event: Event) -> None:
        self.version = event.version
        self._events.append(event)
        while len(self._events) > self._history:
            self._oldest = self._events.popleft().version
        self._wake()

    def select(
        self, plural: str, namespace: str | None = None, version: int | None = None
    ) -> list[tuple[Key, JsonObject]]:
        """The objects in order of namespace and name: of all namespaces when None, as of ``version`` when given.

        Raises:
            HistoryGoneError: that version is too old.
        """
        objects = self._objects if version is None else self._at(version)
        return sorted(
            (item for item in objects.items() if item[0].plural == plural and namespace in (None, item[0].namespace)),
            key=lambda item: item[0],
        )

    def _at(self, version: int) -> dict[Key, JsonObject]:
        """Undo the events after ``version``."""
        objects = dict(self._objects)
        for event in reversed(self.since(version)):
            if event.previous is None:
                objects.pop(event.key)
            else:
                objects[event.key] = event.previous
        return objects

    def since(self, version: int) -> list[Event]:
        """The changes after ``version``, the first one first.

        Raises:
            HistoryGoneError: some of them are forgotten.
        """
        if version < self._oldest:
            raise HistoryGoneError
        return list(itertools.islice(self._events, version - self._oldest, None))

    def forget_history(self) -> None:
        """From now on every version before the present one is too old."""
        # The version itself must become new: what was listed a moment ago counts as old.
        self.version += 1
        self._oldest = self.version
        self._events.clear()
        self._wake()

    def close(self) -> None:
        """End every wait for a change, now and later."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def wait(self, seconds: float) -> None:
        """Until the next change, or the close, at most ``seconds``."""
        if self.closed:
            return
        self._changed = self._changed or asyncio.Event()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
