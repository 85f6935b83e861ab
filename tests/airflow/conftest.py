"""The oldest and the newest supported Airflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.airflow import BACKEND, Airflow
from support.cluster import Cluster
from support.requirements import require_airflow
from support.servers import ONE_SERVER


@pytest.fixture(params=ONE_SERVER)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture(params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    require_airflow(found)
    return found


@pytest.fixture
def bare_airflow(version: str, tmp_path: Path) -> Airflow:
    """Return an Airflow with the backend configured, but without a source of Secrets."""
    return Airflow(version, tmp_path / "home", {"AIRFLOW__SECRETS__BACKEND": BACKEND})


@pytest.fixture
def airflow(bare_airflow: Airflow, cluster: Cluster, namespace: str) -> Airflow:
    """Return an Airflow as in a pod whose service account may list Secrets in its namespace."""
    account = cluster.service_account(namespace, "airflow", {namespace: ["list"]})
    kwargs = {"service_account_path": str(account.folder)}
    variables = {"AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs), **cluster.pod_environment()}
    return bare_airflow.with_variables(**variables)
