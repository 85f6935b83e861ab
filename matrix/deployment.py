"""Runs Airflow as in a cluster: a service account for each process, PostgreSQL, and Secrets in their own namespace."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from matrix.postgres import Database
from support.airflow import BACKEND, ROOT, Airflow, matrix_environment
from support.airflow_services import (
    API_SERVER,
    DAG_PROCESSOR,
    SCHEDULER,
    START_SECONDS,
    TRIGGERER,
    Processes,
    on_loopback,
    options,
)
from support.cluster import Cluster, ServiceAccount
from support.kube_apiserver import NO_TLS
from support.ports import HOST, on_free_ports
from support.secrets import CONNECTION, Put

DAGS = ROOT / "matrix" / "dags"
PLUGINS = ROOT / "matrix" / "plugins"
NO_SECRETS = "airflow_kubernetes_secrets.NoSecretsBackend"
DATABASE_ID = "metadata-database"
RUN_SECONDS = 150.0

# Every password, and every variable that no log may show, contains this.
SECRET = "hunter2"


class Installed(Airflow):
    """An Airflow with the wheel installed, in the environment that `make matrix` has created."""

    @property
    def prefix(self) -> Path:
        return matrix_environment(self.version)


class Pods:
    """The service accounts of one Airflow, named as in the Helm chart, and the namespace of its Secrets."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._own = f"airflow-{name}"
        self.namespace = f"airflow-secrets-{name}"
        cluster.create_namespace(self.namespace)
        self.put = Put(cluster, self.namespace)

    def account(self, name: str, *verbs: str) -> ServiceAccount:
        """Create a service account with these verbs on the Secrets."""
        return self._cluster.service_account(self._own, f"airflow-{name}", {self.namespace: verbs})

    def reader(self, name: str) -> dict[str, str]:
        """Return the variables of a pod that reads Secrets, with the permissions in docs/how-to/permissions.md."""
        return self.variables(self.account(name, "list", "watch"))

    def variables(self, account: ServiceAccount) -> dict[str, str]:
        """Return the variables of a pod with this account."""
        kwargs = {
            "namespace": self.namespace,
            "service_account_path": str(account.folder),
            "cache_ttl": 60,
            "timeout": 3,
        }
        return {
            "AIRFLOW__SECRETS__BACKEND": BACKEND,
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
            **self._cluster.pod_environment(),
        }

    def put_fields(self, conn_id: str, conn_type: str, fields: Mapping[str, str]) -> None:
        """Create a Secret with a key for each field of a connection, as operators do."""
        metadata = {
            "name": f"{conn_id}-app",
            "namespace": self.namespace,
            "labels": {CONNECTION: conn_id},
            "annotations": {"airflow.apache.org/connection-type": conn_type},
        }
        data = {name: b64encode(value.encode()).decode() for name, value in fields.items()}
        self._cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


@dataclass(frozen=True)
class Deployment:
    """An Airflow whose DAGs have been run, and whose processes have ended.

    Attributes:
        airflow: runs the command line in the scheduler's pod.
        pods: the service accounts and the namespace of the Secrets.
        database: Airflow's own database.
    """

    airflow: Airflow
    pods: Pods
    database: Database

    def found(self, task: str) -> dict[str, Any]:
        """Return what a task has reported."""
        file = _found(self.airflow) / task
        assert file.exists(), f"the task {task} has reported nothing\n{self._logs_of_tasks()}"
        reported: dict[str, Any] = json.loads(file.read_text())
        return reported

    def state(self, dag_id: str) -> str:
        """Return the state of the only run of the DAG, from the database."""
        return _state(self.database, dag_id)

    def logs(self) -> dict[Path, str]:
        """Return all logs of Airflow, by file."""
        files = [file for file in self.airflow.home.rglob("*.log") if file.is_file()]
        return {file: file.read_text(errors="replace") for file in files}

    def _logs_of_tasks(self) -> str:
        texts = {file: text for file, text in self.logs().items() if "task_id=" in str(file)}
        return "\n".join(f"--- {file}\n{text[-3000:]}" for file, text in texts.items())


def with_permissions(airflow: Airflow, cluster: Cluster, database: Database, warehouse: Database) -> Deployment:
    """Run the DAG of all lookups. Every process reads Secrets itself, including that of the database."""
    pods = Pods(cluster, airflow.version.replace(".", "-"))
    pods.put.config(DATABASE_ID, f"{database.url}\n")
    pods.put.connection("in_python", f"postgres://user:{SECRET}@in-python:8080/path")
    pods.put.connection("in_a_template", json.dumps({"conn_type": "http", "host": "in-a-template"}))
    pods.put.connection("in_a_trigger", f"http://user:{SECRET}@in-a-trigger")
    fields = {
        "username": warehouse.name,
        "password": warehouse.password,
        "host": warehouse.postgres.host,
        "port": str(warehouse.postgres.port),
        "dbname": warehouse.name,
    }
    pods.put_fields("warehouse", "postgres", fields)
    pods.put.variable("in_python", f"{SECRET} in_python")
    # Airflow 3.0 logs rendered templates, and masks only variables with certain names in them.
    pods.put.variable("in_a_template", "in_a_template")
    pods.put.variable("as_json", '{"region": "somewhere"}')
    pods.put.variable("at_top_level", "read at the top level")
    programs = (*_api_server(airflow), DAG_PROCESSOR, TRIGGERER, SCHEDULER)
    variables = {program: pods.reader(program) for program in programs}
    airflow = airflow.with_variables(
        AIRFLOW__CORE__DAGS_FOLDER=str(DAGS / "lookups"),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET=DATABASE_ID,
        AIRFLOW__CORE__TEST_CONNECTION="Enabled",
        **variables[SCHEDULER],
    )
    with _running(airflow, programs, variables) as processes:

        def done() -> bool:
            return _has_ended(database, "lookups") and bool(_description(database, "at_top_level"))

        processes.until("the DAG 'lookups' has run, and 'at_top_level' is read", done, RUN_SECONDS)
        return Deployment(processes.airflow, pods, database)


def without_permissions(airflow: Airflow, cluster: Cluster, database: Database, team: str | None) -> Deployment:
    """Run DAGs whose tasks query the API server, which alone may read Secrets. A team has its own DAG and executor."""
    pods = Pods(cluster, f"{airflow.version.replace('.', '-')}-api-server")
    pods.put.connection("shared", "http://nobodys-host")
    pods.put.variable("nobodys", "for all")
    for each in ("red", "blue"):
        pods.put.connection("shared", f"http://{each}-host", each)
        pods.put.variable(f"of_{each}", f"{each} value", each)
    bundles = [_bundle("nobody", None), *([_bundle(team, team)] if team else [])]
    airflow = airflow.with_variables(
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps(bundles),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=database.url,
        AIRFLOW__SECRETS__BACKEND=NO_SECRETS,
        **({"AIRFLOW__CORE__MULTI_TEAM": "True"} if team else {}),
    )
    variables = {API_SERVER: pods.reader(API_SERVER)}
    with _running(airflow, (API_SERVER, DAG_PROCESSOR, SCHEDULER), variables, team) as processes:

        def done() -> bool:
            return all(_has_ended(database, f"of_{bundle['name']}") for bundle in bundles)

        processes.until("the DAGs have run", done, RUN_SECONDS)
        return Deployment(processes.airflow.with_variables(**variables[API_SERVER]), pods, database)


def _api_server(airflow: Airflow) -> tuple[str, ...]:
    # The tasks of Airflow 2 use the database, so it needs no API server.
    return () if airflow.version == "2.11" else (API_SERVER,)


def _bundle(name: str, team: str | None) -> dict[str, Any]:
    """Return a DAG bundle in the format of Airflow's configuration."""
    return {
        "name": name,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(DAGS / name), "refresh_interval": 300},
        **({} if team is None else {"team_name": team}),
    }


@contextmanager
def _running(
    airflow: Airflow, programs: tuple[str, ...], variables: Mapping[str, Mapping[str, str]], team: str | None = None
) -> Iterator[Processes]:
    """Create the database and run these programs. At the end all of their processes have ended."""
    _found(airflow).mkdir(parents=True)
    airflow = airflow.with_variables(
        AIRFLOW__CORE__PLUGINS_FOLDER=str(PLUGINS),
        FOUND=str(_found(airflow)),
        # Without this option Airflow 2 parses DAG files in the scheduler.
        **({"AIRFLOW__SCHEDULER__STANDALONE_DAG_PROCESSOR": "True"} if airflow.version == "2.11" else {}),
    )
    airflow.output("db", "migrate")
    if team is not None:
        airflow.output("teams", "create", team)
    processes = Processes(airflow, variables)

    def start(port: int) -> None:
        # End the processes of an earlier attempt, which had another port.
        processes.stop()
        processes.airflow = on_loopback(airflow, port)
        if team is not None:
            processes.airflow = _with_executor_of(processes.airflow, team)
        for program in programs:
            # The scheduler is started last: its tasks need the API server.
            if program == SCHEDULER and API_SERVER in programs:
                processes.until("the API server responds", lambda: _responds(port), START_SECONDS)
            processes.spawn(program, *options(program, port))

    try:
        on_free_ports(1, start)
        yield processes
    finally:
        processes.stop()


def _with_executor_of(airflow: Airflow, team: str) -> Airflow:
    """Add an executor for the team's tasks. Its options are read only from variables that name the team."""
    option = "CORE__EXECUTION_API_SERVER_URL"
    return airflow.with_variables(
        AIRFLOW__CORE__EXECUTOR=f"LocalExecutor;{team}=LocalExecutor",
        **{f"AIRFLOW__{team.upper()}___{option}": airflow.variables[f"AIRFLOW__{option}"]},
    )


def _responds(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://{HOST}:{port}/api/v2/version", verify=NO_TLS, timeout=5).is_success
    return False


def _found(airflow: Airflow) -> Path:
    return airflow.home / "found"


def _has_ended(database: Database, dag_id: str) -> bool:
    return _state(database, dag_id) in ("success", "failed")


def _state(database: Database, dag_id: str) -> str:
    rows = database.rows(f"SELECT state FROM dag_run WHERE dag_id = '{dag_id}'")
    return rows[0][0] if rows else "no run"


def _description(database: Database, dag_id: str) -> str:
    rows = database.rows(f"SELECT description FROM dag WHERE dag_id = '{dag_id}'")
    return rows[0][0] if rows else ""
