"""``mask_values``: what stands in Airflow's logs of what was read from a Secret."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path

import pytest

from support.airflow import BACKEND, Airflow, installed
from support.airflow_services import DAG_PROCESSOR, SCHEDULER, TRIGGERER, DagRun, records, running
from support.cluster import Cluster
from support.secrets import CONNECTION, VARIABLE, Put

NAMESPACE = "masking"

# Each value holds the mark, and no name gives away that it should be masked.
MARK = "mark"
CONNECTION_PARTS = {
    "conn_type": "http",
    "host": "host-mark.example.com",
    "login": "login-mark",
    "password": "word mark/@",
    "schema": "schema-mark",
    "extra": {"region": "region-mark", "deep": {"er": ["deep-mark"]}, "short": "mark"},
}
VARIABLES = {
    "greeting": "greeting-mark",
    "motd": "first-line-mark\n  second-line-mark\n",
    # JSON in JSON, as Google's hook has its key.
    "settings": json.dumps({"a": {"b": ["leaf-mark"]}, "c": json.dumps({"d": "inner-mark"})}),
}

# What is told of the values, in Airflow 2 and 3. A print of several lines is several records of the log.
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

# Three lookups of a kind, and the next come from memory.
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
        self.defer(trigger=TellingTrigger(), method_name="resumed", timeout=datetime.timedelta(seconds=30))

    def resumed(self, context, event):
        pass


with DAG("masking", schedule=None):

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
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent


class TellingTrigger(BaseTrigger):
    def serialize(self):
        return "telling_trigger.TellingTrigger", {}

    async def run(self):
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


def manifests(folder: Path) -> dict[str, object]:
    """A folder with the Secrets, and the options that read it."""
    folder.mkdir()
    secrets = [
        manifest("my-db", {CONNECTION: "my_db"}, json.dumps(CONNECTION_PARTS)),
        manifest("by-uri", {CONNECTION: "by_uri"}, "http://login-mark:hush@uri-mark.example.com"),
        manifest("half", {VARIABLE: "half"}, json.dumps({"a": "other-mark", "b": "\ud800half-mark"})),
        *(manifest(f"variable-{key}", {VARIABLE: key}, value) for key, value in VARIABLES.items()),
    ]
    (folder / "secrets.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets}))
    return {"path": str(folder)}


def manifest(name: str, labels: dict[str, str], value: str) -> dict[str, object]:
    data = {"value": b64encode(value.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "data": data}


@pytest.fixture(scope="module")
def run(devserver_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> DagRun:
    """A run of the DAG in Airflow 3, with all its processes."""
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
    with running(airflow, SCHEDULER, DAG_PROCESSOR, TRIGGERER) as services:
        return services.run_dag("masking")


def told(run: DagRun, task_id: str) -> list[str]:
    """The values in the log of the task, as it shows them."""
    events = [str(record["event"]) for record in records(run.tasks[task_id].log)]
    return [event.partition(": ")[2] for event in events if event.startswith("told")]


@pytest.mark.parametrize(("task_id", "count"), [("masked", 4 * 6 + 3), ("awaited", 4 * 6 + 1), ("deferred", 4)])
def test_a_log_has_nothing_that_was_read(run: DagRun, task_id: str, count: int) -> None:
    """Four lookups of the connection, each with all its parts: the last come from memory."""
    values = told(run, task_id)

    assert run.tasks[task_id].state == "success", run.tasks[task_id].log
    assert len(values) == count
    assert set(values) <= {"***", "http://***:***@***/***"}
    assert MARK not in run.tasks[task_id].log


def test_without_mask_values_it_has_all_of_it(run: DagRun) -> None:
    """By itself Airflow masks a password as it is, and not as it stands in a URI."""
    values = set(told(run, "plain"))

    assert {"host-mark.example.com", "login-mark", "schema-mark", "region-mark", "deep-mark"} <= values
    assert "http://login-mark:word%20mark%2F%40@host-mark.example.com/schema-mark" in values
    assert {"greeting-mark", "leaf-mark", "inner-mark"} <= values
    assert "second-line-mark" in run.tasks["plain"].log


@pytest.mark.skipif(not installed("2.11"), reason="Airflow 2.11 is not installed beside this one: `make environments`")
@pytest.mark.parametrize("mask_values", [True, False])
def test_the_same_in_airflow_2(mask_values: bool, tmp_path: Path) -> None:
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


# Airflow asks it for every text, its own options among them.
ADAPTER = """
def adapt(secret):
    if "mark" in secret:
        {}
    return secret
"""

# What Airflow's maskers would make of a text, in a process that is asked for it.
PROGRAM = """
import json, os, sys
import airflow.settings
from airflow_kubernetes_secrets import KubernetesSecretsBackend

try:
    from airflow.sdk._shared.secrets_masker import redact, reset_secrets_masker
    from airflow._shared.secrets_masker import redact as redact_of_core
except ImportError:
    from airflow.utils.log.secrets_masker import redact
    redact_of_core = redact

    def reset_secrets_masker():
        from airflow.utils.log.secrets_masker import _secrets_masker

        _secrets_masker().patterns, _secrets_masker().replacer = set(), None

airflow.settings.initialize()
backend = KubernetesSecretsBackend(**json.loads(sys.argv[1]))
"""


def test_a_fork_tells_the_masker_again(version: str, cluster: Cluster, tmp_path: Path) -> None:
    """Airflow empties the masker before it forks a task, which has its parent's Secrets in memory."""
    namespace = f"masking-{version.replace('.', '-')}"
    account = cluster.service_account(namespace, "airflow", {namespace: ["list", "watch"]})
    Put(cluster, namespace).variable("greeting", "greeting-mark")
    kwargs = {"service_account_path": str(account.folder), "cache_ttl": 60, "mask_values": True}
    program = f"""{PROGRAM}
for _ in range(4):
    assert backend.get_variable("greeting") == "greeting-mark"
print("parent", redact("greeting-mark"), redact_of_core("greeting-mark"))
reset_secrets_masker()
sys.stdout.flush()
if os.fork() == 0:
    assert backend.get_variable("greeting") == "greeting-mark"
    print("child", redact("greeting-mark"), redact_of_core("greeting-mark"))
    sys.stdout.flush()
    os._exit(0)
os.wait()
"""

    done = Airflow(version, tmp_path, cluster.pod_environment()).python(program, json.dumps(kwargs))

    assert done.stdout.splitlines()[-2:] == ["parent *** ***", "child *** ***"], done.stderr


def test_each_form_of_a_connection_is_masked(version: str, tmp_path: Path) -> None:
    """Of a text of four characters a log is full."""
    program = f"""{PROGRAM}
print("told", redact(backend.get_conn_value("by_uri")), redact("uri-mark.example.com"))
print("told", redact(backend.get_connection("by_uri").host))
print("told", redact(backend.get_connection("my_db").host), redact("word%20mark%2F%40"), redact("mark"))
"""
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}

    done = Airflow(version, tmp_path).python(program, json.dumps(kwargs))

    told = [line for line in done.stdout.splitlines() if line.startswith("told")]
    assert told == ["told *** uri-mark.example.com", "told ***", "told *** *** mark"], done.stderr


def test_what_no_log_takes_keeps_nothing_else_from_being_masked(version: str, tmp_path: Path) -> None:
    """JSON can spell half of a surrogate pair."""
    program = f"""{PROGRAM}
assert backend.get_variable("half") is not None
print("told", redact("other-mark"), redact("half-mark"))
"""
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}

    done = Airflow(version, tmp_path).python(program, json.dumps(kwargs))

    assert [line for line in done.stdout.splitlines() if line.startswith("told")] == ["told *** ***"], done.stderr


def test_a_masker_that_fails_fails_no_lookup(version: str, tmp_path: Path) -> None:
    """``[logging] secret_mask_adapter`` is the user's code, and runs for each text."""
    (tmp_path / "adapters.py").write_text(ADAPTER.format("raise RuntimeError(secret)"))
    variables = {"AIRFLOW__LOGGING__SECRET_MASK_ADAPTER": "adapters.adapt", "PYTHONPATH": str(tmp_path)}
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}
    program = f"""{PROGRAM}
for key in ("greeting", "motd", "greeting"):
    print(len(backend.get_variable(key)))
"""

    done = Airflow(version, tmp_path, variables).python(program, json.dumps(kwargs))

    lengths = [str(len(VARIABLES[key])) for key in ("greeting", "motd", "greeting")]
    assert done.stdout.splitlines()[-3:] == lengths, done.stderr
    warning = "mask_values: Airflow's masker did not take what is in Secret default/variable-greeting (RuntimeError)"
    assert (done.stdout + done.stderr).count(warning) == 1
    assert "greeting-mark" not in done.stdout + done.stderr


def test_a_secret_in_memory_is_registered_once(tmp_path: Path) -> None:
    """In a task that is a message to the process that writes the log."""
    (tmp_path / "adapters.py").write_text(ADAPTER.format("print('registered')"))
    variables = {"AIRFLOW__LOGGING__SECRET_MASK_ADAPTER": "adapters.adapt", "PYTHONPATH": str(tmp_path)}
    kwargs = {**manifests(tmp_path / "m"), "mask_values": True}
    program = f"""{PROGRAM}
for _ in range(3):
    backend.get_variable("greeting")
"""

    done = Airflow("2.11" if installed("2.11") else "3.3", tmp_path, variables).python(program, json.dumps(kwargs))

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("registered") == 1


# Far above what is measured. A thousand lines did not end.
SECONDS = 20.0


def costly(folder: Path) -> dict[str, object]:
    """A folder with values that have more texts than a masker could look for, and the options that read it."""
    folder.mkdir()
    lines = [f"line-{number:04}-".ljust(20 + number // 20, "x") for number in range(1_000)]
    extra = {f"key-{number}": f"value-{number}-".ljust(100, "x") for number in range(400)}
    connection = {
        "conn_type": "http",
        "host": "host-mark",
        "login": "login-mark",
        "password": "word-mark",
        "extra": extra,
    }
    secrets = [
        manifest("lines", {VARIABLE: "lines"}, "\n".join(lines)),
        manifest("short", {VARIABLE: "short"}, "\n".join(f"{number:08x}" for number in range(4_000))),
        manifest("leaves", {VARIABLE: "leaves"}, json.dumps([f"leaf-{number:06}" for number in range(100_000)])),
        manifest("deep", {VARIABLE: "deep"}, "[" * 100_000 + "]" * 100_000),
        manifest("long", {VARIABLE: "long"}, "x" * 1_000_000),
        manifest("wide", {VARIABLE: "wide"}, "\n".join(str(number % 10) * 800 for number in range(1_000))),
        manifest("large", {CONNECTION: "large"}, json.dumps(connection)),
    ]
    (folder / "secrets.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets}))
    return {"path": str(folder), "mask_values": True}


def test_of_many_texts_the_longest_are_masked(version: str, tmp_path: Path) -> None:
    """And of a connection what is short and says the most."""
    program = f"""{PROGRAM}
import time
began = time.process_time()
lines = backend.get_variable("lines").splitlines()
for key in ("short", "leaves", "deep", "long", "wide", "lines"):
    backend.get_variable(key)
print("took", time.process_time() - began < {SECONDS})
shown = [line for line in lines if redact(line) == line]
masked = set(lines) - set(shown)
print("told", len(masked), min(map(len, masked)) >= max(map(len, shown)))
connection = backend.get_connection("large")
print("told", redact(f"{{connection.login}} {{connection.host}}"))
"""

    done = Airflow(version, tmp_path).python(program, json.dumps(costly(tmp_path / "m")))

    told = [line for line in done.stdout.splitlines() if line.startswith(("told", "took"))]
    assert told == ["took True", "told 50 True", "told *** ***"], done.stderr
    output = done.stdout + done.stderr
    for name in ("lines", "short", "leaves", "long", "wide", "large"):
        assert output.count(f"mask_values: Secret default/{name} holds more than Airflow's masker has time for") == 1


def test_the_masker_never_has_more_than_it_can_look_for(version: str, tmp_path: Path) -> None:
    """Its pattern grows with every Secret of a process. Airflow 2.11 masks nothing more once it is too large."""
    folder = tmp_path / "m"
    folder.mkdir()
    secrets = [
        manifest(
            f"s-{number}",
            {VARIABLE: f"x{number}"},
            "\n".join(f"{number:03}-{line:03}".ljust(300, "x") for line in range(60)),
        )
        for number in range(6)
    ]
    last = {"conn_type": "http", "password": "word-mark"} | {
        name: f"{name}-mark".ljust(200, "x") for name in ("host", "login", "schema")
    }
    secrets += [manifest(f"l-{number}", {VARIABLE: f"long{number}"}, f"{number}" * 15_000) for number in range(7)]
    secrets.append(manifest("last", {CONNECTION: "last"}, json.dumps(last)))
    (folder / "secrets.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets}))
    program = f"""{PROGRAM}
import time
slowest = 0
for number in range(6):
    began = time.process_time()
    value = backend.get_variable(f"x{{number}}")
    slowest = max(slowest, time.process_time() - began)
print("took", slowest < {SECONDS})
print("told", any(redact(line) == "***" for line in value.splitlines()), redact("nothing of it"))
for number in range(7):
    backend.get_variable(f"long{{number}}")
connection = backend.get_connection("last")
shown = [name for name in ("host", "login", "schema") if redact(getattr(connection, name)) != "***"]
print("told", len(shown) > 0, redact(f"<{{connection.password}}>"))
"""

    done = Airflow(version, tmp_path / "home").python(program, json.dumps({"path": str(folder), "mask_values": True}))

    told = [line for line in done.stdout.splitlines() if line.startswith(("told", "took"))]
    assert told == ["took True", "told True nothing of it", "told True <***>"], done.stderr
    output = done.stdout + done.stderr
    warnings = re.findall("mask_values: this process has registered [0-9]+ characters.* Secret default/last ", output)
    assert len(warnings) == 1
