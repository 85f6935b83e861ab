"""Errors with everything that a report of them could show."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from types import CodeType, FrameType
from typing import Any

PACKAGE = "/airflow_kubernetes_secrets/"

# An exception between taking a lock and its ``try`` leaves the lock taken. These files have locks that the whole
# process shares: after such an exception no later test could log a line.
_WITH_SHARED_LOCKS = ("/logging/", "/structlog/", "/threading.py", "/asyncio/", "/concurrent/", "<frozen ")

_DEPTH = 4


def everything_about(error: BaseException) -> str:
    """Return all that a report could show: the error, chained errors, lines of code, and the variables of frames."""
    return "\n".join([*traceback.format_exception(error), *reported(error)])


def reported(error: BaseException) -> Iterator[str]:
    """Yield what a report shows of the error, its chained errors, and the variables of their frames.

    Only the frame of the package that was called first counts, and those that it called, in any file. The frames before
    it belong to a test.
    """
    for each in _chained(error):
        yield repr(each)
        yield from map(str, each.args)
        frames = [frame for frame, _line in traceback.walk_tb(each.__traceback__)]
        first = next((place for place, frame in enumerate(frames) if _is_ours(frame)), len(frames))
        for frame in frames[first:]:
            yield from shown(frame.f_locals)


def shown(found: object, depth: int = _DEPTH) -> Iterator[str]:
    """Yield what a report shows of a variable: its ``repr``, and those of its items."""
    # A half-built object may have no ``repr`` and may not be iterable. A report ignores that.
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


def _line(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class Interrupted(BaseException):
    """The exception of a signal handler, such as Airflow's execution timeout."""


class AtEveryLine:
    """Repeats some work, each time with an exception at another line of what the package runs.

    The lines include those of the standard library and other packages, as far as this package calls them. Code that
    logs or creates locks is skipped.
    """

    def __init__(
        self,
        work: Callable[[], object],
        before: Callable[[], object] = lambda: None,
        error: Callable[[], BaseException] = Interrupted,
        *,
        step: int = 1,
        here: Callable[[str], bool] = lambda _file: True,
    ) -> None:
        """Set up the repetition.

        Args:
            before: called before each time, without an exception.
            error: makes the exception.
            step: interrupt only one of every ``step`` lines.
            here: returns whether the lines of a file are interrupted.
        """
        self._work = work
        self._before = before
        self._error = error
        self._step = step
        self._here = here
        self._files: dict[str, bool] = {}

    def raised(self) -> Iterator[tuple[str, BaseException]]:
        """Yield each line, and the exception that left the work, if one did."""
        # The first run has no exception: an import that is interrupted leaves an incomplete module for ever.
        self._before()
        with suppress(Exception):
            self._work()
        taken: set[str] = set()
        # A run can reach lines that the runs before it have not reached.
        while reached := {line: code for line, code in self._reached().items() if line not in taken}:
            for line, code in reached.items():
                taken.add(line)
                if len(taken) % self._step == 0 and (error := self._raised_at(line, code)) is not None:
                    yield line, error

    def _reached(self) -> dict[str, CodeType]:
        """Run the work without an exception. Returns its lines in the order of the run, each with its function."""
        reached: dict[str, CodeType] = {}

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            if event == "line":
                reached.setdefault(_line(frame), frame.f_code)
            return trace

        self._traced(lambda frame, _event, _argument: trace if self._is_wanted(frame) else None)
        return reached

    def _raised_at(self, line: str, code: CodeType) -> BaseException | None:
        """Run the work with an exception at this line. Returns the exception that left it, if one did."""

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            if event == "line" and _line(frame) == line:
                # Raising an exception here ends the tracing.
                raise self._error()
            return trace

        # Only this function is traced line by line, because tracing takes much longer than the work.
        return self._traced(
            lambda frame, _event, _argument: trace if frame.f_code == code and self._is_wanted(frame) else None
        )

    def _traced(self, trace_called: Callable[[FrameType, str, object], Any]) -> BaseException | None:
        """Run the work while each call of a function is traced. Returns the exception that left it, if one did."""
        self._before()
        before, disabled = sys.gettrace(), logging.root.manager.disable
        log = logging.getLogger("airflow_kubernetes_secrets")
        level = log.level
        sys.settrace(trace_called)
        try:
            self._work()
        except BaseException as error:
            sys.settrace(before)
            return error
        finally:
            sys.settrace(before)
            # Work that silences logs for a while may have been interrupted before it enabled them again. Each of these
            # two calls visits the loggers of all libraries.
            if logging.root.manager.disable != disabled:
                logging.disable(disabled)
            if log.level != level:
                log.setLevel(level)
        return None

    def _is_wanted(self, called: FrameType) -> bool:
        """Return whether lines of this function are interrupted: its file is selected, and the package called it."""
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
    """Return what a report would show of the error that must stay hidden, each with some text around it."""
    return [
        f"{each!r} in {text[max(text.find(each) - 100, 0) : text.find(each) + 20]}"
        for text in reported(error)
        for each in hidden
        if each in text
    ]
