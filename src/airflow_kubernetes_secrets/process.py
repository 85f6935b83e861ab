"""What belongs to the process and not to a backend object.

Airflow builds a new backend object for every configuration option it reads, and for every lookup of a worker before
3.3, so connections cannot live in the object. It also forks (DAG processor, Celery, LocalExecutor), and a child must
not use a TLS connection or a lock of its parent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

_forgetters: list[Callable[[], None]] = []


def on_new_process(forget: Callable[[], None]) -> None:
    """Call ``forget`` in every forked child, before it does anything else."""
    _forgetters.append(forget)


def start_anew() -> None:
    """Forget everything that belongs to the process, as a forked child does."""
    for forget in _forgetters:
        forget()


os.register_at_fork(after_in_child=start_anew)


class Closeable(Protocol):
    """Something that holds connections. Closing it must not say goodbye on them: a parent may still use them."""

    def close(self) -> None: ...


Value = TypeVar("Value", bound=Closeable)


class ProcessLocal(Generic[Value]):
    """Values by key, made once in a process; a forked child starts with none."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Value] = {}
        on_new_process(self._forget)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of ``key``. Threads that ask for it first at the same moment get the same one."""
        value = self._values.get(key)
        return self._values.setdefault(key, make()) if value is None else value

    def _forget(self) -> None:
        values, self._values = self._values, {}
        for value in values.values():
            value.close()
