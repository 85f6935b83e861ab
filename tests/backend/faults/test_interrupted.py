"""A lookup that an exception interrupts does not affect the next one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.faults import late
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.signals import handled


class Interrupted(BaseException):
    """The exception of a signal handler, such as Airflow's execution timeout."""


def test_exception_during_a_request_does_not_affect_later_lookups(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("first", "of the first")
    put.variable("second", "of the second")
    backend = proxied()
    assert backend.get_variable("first") == "of the first"
    proxy.faults.append(late(0.5))

    with interrupted_after(0.2), pytest.raises(Interrupted):
        backend.get_variable("first")

    assert backend.get_variable("second") == "of the second"
    assert backend.get_variable("first") == "of the first"


# If the exception comes before a socket has an owner, the garbage collector closes the socket and warns about it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_exceptions_at_any_moment_do_not_affect_later_lookups(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    """The interruptions move through the whole lookup in small steps."""
    values = {f"x{number}": f"value {number}" for number in range(4)}
    for key, value in values.items():
        put.variable(key, value)
    backend = proxied()
    interruptions = 0
    for step in range(1, 80):
        try:
            with interrupted_after(step * 0.00025):
                for key in values:
                    backend.get_variable(key)
        except Interrupted:
            interruptions += 1
        for key, value in values.items():
            assert backend.get_variable(key) == value

    assert interruptions > 10


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    with handled(signal.SIGALRM, interrupt):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield


def interrupt() -> None:
    raise Interrupted
