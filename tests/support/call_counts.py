"""The calls of functions: the amount of work in numbers that are the same on every machine, and what was called."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any


def calls(function: Callable[[], object]) -> int:
    """Return how many functions are called during ``function``, including those written in C.

    If the work grows as the square of the input, four times the input needs 16 times as many calls.
    """
    count = 0

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@contextmanager
def calls_of(function: Callable[..., object]) -> Iterator[list[Mapping[str, Any]]]:
    """Record the arguments of each call of a Python function, by name, in this thread and in those that it starts.

    The function itself runs unchanged.
    """
    code, seen = function.__code__, list[Mapping[str, Any]]()

    def see(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code is code:
            seen.append(dict(frame.f_locals))

    before = sys.getprofile()
    threading.setprofile(see)
    sys.setprofile(see)
    try:
        yield seen
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
