"""``export`` of invalid sources, which needs no Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_a_source_that_is_a_uri(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_kubernetes_secrets.cli.main import main

    assert main(["export", "--from", "postgresql://airflow:hunter2@db/airflow", "-o", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "Use --from metadata-db for Airflow's own database" in err
    assert "hunter2" not in err
