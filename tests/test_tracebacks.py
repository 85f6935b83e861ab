"""Exceptions that leave the package contain no variables of its frames."""

from __future__ import annotations

import sys
import traceback

import pytest

from airflow_kubernetes_secrets.messages.tracebacks import without_variables


@without_variables
def fails(password: str) -> str:
    inner = password.upper()
    try:
        return str(int(inner))
    except ValueError as error:
        raise KeyError("no number") from error


@without_variables
def raises_from_itself() -> None:
    error = RuntimeError("again")
    raise error from error


def test_frames_of_the_package_contain_no_variables() -> None:
    with pytest.raises(KeyError) as raised:
        fails("hunter2")

    cause = raised.value.__cause__
    assert cause is not None
    frames = [frame for each in (raised.value, cause) for frame, _line in traceback.walk_tb(each.__traceback__)]
    called = [frame for frame in frames if frame.f_code is not sys._getframe().f_code]
    assert [frame.f_code.co_name for frame in called].count("fails") == 2
    assert all("hunter2" not in repr(frame.f_locals) for frame in called)
    assert cause.__context__ is None


def test_exception_that_is_its_own_cause() -> None:
    with pytest.raises(RuntimeError, match="again"):
        raises_from_itself()
