"""The CPU time that an input may take."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import thread_time

from airflow_kubernetes_secrets.garbage_collection import no_garbage_collection

# The limits are generous: the slowest reader (YAML, in Python) takes 10 µs for a byte, and about 40 µs while its
# coverage is measured.
_SECONDS_AT_LEAST = 1.0
_SECONDS_PER_BYTE = 100e-6

# A call that takes this many times the limit is interrupted.
_INTERRUPTED_AT = 2


class TooSlow(BaseException):
    """Raised by the timer, with the seconds as its argument. It is not an Exception, because readers catch those."""


def limit(size: int) -> float:
    """Return the CPU seconds that an input of ``size`` bytes may take."""
    return _SECONDS_AT_LEAST + _SECONDS_PER_BYTE * size


def seconds_of(call: Callable[[], None], size: int) -> float:
    """Call a function, and return its CPU seconds.

    The garbage collector is off. It would examine all objects of the process, and take the longer, the more of them
    other code has created.

    Raises:
        TooSlow: it took far longer than the limit for ``size``. Only the main thread can be interrupted.
    """
    with _interrupted_after(limit(size) * _INTERRUPTED_AT), no_garbage_collection():
        began = thread_time()
        call()
        return thread_time() - began


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    def interrupt(_signal: int, _frame: object) -> None:
        raise TooSlow(seconds)

    before = signal.signal(signal.SIGVTALRM, interrupt)
    # The timer repeats: if it ends during a garbage collection, Python can discard the exception.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
