"""The effect of ``on_error`` in all processes of Airflow while the Kubernetes API is unavailable."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.airflow import BACKEND, Airflow
from support.airflow_services import API_SERVER, DAG_PROCESSOR, SCHEDULER, TRIGGERER, DagRun, records, running
from support.kube_apiserver import write_certificates
from support.requirements import needs_airflow

# A fixture starts Airflow's services and runs DAGs.
pytestmark = pytest.mark.timeout(600)

DENIED = "AirflowSecretsBackendAccessDenied"

# The ids name the other sources that contain them. No lookup can read Kubernetes.
LOOKUPS = """
import datetime
import json
import os

from host_trigger import HostTrigger

from airflow.sdk import DAG, BaseOperator, Connection, Variable, task


def tell(**lookups):
    for name, lookup in lookups.items():
        try:
            found = lookup()
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        print("told", json.dumps({name: found}))


class Deferred(BaseOperator):
    def execute(self, context):
        self.defer(trigger=HostTrigger("in_env"), method_name="resumed", timeout=datetime.timedelta(minutes=4))

    def resumed(self, context, event):
        print("told", json.dumps({"host": event}))


with DAG("lookups", schedule="@once"):

    @task
    def everywhere():
        tell(
            connection_in_env=lambda: Connection.get("in_env").host,
            connection_in_db=lambda: Connection.get("in_db").host,
            variable_in_env=lambda: Variable.get("in_env"),
            variable_in_db=lambda: Variable.get("in_db"),
            variable_nowhere=lambda: Variable.get("nowhere", default="the default"),
        )

    @task(retries=1, retry_delay=datetime.timedelta(0))
    def uncaught():
        print("told", json.dumps({"host": Connection.get("in_env").host}))

    @task
    def template(text):
        print("told", json.dumps({"text": text}))

    @task
    def api_server_alone():
        # As `[workers] secrets_backend` would be for a worker that does not know Kubernetes.
        os.environ["AIRFLOW__WORKERS__SECRETS_BACKEND"] = (
            "airflow.secrets.environment_variables.EnvironmentVariablesBackend"
        )
        tell(
            connection=lambda: Connection.get("asked_of_the_api_server").host,
            variable=lambda: Variable.get("asked_of_the_api_server", default="the default"),
        )

    everywhere()
    uncaught()
    template("{{ conn.in_env.host }} {{ var.value.in_env }}")
    api_server_alone()
    Deferred(task_id="deferred")
"""

TOP_LEVEL = """
from airflow.sdk import DAG, Variable

with DAG("top_level", schedule=None, description=Variable.get("in_env")):
    pass
"""

HOST_TRIGGER = """
import asyncio

from airflow.sdk import BaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent


class HostTrigger(BaseTrigger):
    def __init__(self, conn_id):
        super().__init__()
        self.conn_id = conn_id

    def serialize(self):
        return "host_trigger.HostTrigger", {"conn_id": self.conn_id}

    async def run(self):
        # If a trigger ends before the scheduler has noticed that the worker deferred the task, Airflow fails the task.
        await asyncio.sleep(3)
        connection = await BaseHook.aget_connection(self.conn_id)
        yield TriggerEvent(connection.host)
"""


@dataclass(frozen=True)
class Outage:
    """The results of Airflow with one ``on_error``, while nothing listened at the port of the Kubernetes API.

    Attributes:
        airflow: runs the command line with the same database.
        run: the run of the DAG ``lookups``.
        top_level: the description of the DAG that reads it from a variable, or why the file could not be parsed.
        api_server_log: the log of the API server.
        scheduler_log: the log of the scheduler and its workers.
    """

    airflow: Airflow
    run: DagRun
    top_level: str
    api_server_log: str = field(repr=False)
    scheduler_log: str = field(repr=False)

    def told(self, task_id: str) -> dict[str, Any]:
        """Return the values that the task printed."""
        lines = [record["event"] for record in records(self.run.tasks[task_id].log)]
        printed = [json.loads(line.removeprefix("told ")) for line in lines if line.startswith("told ")]
        return {name: value for each in printed for name, value in each.items()}

    def errors(self, task_id: str) -> list[tuple[str, str]]:
        """Return type and message of the exceptions in the task's log, without their causes."""
        details = [
            record["error_detail"] for record in records(self.run.tasks[task_id].log) if "error_detail" in record
        ]
        return [(outermost["exc_type"], outermost["exc_value"]) for outermost, *_ in details]


@pytest.fixture(scope="module")
def refusing_port() -> Iterator[int]:
    """Return a port that refuses connections and that no other program gets: it is bound, and nothing listens on it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="module")
def outage_with_next(tmp_path_factory: pytest.TempPathFactory, refusing_port: int) -> Outage:
    return outage(away(tmp_path_factory.mktemp("next"), refusing_port, "next"))


@pytest.fixture(scope="module")
def outage_with_deny(tmp_path_factory: pytest.TempPathFactory, refusing_port: int) -> Outage:
    return outage(away(tmp_path_factory.mktemp("deny"), refusing_port, "deny"))


def outage(airflow: Airflow) -> Outage:
    """Run all of Airflow and the DAGs above."""
    for name, text in {
        "dags/lookups.py": LOOKUPS,
        "dags/top_level.py": TOP_LEVEL,
        "plugins/host_trigger.py": HOST_TRIGGER,
    }.items():
        file = airflow.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    airflow.migrate()
    airflow.add_connections("db-host", "in_db", "asked_of_the_api_server")
    airflow.add_variable("in_db", "db-value")
    with running(airflow, DAG_PROCESSOR, TRIGGERER) as services:
        run = services.ended_run("lookups")
        result = (
            "SELECT stacktrace FROM import_error WHERE filename = 'top_level.py' "
            "UNION ALL SELECT description FROM dag WHERE dag_id = 'top_level'"
        )
        read = services.until("the DAG processor has read top_level.py", lambda: services.rows(result), 30)
        return Outage(services.airflow, run, read[0][0], services.log(API_SERVER), services.log(SCHEDULER))


def away(folder: Path, port: int, on_error: str, version: str = "3.3") -> Airflow:
    """Return an Airflow as in a pod, with nothing at the port of the Kubernetes API."""
    account = folder / "serviceaccount"
    account.mkdir()
    write_certificates(account)
    (account / "token").write_text("a-token")
    (account / "namespace").write_text("airflow")
    kwargs = {"service_account_path": str(account), "timeout": 3, "on_error": on_error}
    return Airflow(
        version,
        folder / "home",
        {
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "home" / "dags"),
            "AIRFLOW__SECRETS__BACKEND": BACKEND,
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
            "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MIN": "0.1",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "0.1",
            "AIRFLOW_CONN_IN_ENV": "http://env-host",
            "AIRFLOW_VAR_IN_ENV": "env-value",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(port),
        },
    )


def test_next_continues_with_the_environment_and_the_database(outage_with_next: Outage) -> None:
    assert outage_with_next.told("everywhere") == {
        "connection_in_env": "env-host",
        "connection_in_db": "db-host",
        "variable_in_env": "env-value",
        "variable_in_db": "db-value",
        "variable_nowhere": "the default",
    }
    assert outage_with_next.told("uncaught") == {"host": "env-host"}
    assert outage_with_next.told("template") == {"text": "env-host env-value"}
    assert outage_with_next.told("api_server_alone") == {"connection": "db-host", "variable": "the default"}
    assert outage_with_next.run.state == "success"


def test_next_continues_in_the_triggerer_and_the_dag_processor(outage_with_next: Outage) -> None:
    assert outage_with_next.told("deferred") == {"host": "env-host"}
    assert outage_with_next.top_level == "env-value"


def test_next_continues_in_the_command_line(outage_with_next: Outage) -> None:
    assert "env-host" in outage_with_next.airflow.output("connections", "get", "in_env")
    assert outage_with_next.airflow.output("variables", "get", "in_db").splitlines()[-1] == "db-value"


def test_deny_ends_every_lookup_of_a_task_with_the_cause(outage_with_deny: Outage) -> None:
    """Neither the environment, nor the database, nor a default value is used."""
    told = outage_with_deny.told("everywhere")

    assert len(told) == 5
    for name, found in told.items():
        kind, _, where = name.partition("_")
        assert found.startswith(f"{DENIED}: {kind} '{where}': the Kubernetes API at 127.0.0.1:")
        assert "connection refused" in found


def test_deny_fails_the_task_as_any_exception_does(outage_with_deny: Outage) -> None:
    uncaught = outage_with_deny.run.tasks["uncaught"]

    assert (uncaught.state, uncaught.tries) == ("failed", 2)
    assert [kind for kind, _ in outage_with_deny.errors("uncaught")] == [DENIED] * 2


def test_deny_fails_a_template(outage_with_deny: Outage) -> None:
    assert outage_with_deny.run.tasks["template"].state == "failed"
    kind, text = outage_with_deny.errors("template")[-1]
    assert kind == DENIED
    assert text.startswith("connection 'in_env': the Kubernetes API")


def test_deny_fails_the_deferred_task_with_the_cause(outage_with_deny: Outage) -> None:
    deferred = outage_with_deny.run.tasks["deferred"]

    assert deferred.state == "failed"
    assert ("TaskDeferralError", "Trigger failure") in outage_with_deny.errors("deferred")
    assert f"{DENIED}: connection 'in_env': the Kubernetes API" in deferred.log


def test_deny_in_the_api_server_alone_is_an_internal_error_and_then_a_miss(outage_with_deny: Outage) -> None:
    """Airflow's API server has no response for a denial. The worker tries five times, and then treats it as a miss."""
    assert outage_with_deny.told("api_server_alone") == {
        "connection": "AirflowNotFoundException: The conn_id `asked_of_the_api_server` isn't defined",
        "variable": "the default",
    }
    answers = [
        line.rpartition("status_code=")[2]
        for line in outage_with_deny.api_server_log.splitlines()
        if "path=/execution/connections/asked_of_the_api_server " in line
    ]
    assert set(answers) == {"500"}
    # The API server closes the connection after this response. If that takes longer than the worker's pause, an attempt
    # fails on the closed connection, and the API server logs nothing. So the attempts are counted in the worker's log,
    # where each repeated attempt names the one before: five for the connection, and five for the variable.
    for number, count in {"4th": 2, "5th": 0}.items():
        assert outage_with_deny.scheduler_log.count(f"this is the {number} time calling it") == count, number


def test_deny_is_an_import_error_of_the_dag_file(outage_with_deny: Outage) -> None:
    last = outage_with_deny.top_level.strip().splitlines()[-1]

    assert last.startswith(f"airflow.sdk.exceptions.{DENIED}: variable 'in_env': the Kubernetes API")


@pytest.mark.parametrize("kind", ["connection", "variable"])
def test_deny_ends_the_command_line_with_the_cause(outage_with_deny: Outage, kind: str) -> None:
    done = outage_with_deny.airflow.run(f"{kind}s", "get", "in_env")

    assert done.returncode == 1
    assert f"{DENIED}: {kind} 'in_env': the Kubernetes API" in done.stderr
    assert "env-" not in done.stdout


@needs_airflow("2.11")
def test_airflow_without_deny_support_continues_with_a_warning(tmp_path: Path, refusing_port: int) -> None:
    airflow = away(tmp_path, refusing_port, "deny", version="2.11")
    (airflow.home / "dags").mkdir(parents=True)

    done = airflow.run("variables", "get", "in_env", "--verbose")

    assert done.returncode == 0, done.stderr
    assert "env-value" in done.stdout
    assert "on_error is 'deny', which this version of Airflow does not support: after" in done.stdout + done.stderr
