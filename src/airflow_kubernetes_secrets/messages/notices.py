"""Log messages for users, each logged once per process.

Airflow hides the exceptions of a secrets backend, or repeats their tracebacks at every lookup. So the backend itself
logs what is wrong and how to fix it, and logs it once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from airflow_kubernetes_secrets.messages.printable import printable_lines
from airflow_kubernetes_secrets.process import on_new_process

_log = logging.getLogger("airflow_kubernetes_secrets")

# Keys contain names of Secrets and ids. A process that runs for months may meet an unlimited number of them.
_MOST_REMEMBERED = 10_000

_logged: set[tuple[str, ...]] = set()

# A forked task writes to a different log than its parent.
on_new_process(_logged.clear)


def once(level: int, key: tuple[str, ...], message: str) -> None:
    """Log ``message``, unless this process has already logged one with ``key``."""
    if key in _logged:
        return
    if len(_logged) >= _MOST_REMEMBERED:
        _logged.clear()
    _logged.add(key)
    log(level, message)


def log(level: int, message: str) -> None:
    """Log ``message``. Quoted input in it can neither begin another line nor control a terminal."""
    _log.log(level, "%s", printable_lines(message))


def forget(beginning: tuple[str, ...]) -> None:
    """Forget all keys that begin with ``beginning``, so that the next message with such a key is logged."""
    _logged.difference_update([key for key in list(_logged) if key[: len(beginning)] == beginning])


def forget_each(keys: Iterable[tuple[str, ...]]) -> None:
    """Forget these keys, so that the next message with one of them is logged."""
    _logged.difference_update(keys)


def miss(message: str, *values: object) -> None:
    """Log at debug level that a lookup found nothing, which is the common case."""
    if _log.isEnabledFor(logging.DEBUG):
        log(logging.DEBUG, message % values)
