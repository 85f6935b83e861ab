"""Airflows with Apache's provider: the oldest version with Airflow 2.11, and the newest; and Secrets for their pods."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from support.airflow import BACKEND
from support.cluster import Cluster
from support.environments import Environment, downloaded_wheel
from support.pods import MARK, NAMESPACE, OTHER_NAMESPACE, PROVIDER, Installation
from support.requirements import require_airflow
from support.secrets import CONNECTION, VARIABLE, Put
from support.servers import ONE_SERVER


@pytest.fixture(scope="package")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    environment = Environment.create(tmp_path_factory.mktemp("provider") / "environment")
    environment.install(downloaded_wheel(PROVIDER, "10.25.0"))
    return Installation("3.3", environment)


@pytest.fixture(scope="package", params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def installation(request: pytest.FixtureRequest) -> Installation:
    if request.param == "3.3":
        found: Installation = request.getfixturevalue("newest")
        return found
    require_airflow("2.11")
    return Installation("2.11", None)


@pytest.fixture(scope="package", params=ONE_SERVER)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Use one program for all tests on a server."""
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture(scope="package")
def variables(cluster: Cluster) -> dict[str, str]:
    """Return the environment of an Airflow pod, and create the Secrets that the tests look up."""
    for name in (NAMESPACE, OTHER_NAMESPACE):
        cluster.create_namespace(name)
    put = Put(cluster, NAMESPACE)
    uri = f"postgres://u:{MARK}@db/x"
    put.connection("whole", uri, name="whole")
    put.connection("whole", uri, "red", name="whole-of-red")
    put.connection("elsewhere", uri, namespace=OTHER_NAMESPACE, name="whole")
    put.variable("my_var", MARK, name="my-var")
    settings = {"name": "settings", "namespace": NAMESPACE, "labels": {VARIABLE: "in_config_map"}}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": {"value": "not secret"}})
    put({}, uri, name="by-name")
    # As CloudNativePG writes it: https://cloudnative-pg.io/documentation/current/applications/#secrets
    of_cloudnative_pg = {
        "username": "app",
        "password": MARK,
        "host": "app-db-rw",
        "port": "5432",
        "dbname": "app",
        "pgpass": f"app-db-rw:5432:app:app:{MARK}",
        "uri": f"postgresql://app:{MARK}@app-db-rw.hand-on:5432/app",
        "jdbc-uri": f"jdbc:postgresql://app-db-rw.hand-on:5432/app?password={MARK}&user=app",
    }
    put.connection("app-db", None, name="app-db", data=of_cloudnative_pg)
    annotated = put.connection("annotated", None, name="annotated", data={"dsn": uri})
    annotate(cluster, annotated, {"data-key": "dsn"})
    third = put.connection("3rd", None, name="third", data={"secret-word": MARK, "key": MARK})
    annotate(cluster, third, {"field-password": "secret-word", "extra-api-key": "key"})
    data = {"username": "u", "password": MARK, "host": "short"}
    annotate(cluster, put.connection("said", None, name="said", data=data), {"connection-host": "db.example.com"})
    completed = put.connection("completed", uri, name="completed")
    annotate(cluster, completed, {"connection-extra": '{"sslmode": "require"}'})
    in_json = json.dumps({"engine": "postgres", "host": "db", "username": "u", "password": MARK})
    put.connection("renamed", in_json, name="renamed")
    put.connection("in-json", None, name="in-json", data={"rds": in_json})
    put.connection("not-text", None, name="not-text", data={"rds": in_json.encode().replace(MARK.encode(), b"\xff")})
    host = put.connection("only-annotations", None, name="only-annotations", data={"comment": "x"})
    annotate(cluster, host, {"connection-type": "http", "connection-host": "db.example.com"})
    # As for Argo CD: https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#repositories
    of_argo_cd = {CONNECTION: "registry", "argocd.argoproj.io/secret-type": "repository"}
    address = {"type": "oci", "url": "oci://registry.example.com/shop/app", "username": "u", "password": MARK}
    put(of_argo_cd, name="registry", data=address)
    put.connection("both", uri, name="both", data={"password": "of something else"})
    twice = put.connection("twice", None, name="twice", data={"one": MARK, "two": MARK})
    annotate(cluster, twice, {"extra-a.b": "one", "extra-a-b": "two"})
    account = cluster.service_account(
        NAMESPACE,
        f"airflow-{uuid.uuid4().hex[:8]}",
        {NAMESPACE: ["list", "get"], OTHER_NAMESPACE: ["list"]},
        resources=("secrets", "configmaps"),
    )
    kwargs = {
        "service_account_path": str(account.folder),
        "namespace": [NAMESPACE, OTHER_NAMESPACE],
        "config_maps": True,
        "references": {"connections": {"referred": "by-name", "gone": "gone"}},
    }
    return {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
        **cluster.pod_environment(),
    }


def annotate(cluster: Cluster, stored: dict[str, Any], annotations: dict[str, str]) -> None:
    """Add annotations of this project to a Secret."""
    del stored["metadata"]["resourceVersion"]
    stored["metadata"]["annotations"] = {f"airflow.apache.org/{key}": text for key, text in annotations.items()}
    cluster.apply(stored)
