"""`make pythons` continues with the next Python after any failure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from matrix import pythons
from matrix.runs import RECORD


def test_python_without_an_environment(capfd: pytest.CaptureFixture[str]) -> None:
    """No test was run, so no result is recorded."""
    before = RECORD.read_text()

    outcome = pythons._outcome("3.99", Path(os.devnull), "1")

    assert not outcome.passed
    assert outcome.text.startswith("Python 3.99 is NOT tested: its environment cannot be made: Command '['make',")
    assert RECORD.read_text() == before


def test_python_whose_tests_take_too_long(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pythons, "TEST_SECONDS", 0.01)

    assert not pythons._pass(Path(sys.executable), "0")
    assert "timed out after" in capfd.readouterr().out
