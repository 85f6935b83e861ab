"""Real Airflows: one stores the entries in its database, and both versions read the exported manifests."""

from __future__ import annotations

import json
import os
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from cryptography.fernet import Fernet

from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.process import restart
from support.airflow import Airflow
from support.exported_entries import FIELDS, INSERT_AND_SHOW, PASSWORD, ExportHere, done, entries, export
from support.requirements import require_airflow


@pytest.fixture(scope="package", params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Return an Airflow whose database has 200 connections and 200 variables."""
    version = request.param
    require_airflow(version)
    home = tmp_path_factory.mktemp("migrated")
    airflow = Airflow(version, home, {"AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode()})
    airflow.migrate()
    (home / "given.json").write_text(json.dumps(entries()))
    files = str(home / "given.json"), str(home / "held.json")
    done(airflow.python(INSERT_AND_SHOW, files[0], ",".join(FIELDS), files[1]))
    return airflow


@pytest.fixture(scope="package")
def exported(migrated: Airflow) -> Path:
    """Return the folder with the export of the whole database."""
    folder = migrated.home / "exported"
    result = export(migrated, "--from", "metadata-db", "-o", str(folder))
    assert result.returncode == 0, result.stdout + result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    (migrated.home / "report.txt").write_text(result.stdout)
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Airflow:
    """Return the newest Airflow, without a database."""
    return Airflow("3.3", tmp_path / "home")


@pytest.fixture(params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Airflow:
    require_airflow(request.param)
    return Airflow(request.param, tmp_path / "home")


@pytest.fixture
def export_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> ExportHere:
    """Return a function that runs ``export`` in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_", "KUBE")):
            monkeypatch.delenv(name)

    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        restart()
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            try:
                status = main(["export", *arguments])
            except SystemExit as error:
                status = int(str(error.code))
        printed = capsys.readouterr()
        return CompletedProcess(["export", *arguments], status, printed.out, printed.err)

    return run
