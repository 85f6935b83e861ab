"""Which process of Airflow queries Kubernetes, in a run of all of them. Tasks need no permissions for Secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.airflow import BACKEND, Airflow
from support.airflow_services import (
    API_SERVER,
    DAG_PROCESSOR,
    START_SECONDS,
    TRIGGERER,
    DagRun,
    records,
    running,
)
from support.cluster import Cluster
from support.proxy import Proxy
from support.secrets import Put
from support.servers import ONE_SERVER

# A fixture starts Airflow's services and runs DAGs.
pytestmark = pytest.mark.timeout(600)

NO_SECRETS = "airflow_kubernetes_secrets.NoSecretsBackend"
NAMESPACE = "airflow-workers"
TEAMS = ("red", "blue")
# The team whose DAG processor and triggerer have no permissions.
OUTSIDE = "outside"

# Tasks write their values to the log. The values are chosen so that Airflow does not mask them.
TASKS = """
import datetime
import json

from host_trigger import HostTrigger

from airflow.sdk import DAG, BaseOperator, Connection, Variable, task


def tell(**found):
    print("told", json.dumps(found))


class Deferred(BaseOperator):
    def execute(self, context):
        self.defer(trigger=HostTrigger("in_a_trigger"), method_name="resumed", timeout=datetime.timedelta(minutes=4))

    def resumed(self, context, event):
        tell(host=event)


with DAG("DAG_ID", schedule="@once", description=Variable.get("at_top_level", default="nothing")):

    @task
    def python():
        tell(host=Connection.get("in_python").host, variable=Variable.get("in_python"))

    @task
    def template(text):
        tell(text=text)

    @task
    def nowhere():
        tell(variable=Variable.get("nowhere", default="the default"))

    python()
    template("{{ conn.in_a_template.host }} {{ var.value.in_a_template }}")
    nowhere()
    Deferred(task_id="deferred")
"""

HOST_TRIGGER = """
import asyncio

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
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
        try:
            connection = await BaseHook.aget_connection(self.conn_id)
            host = connection.host
        except AirflowNotFoundException:
            host = "nothing"
        yield TriggerEvent(host)
"""

TEAM_TASKS = """
from airflow.sdk import DAG, Connection, Variable, task

with DAG("of_{team}", schedule="@once"):

    @task
    def python():
        import json

        mine = {{"host": Connection.get("shared").host, "variable": Variable.get("{other}_only", default="nothing")}}
        print("told", json.dumps(mine))

    python()
"""


@dataclass(frozen=True)
class Seen:
    """The results of one run of Airflow.

    Attributes:
        queried: what each process requested from the Kubernetes API, by the token of the process.
        runs: the DAG runs, by DAG.
        top_level: what the DAG processor read from a variable at the top level of the DAG file, by DAG.
    """

    queried: dict[str, set[str]]
    runs: dict[str, DagRun]
    top_level: dict[str, str]

    def told(self, dag_id: str, task_id: str) -> dict[str, Any]:
        """Return the values that the task printed."""
        lines = [record["event"] for record in records(self.runs[dag_id].tasks[task_id].log)]
        (told,) = [line.removeprefix("told ") for line in lines if line.startswith("told ")]
        found: dict[str, Any] = json.loads(told)
        return found


@pytest.fixture(scope="module", params=ONE_SERVER)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Use one run of Airflow for all tests on a server."""
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture(scope="module")
def seen(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Run all of Airflow.

    Of its processes, the API server and one DAG processor and triggerer may list Secrets, each with its own service
    account. The scheduler, which runs the tasks, may not, nor may the other DAG processor and triggerer.
    """
    put = Put(cluster, NAMESPACE)
    cluster.create_namespace(NAMESPACE)
    for conn_id in ("in_python", "in_a_template", "in_a_trigger"):
        put.connection(conn_id, f"http://{conn_id.replace('_', '-')}", name=conn_id.replace("_", "-"))
    for key in ("in_python", "in_a_template", "at_top_level"):
        put.variable(key, f"value {key}", name=f"variable-{key.replace('_', '-')}")
    for team in TEAMS:
        put.connection("shared", f"http://{team}-host", team, name=f"shared-{team}")
        put.variable(f"{team}_only", f"{team} value", team, name=f"only-{team}")
    home = tmp_path_factory.mktemp("workers") / "home"
    bundles = [
        bundle("tasks", home, None, TASKS.replace("DAG_ID", "tasks")),
        bundle(OUTSIDE, home, OUTSIDE, TASKS.replace("DAG_ID", OUTSIDE)),
    ]
    for team, other in zip(TEAMS, TEAMS[::-1], strict=True):
        bundles.append(bundle(f"of_{team}", home, team, TEAM_TASKS.format(team=team, other=other)))
    (home / "plugins").mkdir()
    (home / "plugins" / "host_trigger.py").write_text(HOST_TRIGGER)
    airflow = Airflow(
        "3.3",
        home,
        {
            "AIRFLOW__CORE__MULTI_TEAM": "True",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
            "AIRFLOW__SECRETS__BACKEND": NO_SECRETS,
            # The Helm chart's common environment passes these to every process.
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"namespace": NAMESPACE}),
        },
    )
    airflow.migrate()
    airflow.add_teams(*TEAMS, OUTSIDE)
    readers = (API_SERVER, DAG_PROCESSOR, TRIGGERER)
    with Proxy(cluster) as proxy:
        variables, tokens = {}, {}
        for program in readers:
            account = cluster.service_account(NAMESPACE, program, {NAMESPACE: ["list"]})
            tokens[account.token] = program
            kwargs = {"namespace": NAMESPACE, "service_account_path": str(proxy.folder(account))}
            variables[program] = {
                "AIRFLOW__SECRETS__BACKEND": BACKEND,
                "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
                **proxy.pod_environment(),
            }
        # No part of the API server queries more than tasks need.
        with running(airflow, variables=variables, apps="all") as services:
            dags = ("tasks", *(f"of_{team}" for team in TEAMS))
            services.spawn(DAG_PROCESSOR, *(f"--bundle-name={name}" for name in dags))
            services.spawn(TRIGGERER, "--skip-serve-logs")
            services.spawn(TRIGGERER, "--skip-serve-logs", f"--team-name={OUTSIDE}", name=f"{OUTSIDE}-{TRIGGERER}")
            description = "SELECT description FROM dag WHERE dag_id = ?"
            # A DAG processor that starts stores all bundles. Of two that start together, one fails, as they are stored.
            services.until("there is a DAG 'tasks'", lambda: services.rows(description, "tasks"), START_SECONDS)
            services.spawn(DAG_PROCESSOR, f"--bundle-name={OUTSIDE}", name=f"{OUTSIDE}-{DAG_PROCESSOR}")
            runs = {dag_id: services.ended_run(dag_id) for dag_id in (*dags, OUTSIDE)}
            top_level = {dag_id: services.rows(description, dag_id)[0][0] for dag_id in ("tasks", OUTSIDE)}
        queried: dict[str, set[str]] = {program: set() for program in readers}
        for request in proxy.requests:
            program = tokens[request.headers["authorization"].removeprefix("Bearer ")]
            (selector,) = request.query["labelSelector"]
            queried[program].add(selector.partition(",")[0].rpartition("/")[2])
    return Seen(queried, runs, top_level)


def bundle(name: str, home: Path, team: str | None, text: str) -> dict[str, Any]:
    """Return a DAG bundle with one file, in the format of Airflow's configuration."""
    folder = home / "dags" / name
    folder.mkdir(parents=True)
    (folder / f"{name}.py").write_text(text)
    return {
        "name": name,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(folder), "refresh_interval": 300},
        **({} if team is None else {"team_name": team}),
    }


def test_tasks_get_values_through_the_api_server(seen: Seen) -> None:
    assert seen.runs["tasks"].state == "success"
    assert seen.told("tasks", "python") == {"host": "in-python", "variable": "value in_python"}
    assert seen.told("tasks", "template") == {"text": "in-a-template value in_a_template"}
    assert seen.told("tasks", "nowhere") == {"variable": "the default"}
    # The other backend would log in each task that it cannot read Secrets.
    logs = [record for task in seen.runs["tasks"].tasks.values() for record in records(task.log)]
    assert not [record for record in logs if record.get("logger", "").startswith("airflow_kubernetes_secrets")]


def test_team_gets_only_its_own_secrets(seen: Seen) -> None:
    """The API server knows the team of a request. A worker that reads Secrets itself does not."""
    for team in TEAMS:
        assert seen.told(f"of_{team}", "python") == {"host": f"{team}-host", "variable": "nothing"}


def test_each_process_queries_only_what_it_needs(seen: Seen) -> None:
    """The API server looks up what tasks need. The DAG processor and the triggerer have their own lookups."""
    assert seen.top_level["tasks"] == "value at_top_level"
    assert seen.told("tasks", "deferred") == {"host": "in-a-trigger"}
    of_tasks = {
        # A worker parses the DAG file too.
        "variable-key=at_top_level",
        "connection-id=in_python",
        "variable-key=in_python",
        "connection-id=in_a_template",
        "variable-key=in_a_template",
        "variable-key=nowhere",
        "connection-id=shared",
        *(f"variable-key={team}_only" for team in TEAMS),
    }
    assert seen.queried[API_SERVER] == of_tasks
    assert seen.queried[DAG_PROCESSOR] == {"variable-key=at_top_level"}
    assert seen.queried[TRIGGERER] == {"connection-id=in_a_trigger"}


def test_dag_files_and_triggers_without_permissions_get_no_values(seen: Seen) -> None:
    """Unlike tasks, they do not use the API server."""
    assert seen.told(OUTSIDE, "python") == {"host": "in-python", "variable": "value in_python"}
    assert seen.top_level[OUTSIDE] == "nothing"
    assert seen.told(OUTSIDE, "deferred") == {"host": "nothing"}


@pytest.mark.parametrize(("section", "starts"), [("WORKERS__SECRETS_BACKEND", False), ("SECRETS__BACKEND", True)])
def test_workers_read_options_through_the_backend_in_secrets(
    section: str, starts: bool, devserver_cluster: Cluster, tmp_path: Path
) -> None:
    """A worker without permissions does not start if only ``[workers] secrets_backend`` is set."""
    account = devserver_cluster.service_account(NAMESPACE, "worker", {})
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"service_account_path": str(account.folder)}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET": "airflow-db",
        f"AIRFLOW__{section}": NO_SECRETS,
        **devserver_cluster.pod_environment(),
    }

    done = Airflow("3.3", tmp_path, variables).python("import airflow.sdk.execution_time.execute_workload")

    refusal = f"configuration option 'airflow-db': the service account 'worker' of namespace '{NAMESPACE}' may not list"
    assert (done.returncode == 0) is starts, done.stderr
    assert (refusal in done.stderr) is not starts


def test_no_secrets_backend_returns_none_and_accepts_any_option(tmp_path: Path) -> None:
    program = """
import asyncio
from airflow_kubernetes_secrets import NoSecretsBackend

backend = NoSecretsBackend(namespace="x", of_another_backend=1)
print([
    backend.get_conn_value("x"), backend.get_connection("x", "team"), asyncio.run(backend.aget_connection("x")),
    backend.get_variable("x", team_name="team"), backend.get_config("x"),
])
"""

    assert Airflow("3.3", tmp_path).python(program).stdout.splitlines()[-1] == str([None] * 5)


def test_no_secrets_backend_does_not_load_the_real_backend(tmp_path: Path) -> None:
    program = """
import json, sys
import airflow.configuration
print(json.dumps([module for module in sys.modules if module.startswith("airflow_kubernetes_secrets.")]))
"""

    done = Airflow("3.3", tmp_path, {"AIRFLOW__SECRETS__BACKEND": NO_SECRETS}).python(program)

    loaded = {module.partition(".")[2] for module in json.loads(done.stdout.splitlines()[-1])}
    # Airflow reads the information of every provider.
    assert loaded - {"backend.provider_info"} == {"backend", "backend.no_secrets", "version"}, done.stderr


@pytest.mark.parametrize("name", ["KubernetesSecretsBackend", "NoSecretsBackend"])
def test_program_can_import_the_configured_backend(version: str, name: str, tmp_path: Path) -> None:
    airflow = Airflow(version, tmp_path, {"AIRFLOW__SECRETS__BACKEND": f"airflow_kubernetes_secrets.{name}"})

    done = airflow.python(f"from airflow_kubernetes_secrets import {name}; print({name}().get_variable(''))")

    assert done.stdout.splitlines()[-1:] == ["None"], done.stderr
