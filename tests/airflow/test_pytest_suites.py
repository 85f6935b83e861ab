"""Whole test suites of other projects that use the devserver's pytest fixture, each in a process of its own.

The process has loaded libraries of Airflow, but nothing of Airflow itself, of pytest or of this project.
"""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

from support.airflow import ENVIRONMENTS, ROOT, Airflow
from support.warm import warm_python

# What each suite starts with. ``found`` looks up as a task does, and ``stored`` as a server of Airflow does.
BEGIN = {
    "3.3": """
from airflow.exceptions import AirflowNotFoundException
from airflow.models import Connection
from airflow.sdk import BaseHook, Variable

def found(conn_id):
    return BaseHook.get_connection(conn_id).host

def stored(conn_id):
    return Connection.get_connection_from_secrets(conn_id).host
""",
    "2.11": """
from airflow.exceptions import AirflowNotFoundException
from airflow.hooks.base import BaseHook
from airflow.models import Connection, Variable

def found(conn_id):
    return BaseHook.get_connection(conn_id).host

def stored(conn_id):
    return Connection.get_connection_from_secrets(conn_id).host
""",
}
SECRET = """
import pytest

def secret(host, name="app-db"):
    labels = {"airflow.apache.org/connection-id": name.replace("-", "_")}
    return {"metadata": {"name": name, "labels": labels}, "stringData": {"value": f"postgres://{host}/app"}}

def missing(conn_id="app_db"):
    for look in (found, stored):
        with pytest.raises(AirflowNotFoundException):
            look(conn_id)
"""


def late(text: str) -> str:
    """Return the code so that each test imports Airflow, after the fixture has started the server."""
    lines = [f"    {line}" if line else "" for line in text.splitlines()]
    return "\n".join(["def load():", *lines, "    globals().update(locals())", ""])


def run(version: str, tmp_path: Path, suite: str | dict[str, str], *arguments: str, **variables: str) -> str:
    """Run a suite, which must pass: the text of one file, or of several by name. Returns the output."""
    files = {"test_theirs.py": suite} if isinstance(suite, str) else suite
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    home = tmp_path / "home"
    home.mkdir()
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "devserver" / "src")])
    airflow = Airflow(version, home, {"PYTHONPATH": path, **variables})
    command = ["pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *arguments, *files]
    program = "import sys, pytest\nsys.exit(pytest.main())"
    done = warm_python(airflow.prefix).run(program, command, airflow.environment, 240, directory=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


TWO_TESTS = """
def test_one(kubernetes_devserver):
    kubernetes_devserver.apply(secret("one.example.com"))
    assert found("app_db") == stored("app_db") == "one.example.com"

def test_two(kubernetes_devserver):
    missing()
    kubernetes_devserver.apply(secret("two.example.com"))
    assert found("app_db") == stored("app_db") == "two.example.com"
"""


RESTORED = """
import os

def test_before():
    assert "AIRFLOW__SECRETS__BACKEND" not in os.environ
    missing()

def test_one(kubernetes_devserver):
    kubernetes_devserver.apply(secret("one.example.com"))
    assert kubernetes_devserver.environment().items() <= os.environ.items()
    kubernetes_devserver.apply({"metadata": {"name": "held", "namespace": "new", "finalizers": ["example.com/held"]}})
    assert found("app_db") == stored("app_db") == "one.example.com"

def test_without_the_fixture():
    assert "AIRFLOW__SECRETS__BACKEND" not in os.environ
    missing()

def test_three(kubernetes_devserver):
    missing()
    kubernetes_devserver.apply({"kind": "Namespace", "metadata": {"name": "new"}})
    kubernetes_devserver.apply({"metadata": {"name": "held", "namespace": "new"}, "type": "kubernetes.io/basic-auth",
        "stringData": {"username": "x", "password": "y"}})

def test_after():
    missing()
"""

LOGGED_ONCE = """
@pytest.mark.parametrize("number", range(2))
def test_it(number, kubernetes_devserver, caplog):
    empty = secret("x") | {"stringData": {"unknown": "x"}}
    kubernetes_devserver.apply(empty)
    missing()
    missing()
    [message] = [each.message for each in caplog.records if each.name.startswith("airflow_kubernetes_secrets")]
    assert "app-db" in message
"""

ONE_SERVER = """
servers = []

def test_one(kubernetes_devserver):
    servers.append(kubernetes_devserver)

def test_two(kubernetes_devserver):
    assert kubernetes_devserver is servers[0]
    kubernetes_devserver.stop()

def test_three(kubernetes_devserver):
    assert kubernetes_devserver is not servers[0]
    kubernetes_devserver.apply(secret("three.example.com"))
    assert found("app_db") == "three.example.com"
"""


def test_each_test_has_its_own_secrets_messages_and_server(version: str, tmp_path: Path) -> None:
    """Airflow is imported, and has been used, before the fixture is. Every change is undone after each test."""
    texts = {"restored": RESTORED, "two": TWO_TESTS, "logged_once": LOGGED_ONCE, "one_server": ONE_SERVER}
    suite = {f"test_{name}.py": BEGIN[version] + SECRET + text for name, text in texts.items()}

    assert "12 passed" in run(version, tmp_path, suite)


def test_airflow_is_imported_after_the_server_has_started(version: str, tmp_path: Path) -> None:
    text = late(BEGIN[version] + SECRET) + TWO_TESTS.replace("devserver):\n", "devserver):\n    load()\n")

    assert "2 passed" in run(version, tmp_path, text)


def test_a_project_keeps_its_own_backend(version: str, tmp_path: Path) -> None:
    """The backend of the project is configured in a file, and Airflow has loaded it before."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "connections.json").write_text('{"app_db": "postgres://theirs.example.com/app"}')
    text = """
from airflow import configuration

theirs = configuration.secrets_backend_list[0]

def test_before():
    assert stored("app_db") == "theirs.example.com"

def test_one(kubernetes_devserver):
    missing()
    kubernetes_devserver.apply(secret("one.example.com"))
    assert found("app_db") == stored("app_db") == "one.example.com"

def test_after():
    assert found("app_db") == stored("app_db") == "theirs.example.com"
    assert configuration.secrets_backend_list[0] is theirs
"""
    theirs = {
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": f'{{"connections_file_path": "{folder}/connections.json"}}',
        # Only Airflow 3 reads them, the last one for tasks.
        "AIRFLOW__SECRETS__BACKEND_KWARG__CONNECTIONS_FILE_PATH": f"{folder}/connections.json",
        "AIRFLOW__WORKERS__SECRETS_BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": f'{{"connections_file_path": "{folder}/connections.json"}}',
    }
    assert "3 passed" in run(version, tmp_path, BEGIN[version] + SECRET + text, **theirs)


def test_fixtures_of_a_wider_scope(version: str, tmp_path: Path) -> None:
    text = """
@pytest.fixture(scope="module")
def shared(kubernetes_devserver_session):
    kubernetes_devserver_session.apply(secret("shared.example.com", "shared"))
    return found("shared")

def test_one(shared, kubernetes_devserver, kubernetes_devserver_session):
    assert kubernetes_devserver is kubernetes_devserver_session
    assert shared == found("shared") == stored("shared") == "shared.example.com"
    kubernetes_devserver.delete("shared")
    kubernetes_devserver.apply(secret("one.example.com"))
    missing("shared")

def test_two(kubernetes_devserver, shared):
    missing()
    assert found("shared") == "shared.example.com"

def test_three(shared):
    assert found("shared") == stored("shared") == "shared.example.com"
"""
    assert "3 passed" in run(version, tmp_path, BEGIN[version] + SECRET + text)


def test_a_server_for_each_worker_of_xdist(tmp_path: Path) -> None:
    text = """
import pathlib, time

HERE = pathlib.Path(__file__).parent

@pytest.mark.parametrize("number", range(4))
def test_it(number, kubernetes_devserver, worker_id):
    (HERE / f"{worker_id}.port").write_text(str(kubernetes_devserver.port))
    deadline = time.monotonic() + 120
    while len(list(HERE.glob("*.port"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    missing()
    kubernetes_devserver.apply(secret(f"{number}.example.com"))
    assert found("app_db") == stored("app_db") == f"{number}.example.com"
"""
    # As ``-n 2``, but the workers have libraries of Airflow loaded too.
    python = warm_python(ENVIRONMENTS["3.3"]).commands("python") / "python"
    workers = ["--dist=load", f"--tx=2*popen//python={python}"]
    assert "4 passed" in run("3.3", tmp_path, BEGIN["3.3"] + SECRET + text, *workers)
    ports = {path.read_text() for path in tmp_path.glob("*.port")}
    assert len(ports) == 2


def test_the_example_of_the_readme(tmp_path: Path) -> None:
    text = (ROOT / "devserver" / "README.md").read_text(encoding="utf-8").partition("## Test your DAGs\n")[2]
    lines = [line for line in text.splitlines() if not line or line.startswith("    ")]

    assert "1 passed" in run("3.3", tmp_path, textwrap.dedent("\n".join(lines)))
