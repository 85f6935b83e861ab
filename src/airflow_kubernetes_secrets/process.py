"""State that belongs to the process and not to a backend object.

Airflow creates a new backend object for every configuration option that it reads, and before 3.3 for every lookup of a
worker. So the object cannot own connections. Airflow also forks (DAG processor, Celery, LocalExecutor), and a child
must not use a TLS connection, a lock or a thread of its parent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import RLock, get_ident
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from typing import Protocol

    class ProcessBound(Protocol):
        """Something that holds connections, locks or threads."""

        def close(self) -> None:
            """Stop what runs, and close what is open."""

        def after_fork(self) -> None:
            """Release what belongs to the parent, in a forked child, without sending anything on its connections."""


# How long a fork waits for a thread inside a block of a ForkGuard.
_FORK_WAITS_SECONDS = 1.0

_after_fork: list[Callable[[], None]] = []
_on_restart: list[Callable[[], None]] = []


def on_new_process(forget: Callable[[], None]) -> None:
    """Call ``forget`` in every forked child, before the child does anything else, and in :func:`restart`."""
    _after_fork.append(forget)
    _on_restart.append(forget)


def restart() -> None:
    """Forget everything that belongs to the process, as if the process had just started.

    Only tests and the devserver's pytest fixture call this.
    """
    for forget in _on_restart:
        forget()


def _in_child() -> None:
    for step in _after_fork:
        step()


os.register_at_fork(after_in_child=_in_child)


class ForkGuard:
    """Delays forks of this process while a thread is inside ``with guard.lock: ...``.

    Use it for library code that takes locks of its own and does not handle forks. Otherwise, a child that is forked
    meanwhile inherits such a lock, and waits for it forever. The work must be short, because a fork waits for it, up to
    a second.

    Before a fork, the forking thread takes the guard's locks of all other threads. So it waits until they have left
    their blocks, and none of them can enter one. After the fork, it releases these locks.

    Each thread has a lock of its own, so threads do not wait for each other here. One shared lock could cause a
    deadlock: thread A holds it and waits for a module, and thread B imports the module and waits for A.
    """

    def __init__(self) -> None:
        # By the id of the thread. Python reuses ids, so there are about as many as there were threads at the same time.
        self._locks: dict[int, RLock] = {}
        # Held while a thread gets its first lock. A fork takes it too, so that no thread gets one during the fork.
        self._creation_lock = RLock()
        # The locks that a thread has taken for a fork and must release, by the id of the thread.
        self._taken: dict[int, list[RLock]] = {}
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork_in_parent,
            after_in_child=self._after_fork_in_child,
        )

    @property
    def lock(self) -> RLock:
        """The lock of this thread.

        It is reentrant, because a signal handler may fork, or do the same work, while the thread holds the lock. It is
        a lock of Python itself, because a signal handler may raise at any moment. CPython handles no signal between
        taking such a lock and the first line inside ``with``. An ``__enter__`` in Python could be interrupted after it
        has taken the lock, and nothing would release the lock then.
        """
        lock = self._locks.get(get_ident())
        if lock is not None:
            return lock
        with self._creation_lock:
            return self._locks.setdefault(get_ident(), RLock())

    def _before_fork(self) -> None:
        # Usually there is nothing to release. If a signal handler raised at the very start of `_after_fork_in_parent`,
        # this thread still holds the locks of its last fork. Python's own module `logging` has the same limitation.
        self._release_taken()
        ends = monotonic() + _FORK_WAITS_SECONDS
        self._take(self._creation_lock, ends)
        for thread, lock in list(self._locks.items()):
            # The lock of this thread is omitted: it is only held here if a signal handler forks inside the block.
            if thread != get_ident():
                self._take(lock, ends)

    def _take(self, lock: RLock, ends: float) -> None:
        """Take a lock for a fork, or give up at a time on the monotonic clock."""
        # Record it before it is taken: a signal handler may raise in between, and the lock must still be released.
        self._record_taken(lock)
        if lock.acquire(timeout=max(ends - monotonic(), 0)):
            # Record it again: a signal handler may have forked in between, which has cleared the record.
            self._record_taken(lock)

    def _record_taken(self, lock: RLock) -> None:
        taken = self._taken.setdefault(get_ident(), [])
        if not any(each is lock for each in taken):
            taken.append(lock)

    def _after_fork_in_parent(self) -> None:
        try:
            self._release_taken()
        except BaseException:  # a signal handler has raised it, and Python discards it here anyway
            self._release_taken()
            raise

    def _release_taken(self) -> None:
        """Release the locks that this thread has taken for its last fork."""
        taken = self._taken.get(get_ident(), [])
        for lock in taken:
            with suppress(RuntimeError):  # it was not taken, or has been released
                lock.release()
        taken.clear()

    def _after_fork_in_child(self) -> None:
        # The child has only this thread, so no other one holds a lock.
        self._locks = {}
        self._creation_lock = RLock()
        self._taken = {}


# For imports during a lookup: a child that is forked while another thread imports would wait forever for the lock of
# that import.
importing = ForkGuard()


Value = TypeVar("Value", bound="ProcessBound")


class ProcessLocal(Generic[Value]):
    """Values by key, which all threads of a process share.

    A forked child gets the values of its parent, and :meth:`ProcessBound.after_fork` of each is called there.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, Value] = {}
        _after_fork.append(self._note_fork)
        _on_restart.append(self._close)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of ``key``, and create it if there is none.

        If several threads request it first at the same moment, each can create one. All get the same one, and the
        others are discarded unused.
        """
        value = self._values.get(key)
        return self._values.setdefault(key, make()) if value is None else value

    def peek(self, key: Hashable) -> Value | None:
        """Return the value of ``key``; ``None`` if it has not been created."""
        return self._values.get(key)

    def _note_fork(self) -> None:
        for value in self._values.values():
            value.after_fork()

    def _close(self) -> None:
        values, self._values = self._values, {}
        for value in values.values():
            value.close()
