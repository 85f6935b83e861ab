"""``mask_values``: what Airflow's logs show in place of values from a Secret."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.airflow import BACKEND, Airflow
from support.airflow_services import DAG_PROCESSOR, TRIGGERER, DagRun, records, running
from support.cluster import Cluster
from support.masking import CONNECTION_PARTS, MARK, VARIABLES, manifests
from support.requirements import needs_airflow
from support.secrets import Put

# A fixture starts Airflow's services and runs DAGs.
pytestmark = pytest.mark.timeout(600)

NAMESPACE = "masking"

# Prints the values, in Airflow 2 and 3. A print of several lines is several records of the log.
TELL = """
def tell_connection(conn, where):
    deep = conn.extra_dejson["deep"]["er"][0]
    for name in ("host", "login", "schema"):
        print(f"told {where} {name}: {getattr(conn, name)}")
    print(f"told {where} region: {conn.extra_dejson['region']}")
    print(f"told {where} deep: {deep}")
    print(f"told {where} uri: {conn.get_uri().partition('?')[0]}")


def tell_variables(Variable):
    print(f"told variable greeting: {Variable.get('greeting')}")
    print(Variable.get("motd"))
    settings = Variable.get("settings", deserialize_json=True)
    print(f"told variable leaf: {settings['a']['b'][0]}")
    print(f"told variable inner: {json.loads(settings['c'])['d']}")
"""

# Three lookups of a kind; later ones come from memory.
DAG_3 = (
    """
import asyncio
import datetime
import json
import os

from telling_trigger import TellingTrigger

from airflow.sdk import DAG, BaseHook, BaseOperator, Connection, Variable, task
"""
    + TELL
    + """

def tell():
    for number in range(4):
        tell_connection(Connection.get("my_db"), number)
    tell_variables(Variable)


class Deferred(BaseOperator):
    def execute(self, context):
        self.defer(trigger=TellingTrigger(), method_name="resumed", timeout=datetime.timedelta(minutes=4))

    def resumed(self, context, event):
        pass


with DAG("masking", schedule="@once"):

    @task
    def masked():
        tell()

    @task
    def plain():
        name = "AIRFLOW__SECRETS__BACKEND_KWARGS"
        os.environ[name] = json.dumps({**json.loads(os.environ[name]), "mask_values": False})
        tell()

    @task
    async def awaited():
        for number in range(4):
            tell_connection(await BaseHook.aget_connection("my_db"), number)
        # While others speak to the process that writes the log, this one comes from memory for the first time.
        others = [asyncio.create_task(BaseHook.aget_connection("my_db")) for _ in range(30)]
        await asyncio.sleep(0.002)
        second = await BaseHook.aget_connection("second_db")
        await asyncio.gather(*others)
        print(f"told second host: {second.host}")

    masked()
    plain()
    awaited()
    Deferred(task_id="deferred")
"""
)

TELLING_TRIGGER = """
import asyncio

from airflow.sdk import BaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent


class TellingTrigger(BaseTrigger):
    def serialize(self):
        return "telling_trigger.TellingTrigger", {}

    async def run(self):
        # If a trigger ends before the scheduler has noticed that the worker deferred the task, Airflow fails the task.
        await asyncio.sleep(3)
        for number in range(4):
            connection = await BaseHook.aget_connection("my_db")
            self.log.info("told %s host: %s", number, connection.host)
        yield TriggerEvent("done")
"""

DAG_2 = (
    """
import datetime
import json

from airflow import DAG
from airflow.decorators import task
from airflow.hooks.base import BaseHook
from airflow.models import Variable
"""
    + TELL
    + """

with DAG("masking", schedule=None, start_date=datetime.datetime(2024, 1, 1)):

    @task
    def tell():
        for number in range(4):
            tell_connection(BaseHook.get_connection("my_db"), number)
        tell_variables(Variable)

    tell()
"""
)


@dataclass(frozen=True)
class Logs:
    """The run of the DAG, and the log of the triggerer.

    The triggerer drops a trigger when it has ended. A record of the trigger that it reads after that is in its
    own log, not in that of the task (``TriggerRunnerSupervisor.logger_cache``).
    """

    run: DagRun
    triggerer: str

    def of(self, task_id: str) -> str:
        return self.run.tasks[task_id].log

    def told(self, task_id: str) -> list[str]:
        """Return the values that the task has printed."""
        events = [str(record["event"]) for record in records(self.of(task_id))]
        return [event.partition(": ")[2] for event in events if event.startswith("told")]

    def told_late(self) -> list[str]:
        """Return the values that the trigger has printed and that are in the log of the triggerer."""
        return re.findall(r"told \d host: (\S+)", self.triggerer)


@pytest.fixture(scope="module")
def logs(devserver_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """Run the DAG in Airflow 3, with all its processes."""
    put = Put(devserver_cluster, NAMESPACE)
    account = devserver_cluster.service_account(NAMESPACE, "airflow", {NAMESPACE: ["list", "watch"]})
    put.connection("my_db", json.dumps(CONNECTION_PARTS))
    put.connection("second_db", "http://second-mark.example.com")
    for key, value in VARIABLES.items():
        put.variable(key, value)
    home = tmp_path_factory.mktemp("masking") / "home"
    kwargs = {"service_account_path": str(account.folder), "cache_ttl": 60, "mask_values": True}
    for name, text in {"dags/masking.py": DAG_3, "plugins/telling_trigger.py": TELLING_TRIGGER}.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    airflow = Airflow(
        "3.3",
        home,
        {
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__SECRETS__BACKEND": BACKEND,
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
            **devserver_cluster.pod_environment(),
        },
    )
    with running(airflow, DAG_PROCESSOR, TRIGGERER) as services:
        run = services.ended_run("masking")
    return Logs(run, services.log(TRIGGERER))


@pytest.mark.parametrize(("task_id", "count"), [("masked", 4 * 6 + 3), ("awaited", 4 * 6 + 1), ("deferred", 4)])
def test_log_contains_no_values(logs: Logs, task_id: str, count: int) -> None:
    """The connection is looked up four times, each with all its fields; the last values come from memory."""
    values = logs.told(task_id)
    if task_id == "deferred":
        values += logs.told_late()

    assert logs.run.tasks[task_id].state == "success", logs.of(task_id)
    assert len(values) == count
    assert set(values) <= {"***", "http://***:***@***/***"}
    assert MARK not in logs.of(task_id)
    assert MARK not in logs.triggerer


def test_log_without_mask_values_contains_all_values(logs: Logs) -> None:
    """By default Airflow masks a password as it is, but not its percent-encoded form in a URI."""
    values = set(logs.told("plain"))

    assert {"host-mark.example.com", "login-mark", "schema-mark", "region-mark", "deep-mark"} <= values
    assert "http://login-mark:word%20mark%2F%40@host-mark.example.com/schema-mark" in values
    assert {"greeting-mark", "leaf-mark", "inner-mark"} <= values
    assert "second-line-mark" in logs.of("plain")


@needs_airflow("2.11")
@pytest.mark.parametrize("mask_values", [True, False])
def test_masking_in_airflow_2(mask_values: bool, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "masking.py").write_text(DAG_2)
    airflow = Airflow(
        "2.11",
        tmp_path,
        {
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
            "AIRFLOW__SECRETS__BACKEND": BACKEND,
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({**manifests(tmp_path / "m"), "mask_values": mask_values}),
        },
    )
    airflow.migrate()

    output = airflow.output("tasks", "test", "masking", "tell")

    values = {line.partition(": ")[2] for line in output.splitlines() if line.startswith("told")}
    if mask_values:
        assert values == {"***", "http://***:***@***/***"}
        assert MARK not in output
    else:
        assert {"host-mark.example.com", "deep-mark", "greeting-mark", "leaf-mark"} <= values
