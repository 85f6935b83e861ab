"""Exceptions that leave this package without the variables that they have come past.

Reports of errors (Sentry, for example) show the variables of all frames that an exception went through. Those of a
lookup hold a token, an answer and values, in the standard library's functions too (``ssl``, ``json``), and Airflow's
timeouts come at any line, from a signal handler. So no care with variables would be enough: the frames are emptied.
"""

from __future__ import annotations

from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    Parameters = ParamSpec("Parameters")
    Result = TypeVar("Result")


def without_variables(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Have every exception that leaves ``function`` show nothing but itself.

    The frames of the function, and of all that it has called, lose their variables. Nor does the exception tell any
    more in the handling of which other one it was raised: those of decoders quote what they read. What it was raised
    ``from`` stays.
    """

    @wraps(function)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                _empty(error)
                raise
        except BaseException as error:
            # Once more, since another exception can come while the first one is dealt with.
            _empty(error)
            # This frame is still running, so it cannot be emptied as a whole.
            del args, kwargs
            raise

    return call


def _empty(error: BaseException) -> None:
    each: BaseException | None = error
    done: set[int] = set()
    # An exception can be raised from itself.
    while each is not None and id(each) not in done:
        done.add(id(each))
        trace = each.__traceback__
        while trace is not None:
            # That of a caller is still running, and keeps its own.
            with suppress(RuntimeError):
                trace.tb_frame.clear()
            trace = trace.tb_next
        each.__context__ = None
        each = each.__cause__
