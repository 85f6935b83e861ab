"""The command ``usage`` with a folder of manifests as its Secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Airflow's configuration is imported before a command imports it as a library.
import airflow.configuration  # noqa: F401  # before a test changes Airflow's variables
import pytest

from airflow_kubernetes_secrets.process import restart
from support.airflow import BACKEND
from support.usage import Usage


@pytest.fixture
def usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Usage]:
    """Return a runner of the command, in an environment without entries of Airflow's."""
    for name in list(os.environ):
        if name.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_", "AIRFLOW__")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
    made = Usage(tmp_path / "dags", tmp_path / "manifests", monkeypatch, capsys)
    made.dags.mkdir()
    made.manifests.mkdir()
    made.configure()
    restart()
    yield made
    restart()
