"""Runs code on a new stack of a fixed size, so that its result does not depend on the caller.

Python limits how deep code may be nested. How much of the limit is left for parsing depends on the functions that
already run, and in new versions of Python also on the stack of the thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

# As large as the main thread usually has it. Only memory that is used is allocated.
_STACK_BYTES = 8 * 1024 * 1024

Result = TypeVar("Result")


def on_own_stack(function: Callable[[], Result]) -> Result:
    """Run a function in a new thread, and return its result or raise its exception.

    If this process may have no more threads, the function runs on the stack of the caller.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # the caller raises it
            errors.append(error)

    # Ctrl-C ends the command and does not wait for the thread.
    thread = threading.Thread(target=run, name="kubernetes-secrets-parser", daemon=True)
    previous = threading.stack_size(_STACK_BYTES)
    try:
        thread.start()
    except RuntimeError:
        return function()
    finally:
        threading.stack_size(previous)
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
