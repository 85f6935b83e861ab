"""Remove the local variables from exceptions that leave this package.

Error reports (Sentry, for example) show the variables of all frames that an exception passed. In a lookup they contain
a token, a response and values, also in functions of the standard library (``ssl``, ``json``). Airflow's timeouts raise
at any line, from a signal handler. So careful use of variables is not enough: the frames are cleared.
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
    """Make every exception that leaves ``function`` show nothing but itself.

    The frames of the function, and of everything that it called, lose their variables. The exception also loses its
    context, which is the exception that was being handled when it was raised: errors of decoders quote their input.
    The cause of ``raise … from`` stays.
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
            # Clear it again, since another exception can interrupt the first attempt.
            _empty(error)
            # This frame is still running, so it cannot be cleared as a whole.
            del args, kwargs
            raise

    return call


def _empty(error: BaseException) -> None:
    each: BaseException | None = error
    done: set[int] = set()
    # An exception can be its own cause.
    while each is not None and id(each) not in done:
        done.add(id(each))
        trace = each.__traceback__
        while trace is not None:
            # The frame of a caller is still running, and keeps its variables.
            with suppress(RuntimeError):
                trace.tb_frame.clear()
            trace = trace.tb_next
        each.__context__ = None
        each = each.__cause__
