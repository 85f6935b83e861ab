"""Real Airflows: one stores the entries in its database, and both versions read the exported manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from support.airflow import Airflow
from support.exported_entries import FIELDS, INSERT, PASSWORD, SHOW, done, entries, export
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
    done(airflow.python(INSERT, str(home / "given.json")))
    done(airflow.python(SHOW, ",".join(FIELDS), str(home / "held.json")))
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
