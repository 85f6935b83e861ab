"""Commands with hostile names."""

from __future__ import annotations

import pytest

from support.hostile_commands import Program


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(monkeypatch, capsys)
