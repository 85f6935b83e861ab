"""The documented commands, as typed in a pod."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matrix.deployment import DATABASE_ID, SECRET, Deployment
from matrix.proofs import Proof, proves
from support.airflow import BACKEND, Airflow


@proves(Proof.AIRFLOWS_COMMANDS)
def test_commands_of_airflow(deployment: Deployment) -> None:
    airflow = deployment.airflow
    assert airflow.output("config", "get-value", "secrets", "backend").splitlines()[-1] == BACKEND
    url = airflow.output("config", "get-value", "database", "sql_alchemy_conn").splitlines()[-1]
    assert url == deployment.database.url
    connection = _connection(airflow, "in_python")
    found = {key: str(connection[key]) for key in ("conn_type", "host", "login", "password", "port", "schema")}
    assert found == {
        "conn_type": "postgres",
        "host": "in-python",
        "login": "user",
        "password": SECRET,
        "port": "8080",
        "schema": "path",
    }
    assert airflow.output("variables", "get", "in_python").splitlines()[-1] == f"{SECRET} in_python"
    tested = airflow.run("connections", "test", "warehouse")
    assert "Connection success!" in tested.stdout, tested.stdout + tested.stderr


@proves(Proof.COMMANDS)
def test_the_command(deployment: Deployment, tmp_path: Path) -> None:
    _check_all(
        deployment, tmp_path, lambda airflow, *arguments: _run(airflow, "airflow-kubernetes-secrets", *arguments)
    )


@proves(Proof.COMMANDS_UNDER_AIRFLOW)
def test_the_command_under_airflow(deployment: Deployment, tmp_path: Path) -> None:
    _check_all(
        deployment, tmp_path, lambda airflow, *arguments: _run(airflow, "airflow", "kubernetes-secrets", *arguments)
    )


@proves(Proof.TEAMS_COMMANDS)
def test_teams(api_server_only: Deployment) -> None:
    def run(*arguments: str) -> Any:
        return json.loads(_run(api_server_only.airflow, "airflow-kubernetes-secrets", *arguments, "-o", "json"))

    listed = run("list", "--team", "red")["entries"]
    assert {(each["kind"], each["id"], each["team"]) for each in listed} == {
        ("connection", "shared", "red"),
        ("variable", "of_red", "red"),
    }
    assert all(each["answers"] for each in listed)
    for arguments, host in (
        ((), "nobodys-host"),
        (("--team", "red"), "red-host"),
        (("--team", "green"), "nobodys-host"),
    ):
        assert run("explain", "connection", "shared", *arguments)["host"] == host


def _check_all(deployment: Deployment, folder: Path, run: Callable[..., str]) -> None:
    """Run each command once, and check its main result."""
    airflow, pods = deployment.airflow, deployment.pods

    findings = json.loads(run(airflow, "doctor", "-o", "json"))["findings"]
    assert {each["code"] for each in findings if each["status"] == "warning"} == set()

    entries = json.loads(run(airflow, "list", "-o", "json"))["entries"]
    assert ("config", DATABASE_ID, True) in {(each["kind"], each["id"], each["answers"]) for each in entries}
    assert not [each for each in entries if each["problems"]]

    explained = json.loads(run(airflow, "explain", "connection", "warehouse", "-o", "json"))
    assert (explained["verdict"], explained["conn_type"]) == ("found", "postgres")

    assert f"namespace: {pods.namespace}" in run(airflow, "rbac", "--service-account", "airflow/airflow-worker")

    writer = pods.account(f"writer-{folder.name.replace('_', '-')}", "list", "get", "create", "patch")
    as_writer = airflow.with_variables(**pods.variables(writer))
    fields = ("--field", "conn_type=http", "--field", "host=written")
    conn_id = folder.name
    assert "(created)" in run(as_writer, "put", "connection", conn_id, *fields)
    assert _connection(airflow, conn_id)["host"] == "written"

    moved = f"moved_{conn_id}"
    airflow.output("connections", "add", moved, "--conn-uri", f"http://user:{SECRET}@moved")
    exported = json.loads(
        run(airflow, "export", "--from", "metadata-db", "-o", str(folder / "out"), "--report", "json")
    )
    assert exported["connections"]["written"] >= 1
    assert moved in "".join(file.read_text() for file in (folder / "out").rglob("*.yaml"))
    checked = json.loads(run(airflow, "check", str(folder / "out"), "-o", "json"))
    assert (checked["manifests"] >= 1, checked["problems"]) == (True, [])


def _connection(airflow: Airflow, conn_id: str) -> dict[str, Any]:
    """Return the output of `airflow connections get`. Airflow 3.2 logs to the same stream before it."""
    (found,) = json.loads(airflow.output("connections", "get", conn_id, "-o", "json").splitlines()[-1])
    return dict(found)


def _run(airflow: Airflow, *command: str) -> str:
    """Return the output of a command, which must succeed and contain no secret value."""
    done = airflow.command(*command)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}\n{done.stderr}"
    assert SECRET not in done.stdout + done.stderr
    return done.stdout
