"""The statements of the README."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ForbiddenError
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.kubernetes.permissions import Grant, forbidden_text
from support.airflow import ROOT
from support.cluster import Cluster
from support.kubectl import needs_kubectl
from support.secrets import MakeBackend, Put
from support.waiting import PATIENCE

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_manifest(cluster: Cluster, backend: KubernetesSecretsBackend, namespace: str) -> None:
    [manifest] = blocks("yaml")
    secret = yaml.safe_load(manifest)
    secret["metadata"]["namespace"] = namespace
    cluster.apply(secret)

    connection = backend.get_connection("my_postgres_db")

    assert (connection.conn_type, connection.host, connection.schema) == ("postgres", "db.example.com", "mydb")


def test_the_text_of_a_403() -> None:
    said = forbidden_text(
        "system:serviceaccount:airflow:airflow-worker", "list", SECRETS, "airflow", grant=Grant(("list",))
    )

    [block] = [block for block in blocks("text") if "may not list" in block]
    assert " ".join(block.split()) == " ".join(f"connection 'my_db': {said}".split())


@needs_kubectl
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_the_commands_of_kubectl(cluster: Cluster, make_backend: MakeBackend, put: Put, tmp_path: Path) -> None:
    """The commands create the Secrets, the role and its binding on a server with RBAC, and then a lookup is allowed."""
    account = cluster.service_account("airflow", "airflow-worker", {})
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig(cluster.admin_token)),
        "HOME": str(tmp_path),
        "PATH": f"{Path(which('kubectl') or '').parent}:/usr/bin:/bin",
    }
    # The examples, which other tests apply, contain Secrets of the same names.
    for name in ("my-smtp-secret", "app-db-app"):
        cluster.admin.delete(f"/api/v1/namespaces/airflow/secrets/{name}")
    data = {"username": "app", "password": "p@ss", "host": "app-db-rw", "dbname": "app"}
    put({}, data=data, name="app-db-app", namespace="airflow")

    for block in (each for each in blocks("bash") if "kubectl" in each):
        subprocess.run(["bash", "-euc", block], env=environment, timeout=180, check=True, capture_output=True)
    cluster.wait_for_watch_cache()

    backend = make_backend(service_account_path=str(account.folder))
    connection = _when_granted(backend)
    assert connection.host == "smtp.example.com"
    connection = backend.get_connection("app_db")
    assert (connection.conn_type, connection.host, connection.schema) == ("postgres", "app-db-rw", "app")
    assert connection.extra_dejson == {"sslmode": "require"}


def _when_granted(backend: KubernetesSecretsBackend) -> Any:
    """Return the connection as soon as RBAC allows it: a new role is applied within moments."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return backend.get_connection("smtp_default")
        except ForbiddenError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
