"""Errors, as thoroughly as a report of them could show them."""

from __future__ import annotations

import logging
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from types import FrameType
from typing import Any

PACKAGE = "/airflow_kubernetes_secrets/"

# An exception between the taking of a lock and its ``try`` leaves it locked. These have locks that the whole process
# shares, so that no later test could log a line.
_WITH_SHARED_LOCKS = ("/logging/", "/structlog/", "/threading.py", "/asyncio/", "/concurrent/", "<frozen ")

_DEPTH = 4

# A file, and a number in it.
_Line = tuple[str, int]


def everything_about(error: BaseException) -> str:
    """All that a report could show of it: with the chained errors, the lines of code, and the variables of frames."""
    return "\n".join([*traceback.format_exception(error), *reported(error)])


def reported(error: BaseException) -> Iterator[str]:
    """What a report shows of it, of the chained errors, and of the variables of frames.

    Of the frames only those count that the package's first one has called, whosever they are: what called it is a test.
    """
    for each in _chained(error):
        yield repr(each)
        yield from map(str, each.args)
        frames = [frame for frame, _line in traceback.walk_tb(each.__traceback__)]
        first = next((place for place, frame in enumerate(frames) if _is_ours(frame)), len(frames))
        for frame in frames[first:]:
            yield from shown(frame.f_locals)


def shown(found: object, depth: int = _DEPTH) -> Iterator[str]:
    """What a report shows of a variable: its ``repr``, and those of the things in it."""
    # What is only half made may have none, and may not say what is in it. Reports go on then.
    with suppress(Exception):
        yield repr(found)
    if not depth:
        return
    with suppress(Exception):
        if isinstance(found, Mapping):
            for pair in list(found.items()):
                yield from shown(pair, depth - 1)
        elif isinstance(found, (Sequence, Set)) and not isinstance(found, (str, bytes, bytearray, memoryview)):
            for each in list(found):
                yield from shown(each, depth - 1)


def _is_ours(frame: FrameType) -> bool:
    return PACKAGE in frame.f_code.co_filename


def _chained(error: BaseException) -> list[BaseException]:
    found = [error]
    for each in found:
        found += [other for other in (each.__cause__, each.__context__) if other is not None and other not in found]
    return found


class Interrupted(BaseException):
    """What a signal handler raises, as Airflow's execution timeout does."""


class AtEveryLine:
    """Does something again and again, each time with an exception at another line of what the package runs.

    The lines are also those of the standard library and others, as far as the package calls them. A line that is run
    often is taken ``times`` times. With a ``step`` only some of the lines are taken: the first of each so many. What
    logs and what makes locks is left out.
    """

    def __init__(
        self,
        work: Callable[[], object],
        before: Callable[[], object] = lambda: None,
        error: Callable[[], BaseException] = Interrupted,
        *,
        times: int = 1,
        step: int = 1,
        here: Callable[[str], bool] = lambda _file: True,
    ) -> None:
        """
        Args:
            before: done before each time, without an exception.
            here: whether exceptions are wanted in the lines of a file.
        """
        self._work = work
        self._before = before
        self._error = error
        self._times = times
        self._step = step
        self._here = here
        self._files: dict[str, bool] = {}

    def raised(self) -> Iterator[tuple[str, BaseException]]:
        """Each line, and the exception that came out, if one did."""
        taken: Counter[_Line] = Counter()
        # Once without one: an import that is broken off leaves a module that is never whole again.
        self._before()
        with suppress(Exception):
            self._work()
        while True:
            self._before()
            line, error = self._once(taken)
            if line is None:
                return
            if error is not None:
                yield line, error

    def _once(self, taken: Counter[_Line]) -> tuple[str | None, BaseException | None]:
        """Raise at the next line that has not been taken as often; ``None`` if there is no such line any more."""
        passed: Counter[_Line] = Counter()
        line: str | None = None

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal line
            if event == "line":
                here = (frame.f_code.co_filename, frame.f_lineno)
                passed[here] += 1
                if taken[here] < passed[here] <= self._times:
                    taken[here] += 1
                    if taken.total() % self._step:
                        return trace
                    line = f"{here[0]}:{here[1]}"
                    # With it the tracing ends.
                    raise self._error()
            return trace

        def trace_called(frame: FrameType, event: str, argument: object) -> Any:
            return trace(frame, event, argument) if self._is_wanted(frame) else None

        before, disabled = sys.gettrace(), logging.root.manager.disable
        log = logging.getLogger("airflow_kubernetes_secrets")
        level = log.level
        sys.settrace(trace_called)
        try:
            self._work()
        except BaseException as error:
            sys.settrace(before)
            return line, error
        finally:
            sys.settrace(before)
            # Work that silences logs for a while may have been interrupted before it ended that.
            logging.disable(disabled)
            log.setLevel(level)
        return line, None

    def _is_wanted(self, called: FrameType) -> bool:
        """Whether exceptions are wanted there, and the package has called it."""
        file = called.f_code.co_filename
        if file not in self._files:
            self._files[file] = self._here(file) and not any(part in file for part in _WITH_SHARED_LOCKS)
        if not self._files[file]:
            return False
        frame: FrameType | None = called
        while frame is not None and not _is_ours(frame):
            frame = frame.f_back
        return frame is not None


def leaks(error: BaseException, hidden: Iterable[str]) -> list[str]:
    """What a report would show of it that nobody may see; each with a part of that."""
    return [
        f"{each!r} in {text[max(text.find(each) - 100, 0) : text.find(each) + 20]}"
        for text in reported(error)
        for each in hidden
        if each in text
    ]
