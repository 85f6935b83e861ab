"""Fixtures of the tests of ``check``."""

from __future__ import annotations

import os
from typing import Any

import pytest

from airflow_kubernetes_secrets.cli.main import main


@pytest.fixture(autouse=True)
def not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AIRFLOW__"):
            monkeypatch.delenv(name)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs the command in this process, and returns its exit status, output and error output."""

    def check(*arguments: object) -> tuple[int, str, str]:
        status = main(["check", *map(str, arguments)])
        said = capsys.readouterr()
        assert "hunter2" not in said.out + said.err
        return status, said.out, said.err

    return check
