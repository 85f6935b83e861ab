"""Signals that end a command: the command first restores what it has changed, as it does on Ctrl-C.

At a prompt for a password, the terminal does not echo. By default, these signals end the process at once, and the
user's shell would show nothing that is typed afterwards.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Those that a terminal, a shell or a supervisor sends. SIGINT has a handler of Python.
_SIGNALS = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)


class _EndedError(BaseException):
    """A signal has arrived. As with ``KeyboardInterrupt``, only cleanup may catch it."""


@contextmanager
def cleanup_before_end() -> Iterator[None]:
    """Leave the block on a signal that ends the process, and only then let the signal end it.

    A signal that is ignored, as with ``nohup``, or that has a handler, is not changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)
        # A shell repeats SIGHUP for a terminal that was closed. A repeated signal must not interrupt the cleanup.
        if len(arrived) == 1:
            raise _EndedError

    changed = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)
        if arrived:
            signal.raise_signal(signal.Signals(arrived[0]))
