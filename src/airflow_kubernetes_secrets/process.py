"""What belongs to the process and not to a backend object.

Airflow builds a new backend object for every configuration option it reads, and for every lookup of a worker before
3.3, so connections cannot live in the object. It also forks (DAG processor, Celery, LocalExecutor), and a child must
not use a TLS connection, a lock or a thread of its parent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from typing import ParamSpec

    Parameters = ParamSpec("Parameters")
    Result = TypeVar("Result")

# As many as there are connections kept.
_THREADS = 8

_after_fork: list[Callable[[], None]] = []
_anew: list[Callable[[], None]] = []


def on_new_process(forget: Callable[[], None]) -> None:
    """Call ``forget`` in every forked child, before it does anything else."""
    _after_fork.append(forget)
    _anew.append(forget)


def start_anew() -> None:
    """Forget everything that belongs to the process, as if it had just been started. Tests use it."""
    for forget in _anew:
        forget()


def _in_child() -> None:
    for step in _after_fork:
        step()


os.register_at_fork(after_in_child=_in_child)


class ForkGuard:
    """A lock that no other thread holds while this process forks: ``with guard.lock: ...``.

    For work in a library that has locks of its own and no answer to a fork, and only for work that takes moments: a
    fork waits for it, up to a second.

    Attributes:
        lock: Python's own, since the handler of a signal may raise at any moment. CPython looks for no signal between
            the taking of such a lock and the first line below ``with``; an ``__enter__`` that is written in Python
            could be left with the lock taken, which nobody would ever open.
    """

    def __init__(self) -> None:
        # Reentrant: the handler of a signal may fork, or do the same work, in the middle of it.
        self.lock = RLock()
        self._forking: set[int] = set()
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._in_child)

    def _before(self) -> None:
        # First, for the same reason: a fork that is interrupted here still opens what it has taken.
        self._forking.add(get_ident())
        if not self.lock.acquire(timeout=1):
            self._forking.discard(get_ident())

    def _after(self) -> None:
        if get_ident() in self._forking:
            self._forking.discard(get_ident())
            with suppress(RuntimeError):  # of a lock that was not taken
                self.lock.release()

    def _in_child(self) -> None:
        # There is only this thread here.
        self.lock = RLock()
        self._forking.clear()


# For imports in the middle of a lookup: a child that is forked while another thread imports would wait for ever for the
# lock of that import.
importing = ForkGuard()


class ProcessBound(Protocol):
    """Something that holds connections, locks or threads."""

    def close(self) -> None:
        """End what runs, and close what is open."""

    def after_fork(self) -> None:
        """In a forked child: let go of what is the parent's, and say nothing on its connections."""


Value = TypeVar("Value", bound=ProcessBound)


class ProcessLocal(Generic[Value]):
    """Values by key, made once in a process. A forked child has them too, and each is told of the fork."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Value] = {}
        _after_fork.append(self._tell_of_the_fork)
        _anew.append(self._close)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of ``key``. Threads that ask for it first at the same moment get the same one."""
        value = self._values.get(key)
        return self._values.setdefault(key, make()) if value is None else value

    def peek(self, key: Hashable) -> Value | None:
        """The value of ``key``, if it has been made."""
        return self._values.get(key)

    def _tell_of_the_fork(self) -> None:
        for value in self._values.values():
            value.after_fork()

    def _close(self) -> None:
        values, self._values = self._values, {}
        for value in values.values():
            value.close()


_threads: ThreadPoolExecutor | None = None


def _forget_threads() -> None:
    global _threads  # noqa: PLW0603  # what belongs to the process is a variable of a module
    _threads = None


on_new_process(_forget_threads)


async def in_a_thread(
    function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Call ``function`` without holding up the event loop.

    In threads of our own: those of the event loop also resolve names for everybody else, who must not have to wait when
    the API server is away.
    """
    global _threads  # noqa: PLW0603  # the same
    from asyncio import get_running_loop
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context
    from functools import partial

    if _threads is None:
        _threads = ThreadPoolExecutor(_THREADS, "airflow-kubernetes-secrets")
    call = partial(copy_context().run, function, *args, **kwargs)
    return await get_running_loop().run_in_executor(_threads, call)
