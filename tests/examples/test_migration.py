"""``docs/how-to/migration.md``: from a real Airflow's database and environment to Secrets, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.airflow import BACKEND, NEWEST, Airflow
from support.cluster import Cluster
from support.examples import EXAMPLES, Namespaces
from support.kubectl import needs_kubectl
from support.pages import moved, shell

FOLDER = EXAMPLES / "migration"

# As `airflow connections add` and `airflow variables set` do.
ADD_ENTRIES = """
from airflow import settings
from airflow.models import Connection, Variable

session = settings.Session()
session.add(Connection("orders", uri="postgres://airflow:pw@db.example.com/orders"))
session.add(Variable("greeting", "hello"))
session.commit()
"""


class Reader:
    """Runs the commands of the page, in one folder."""

    def __init__(self, cluster: Cluster, namespaces: Namespaces, home: Path) -> None:
        self.home = home
        # The other names are also words in commands.
        self._namespaces = {"airflow-secrets": namespaces["airflow-secrets"]}
        account = cluster.service_account(
            namespaces["airflow"], "airflow-scheduler", {namespaces["airflow-secrets"]: ["list"]}
        )
        kwargs = {"namespace": namespaces["airflow-secrets"], "service_account_path": str(account.folder)}
        self.variables = {
            "AIRFLOW__SECRETS__BACKEND": BACKEND,
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "KUBECONFIG": str(cluster.kubeconfig(cluster.admin_token)),
            **cluster.pod_environment(),
        }

    def run(self, script: str, **variables: str) -> str:
        done = shell(f"set -e\n{moved(script, self._namespaces)}", self.home, {**self.variables, **variables})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def file(self, *names: str, **variables: str) -> str:
        return self.run("".join((FOLDER / name).read_text() for name in names), **variables)

    def host(self, conn_id: str) -> str:
        [found] = json.loads(self.run(f"airflow connections get {conn_id} -o json"))
        host: str = found["host"]
        return host


@pytest.fixture
def reader(cluster: Cluster, namespaces: Namespaces, tmp_path: Path) -> Reader:
    return Reader(cluster, namespaces, tmp_path)


@needs_kubectl
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_from_the_database_and_back(reader: Reader) -> None:
    airflow = Airflow(NEWEST, reader.home / "airflow")
    airflow.migrate()
    assert airflow.python(ADD_ENTRIES).returncode == 0
    # The backend is not configured yet.
    before = {"AIRFLOW__SECRETS__BACKEND": ""}

    reader.file("backup.sh", **before)
    reader.file("export.sh")
    reader.file("apply.sh")
    listed = reader.run("airflow-kubernetes-secrets list")
    assert "orders" in listed
    assert "greeting" in listed
    assert "database" in reader.file("compare.sh")
    reader.file("delete.sh")
    assert "orders" not in reader.run("airflow connections list -o plain")
    assert reader.host("orders") == "db.example.com"
    assert reader.run("airflow variables get greeting").strip() == "hello"

    reader.file("back.sh")

    assert "orders" in reader.run("airflow connections list -o plain", **before)
    assert reader.host("orders") == "db.example.com"
    assert "orders" not in reader.run("airflow-kubernetes-secrets list connections")


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_from_the_environment(reader: Reader) -> None:
    reader.file("environment.sh", AIRFLOW_CONN_MY_DB="postgres://u:pw@db.example.com/app", AIRFLOW_VAR_GREETING="hello")

    kwargs = json.dumps({"path": str(reader.home / "secrets")})
    [found] = json.loads(reader.run("airflow connections get my_db -o json", AIRFLOW__SECRETS__BACKEND_KWARGS=kwargs))
    assert (found["host"], found["schema"]) == ("db.example.com", "app")
    assert reader.run("airflow variables get greeting", AIRFLOW__SECRETS__BACKEND_KWARGS=kwargs).strip() == "hello"


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_from_a_file(reader: Reader) -> None:
    (reader.home / "connections.json").write_text((FOLDER / "connections.json").read_text())

    reader.file("from-file.sh")

    kwargs = json.dumps({"path": str(reader.home / "secrets")})
    for conn_id, host, password in (
        ("orders", "db.example.com", "p@ss:/w%rd"),
        ("mail", "smtp.example.com", "password"),
    ):
        said = reader.run(f"airflow connections get {conn_id} -o json", AIRFLOW__SECRETS__BACKEND_KWARGS=kwargs)
        [found] = json.loads(said)
        assert (found["host"], found["password"]) == (host, password)
