"""Signals that arrive at a moment which the test chooses, and work that may hang."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# The files that run during a lookup and may be interrupted: the package, and the locks and events that it uses.
PACKAGE = "/airflow_kubernetes_secrets/"
INTERRUPTED = (PACKAGE, threading.__file__)


@contextmanager
def handled(number: signal.Signals, handler: Callable[[], object]) -> Iterator[None]:
    """Make the signal call ``handler``. Meanwhile, the timer of the process is free, and pytest's limit does not apply.

    pytest-timeout has one timer, and SIGALRM, for its limit. It gets both back afterwards. Until then, only the
    Makefile's limit for a test ends one that hangs.
    """
    seconds, _interval = signal.setitimer(signal.ITIMER_REAL, 0)
    previous = signal.signal(number, lambda _signal, _frame: handler())
    try:
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # the handler may raise just before the timer stops
            signal.signal(number, previous)
            signal.setitimer(signal.ITIMER_REAL, seconds)


class Moment:
    """One of the moments of some work at which Python may run a signal handler.

    These moments are the start of a function, and the return from a function written in C. Every version of CPython
    checks for signals there.

    Attributes:
        where: the location of the moment, once it has been reached; empty if the work has fewer moments.
    """

    def __init__(
        self,
        number: signal.Signals,
        position: int,
        meanwhile: Callable[[str], object] | None = None,
        inside: tuple[str, ...] = INTERRUPTED,
    ) -> None:
        """Choose the moment.

        Args:
            inside: parts of the names of the files whose functions are interrupted.
            meanwhile: called with the name of the function at each moment up to this one, before the signal is raised.
        """
        self._signal = number
        self._left = position
        self._inside = inside
        self.meanwhile = meanwhile
        self.where = ""

    @contextmanager
    def of(self) -> Iterator[None]:
        """Raise the signal in the middle of the work of the context."""
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(None)

    def __str__(self) -> str:
        return self.where

    def _look(self, frame: FrameType, happens: str, function: Any) -> None:
        code = frame.f_code
        if happens not in ("call", "c_return") or not any(each in code.co_filename for each in self._inside):
            return
        self._left -= 1
        if self._left < 0:
            sys.setprofile(None)
            after = f" after {function.__name__}" if happens == "c_return" else ""
            self.where = f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {code.co_name}{after}"
        if self.meanwhile is not None:
            self.meanwhile(code.co_name)
        if self._left < 0:
            signal.raise_signal(self._signal)


def watched_over(work: Callable[[Callable[[str], object]], object], patience: float = 15.0) -> str:
    """Run ``work`` in a forked child, with a function by which it reports its progress.

    Returns:
        Where it failed, or was silent for longer than ``patience`` seconds; empty if it succeeded.
    """
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(lambda text: os.write(sending, f"{text}\n".encode()))
            code = 0
        except BaseException as error:
            # The child sends this as its traceback, because its own output is not read.
            trace = "".join(traceback.format_exception(error)[-3:])
            os.write(sending, f" {trace}".replace("\n", "; ").encode())
        finally:
            os._exit(code)
    os.close(sending)
    told, hangs = b"", False
    try:
        while not hangs:
            hangs = not select.select([receiving], [], [], patience)[0]
            piece = b"" if hangs else os.read(receiving, 65536)
            if not piece:
                break
            told = told[-4000:] + piece
    finally:
        os.close(receiving)
        if hangs:
            os.kill(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
    last = told.decode().strip().split("\n")[-2:]
    return "" if status == 0 else f"it {'hangs' if hangs else 'fails'} after: {last}"
