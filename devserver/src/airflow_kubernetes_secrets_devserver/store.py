"""The objects of the devserver, their version counter, and the recent history from which watches resume.

This module does not depend on HTTP. It is used from one event loop only, so it has no lock. Stored objects are never
changed in place, so callers may keep them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

JsonObject = dict[str, Any]


class Key(NamedTuple):
    """The identity of an object. ``namespace`` is empty for an object that belongs to no namespace."""

    plural: str
    namespace: str
    name: str

    @property
    def order(self) -> tuple[str, str, str]:
        """The sort key. The API orders objects by their paths, so those in ``a-b/`` come before those in ``a/``."""
        return self.plural, f"{self.namespace}/", self.name


@dataclass(frozen=True)
class Event:
    """One change. ``previous`` is None for a new object, ``current`` for a removed one."""

    version: int
    key: Key
    previous: JsonObject | None = field(repr=False)
    current: JsonObject | None = field(repr=False)


_order = attrgetter("order")


class HistoryGoneError(Exception):
    """The history no longer reaches back to the requested version."""


class Store:
    """Objects by key.

    Args:
        history: the number of changes to store, for watches and paged lists that resume.
    """

    def __init__(self, history: int = 1000) -> None:
        # Versions start at the clock, in milliseconds. After a restart the version that a client holds is then too old,
        # so the client lists again. Otherwise that version could mean another state.
        self.version = time.time_ns() // 1_000_000
        self.closed = False
        self._objects: dict[Key, JsonObject] = {}
        self._keys: list[Key] = []  # those of the objects, in order
        # Versions have no gaps: the stored events are those from _oldest + 1 to version.
        self._oldest = self.version
        self._events: deque[Event] = deque()
        self._history = history
        self._changed: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"Store({len(self._objects)} objects, version {self.version})"

    def get(self, key: Key) -> JsonObject | None:
        """Return the object, or None."""
        return self._objects.get(key)

    def put(self, key: Key, content: JsonObject) -> JsonObject:
        """Store ``content`` with the next version written into it, and return what is stored."""
        version = self.version + 1
        metadata = {**content["metadata"], "resourceVersion": str(version)}
        stored = {**content, "metadata": metadata}
        self._record(Event(version, key, self._objects.get(key), stored))
        if key not in self._objects:
            insort(self._keys, key, key=_order)
        self._objects[key] = stored
        return stored

    def remove(self, key: Key) -> JsonObject:
        """Remove the object and return it; KeyError if it does not exist."""
        previous = self._objects.pop(key)
        del self._keys[bisect_left(self._keys, key.order, key=_order)]
        self._record(Event(self.version + 1, key, previous, None))
        return previous

    def snapshot(self) -> dict[Key, JsonObject]:
        """Return all objects as they are now, for :meth:`restore`."""
        return dict(self._objects)

    def restore(self, objects: Mapping[Key, JsonObject]) -> None:
        """Remove or store each object that differs from a snapshot. Watches see these changes."""
        for key in [each for each in self._objects if each not in objects]:
            self.remove(key)
        for key, content in objects.items():
            if self._objects.get(key) is not content:
                self.put(key, content)

    def _record(self, event: Event) -> None:
        self.version = event.version
        self._events.append(event)
        while len(self._events) > self._history:
            self._oldest = self._events.popleft().version
        self._wake()

    def select(
        self, plural: str, namespace: str | None = None, version: int | None = None, after: Key | None = None
    ) -> list[tuple[Key, JsonObject]]:
        """Return the objects in the order of the API.

        Args:
            namespace: None for all namespaces.
            version: the version whose state is returned; None for the current one.
            after: only the objects after this one are returned; None for all.

        Raises:
            HistoryGoneError: the version is too old.
        """
        before = {} if version is None else self._before(version)
        start = Key(plural, namespace or "", "") if after is None else after
        keys: Iterable[Key] = self._keys[bisect_right(self._keys, start.order, key=_order) :]
        keys = itertools.takewhile(lambda key: key.plural == plural and namespace in (None, key.namespace), keys)
        if before:
            removed = (key for key in before if key.plural == plural and namespace in (None, key.namespace))
            keys = sorted({*keys, *(key for key in removed if key.order > start.order)}, key=_order)
        found = ((key, before[key] if key in before else self._objects[key]) for key in keys)
        return [(key, content) for key, content in found if content is not None]

    def _before(self, version: int) -> dict[Key, JsonObject | None]:
        """Return what the objects that have changed since ``version`` were then; ``None`` if one did not exist."""
        return {event.key: event.previous for event in reversed(self.since(version))}

    def since(self, version: int) -> list[Event]:
        """Return the changes after ``version``, oldest first.

        Raises:
            HistoryGoneError: some of them are no longer stored.
        """
        if version < self._oldest:
            raise HistoryGoneError
        return list(itertools.islice(self._events, version - self._oldest, None))

    def forget_history(self) -> None:
        """Make every version before now too old."""
        # The version is increased, so that a list from a moment ago counts as old too.
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
        """Wait until the next change or the close, for at most ``seconds``."""
        if self.closed:
            return
        self._changed = self._changed or asyncio.Event()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
