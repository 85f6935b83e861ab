"""Log lines for people, each once in a process.

Airflow hides the exceptions of a secrets backend, or repeats their tracebacks at every lookup, so the backend itself
says what is wrong and how to mend it, and says it once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from airflow_kubernetes_secrets.printable import printable_lines
from airflow_kubernetes_secrets.process import on_new_process

_log = logging.getLogger("airflow_kubernetes_secrets")

# Causes name Secrets and ids, which a process that runs for months may meet without end.
_MOST_REMEMBERED = 10_000

_said: set[tuple[str, ...]] = set()

# The log of a forked task is another one than its parent's.
on_new_process(_said.clear)


def once(level: int, cause: tuple[str, ...], message: str) -> None:
    """Log ``message``, unless this process has already logged one for ``cause``."""
    if cause in _said:
        return
    if len(_said) >= _MOST_REMEMBERED:
        _said.clear()
    _said.add(cause)
    say(level, message)


def say(level: int, message: str) -> None:
    """Log ``message``. What of it is from outside can neither begin another line nor command a terminal."""
    _log.log(level, "%s", printable_lines(message))


def forget(causes: tuple[str, ...]) -> None:
    """The causes that begin so are over: when one comes again, that is news."""
    _said.difference_update([cause for cause in list(_said) if cause[: len(causes)] == causes])


def forget_each(causes: Iterable[tuple[str, ...]]) -> None:
    """These causes are over."""
    _said.difference_update(causes)


def miss(message: str, *values: object) -> None:
    """Say at debug level that a lookup found nothing: that is the common case and no news."""
    if _log.isEnabledFor(logging.DEBUG):
        say(logging.DEBUG, message % values)
