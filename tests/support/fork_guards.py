"""Signals at every moment of a fork, in a new process: it has few objects, so that each of its forks is fast."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from airflow_kubernetes_secrets.process import ForkGuard
from support.signals import PACKAGE, Moment, handled


def _interrupt() -> None:
    raise InterruptedError


def _fork_too() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


# What a signal handler does, by name.
HANDLERS: Mapping[str, Callable[[], None]] = {"raises": _interrupt, "forks": _fork_too}


def signals_during_a_fork(handler: Callable[[], None]) -> int:
    """Fork as often as a fork has moments for a signal, and return how many there are.

    Raises:
        AssertionError: a lock of a guard is still held after one of the forks.
    """
    guard, position = ForkGuard(), 0

    def takes_its_lock() -> bool:
        taken = guard.lock.acquire(timeout=1)
        if taken:
            guard.lock.release()
        return taken

    with handled(signal.SIGALRM, handler), ThreadPoolExecutor(1) as other:
        while True:
            assert other.submit(takes_its_lock).result()
            moment = Moment(signal.SIGALRM, position, inside=(PACKAGE,))
            with suppress(InterruptedError), moment.of():
                if (child := os.fork()) == 0:
                    os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            if moment.where.endswith(" _after_fork_in_parent"):
                # Nothing in Python runs in the function if the signal comes first. The next fork makes up for it.
                _fork_too()
            assert other.submit(takes_its_lock).result(), moment.where
            with ThreadPoolExecutor(1) as new:
                assert new.submit(takes_its_lock).result(), moment.where
            if not moment.where:
                return position
            position += 1


if __name__ == "__main__":
    sys.stdout.write(str(signals_during_a_fork(HANDLERS[sys.argv[1]])))
