"""Which DAGs use each id, as the page shows it: in a real Airflow with DAGs in its database."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.ui.used_ids import ReportedId, UsedIds, UsedIdsCache, read_used_ids
from airflow_kubernetes_secrets.usage.uses import Position, Use
from support.airflow_ui import PAGE, AirflowUI, running_ui
from support.browser import PATIENCE_MS, PLUGIN, enter, framed
from support.cluster import Cluster
from support.team_secrets import TeamSecrets, airflow_of, team_secrets_on
from support.waiting import PATIENCE, until

READING_SECONDS = 120
DAG = """
from datetime import datetime
from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator
for name in ("etl", "private"):
    with DAG(name, start_date=datetime(2024, 1, 1), schedule=None):
        BashOperator(task_id="load", bash_command="echo {{ conn.app_db }} {{ conn.nowhere }}")
"""
PRIVATE = """
from datetime import datetime
from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("private_too", start_date=datetime(2024, 1, 1), schedule=None):
    BashOperator(task_id="load", bash_command="echo {{ conn.app_secretly }}")
"""
# No DAG is in this file.
HELPERS = """
from airflow.sdk import BaseHook
def helped():
    return BaseHook.get_connection("app_helped")
"""


@pytest.fixture(scope="module")
def team_secrets(devserver_cluster: Cluster) -> TeamSecrets:
    team_secrets = team_secrets_on(devserver_cluster)
    team_secrets.put("db", {"connection-id": "app_db"}, {"value": "postgres://h"})
    team_secrets.put("helped", {"connection-id": "app_helped"}, {"value": "postgres://h"})
    team_secrets.put("idle", {"connection-id": "app_idle"}, {"value": "postgres://h"})
    return team_secrets


@pytest.fixture(scope="module")
def ui(team_secrets: TeamSecrets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowUI]:
    airflow = airflow_of(team_secrets, tmp_path_factory.mktemp("used") / "home")
    airflow = airflow.with_variables(AIRFLOW__CORE__DAGS_FOLDER=str(airflow.home / "dags"))
    (airflow.home / "dags").mkdir(parents=True)
    (airflow.home / "dags" / "etl.py").write_text(DAG)
    (airflow.home / "dags" / "private.py").write_text(PRIVATE)
    (airflow.home / "dags" / "helpers.py").write_text(HELPERS)
    airflow.migrate()
    airflow.output("dags", "reserialize")
    with running_ui(airflow) as running:
        yield running


def entries(ui: AirflowUI, user: str, **wanted: Any) -> dict[str, Any]:
    """Return the entries once the DAGs have been read."""
    deadline = time.monotonic() + READING_SECONDS
    with ui.client(user) as client:
        while True:
            found: dict[str, Any] = client.get(f"{PAGE}api/entries", params={"refresh": True, **wanted}).json()
            if not found["reads_dags"]:
                return found
            assert time.monotonic() < deadline
            time.sleep(1)


def test_dags_that_use_each_entry(ui: AirflowUI) -> None:
    answer = entries(ui, "ada")

    used_by = {entry["id"]: (entry["used_by"], entry["use"]) for entry in answer["entries"]}
    assert used_by == {
        "app_db": ({"dags": ["etl", "private"], "count": 2}, ""),
        "app_helped": ({"dags": [], "count": 0}, ""),
        "app_idle": ({"dags": [], "count": 0}, "unused"),
    }
    assert answer["failures"] == []
    assert answer["total"] == 3


def test_ids_that_are_used_but_missing(ui: AirflowUI) -> None:
    answer = entries(ui, "ada", problem="used-but-missing")

    assert [(entry["id"], entry["secret"], entry["used_by"]["count"]) for entry in answer["entries"]] == [
        ("app_secretly", "", 1),
        ("nowhere", "", 2),
    ]
    assert answer["counts"]["problem"]["used-but-missing"] == 2
    assert answer["counts"]["problem"]["unused"] == 1


def test_a_user_sees_the_dags_that_airflow_shows(ui: AirflowUI) -> None:
    """The user cora may see no DAG whose id begins with `private`, and only connections that begin with `app`."""
    answer = entries(ui, "cora")
    assert {entry["id"]: entry["used_by"]["dags"] for entry in answer["entries"]} == {
        "app_db": ["etl"],
        "app_helped": [],
        "app_idle": [],
    }
    # Only a DAG that the user may not see names this id.
    assert entries(ui, "cora", problem="used-but-missing")["entries"] == []
    assert "used-but-missing" not in answer["counts"]["problem"]
    with ui.client("cora") as client:
        explanation = client.get(f"{PAGE}api/explanation", params={"kind": "connection", "id": "app_db"})
    assert "etl.load" in explanation.text
    assert "private" not in explanation.text


def test_a_file_without_a_dag_is_shown_to_a_user_who_sees_all_dags(ui: AirflowUI) -> None:
    entries(ui, "ada")
    for user, is_shown in (("ada", True), ("cora", False)):
        with ui.client(user) as client:
            explanation = client.get(f"{PAGE}api/explanation", params={"kind": "connection", "id": "app_helped"})
        assert ("helpers.py" in explanation.text) is is_shown


# It runs in the same process as the others that use this server, although only this test needs a browser.
@pytest.mark.together("tests/ui/test_used_ids.py")
def test_the_page_shows_dags_and_missing_ids(browser: Browser, ui: AirflowUI, team_secrets: TeamSecrets) -> None:
    entries(ui, "ada")
    page: Page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    enter(page, ui, "ada", PLUGIN)
    frame = framed(page)
    expect(frame.locator("#rows td.used_by").first).to_have_text("etl, private")
    frame.get_by_role("button", name="1 unused").click()
    expect(frame.locator("#rows .link")).to_have_text(["app_idle"])
    frame.get_by_role("button", name="2 used but missing").click()
    expect(frame.locator("#rows .link")).to_have_text(["app_secretly", "nowhere"])
    frame.locator("#rows .link").last.click()
    expect(frame.locator("#panel [data-verdict=not-found]")).to_be_visible()
    expect(frame.locator("#panel")).to_contain_text("etl.load")
    # The same command as that of `usage --missing`.
    command = f"airflow-kubernetes-secrets put connection nowhere --uri - --namespace {team_secrets.home}"
    expect(frame.locator("#panel .command code", has_text="put")).to_have_text(command)
    expect(frame.locator("#panel").get_by_role("button", name=f"Copy: {command}")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize(
    ("code", "why"),
    [("raise SystemExit(1)", "it failed"), ("import time; time.sleep(60)", "no result within 0.5 s")],
)
def test_failed_or_slow_process_is_reported(code: str, why: str) -> None:
    used = read_used_ids(code, 0.5 if "sleep" in code else 30)
    [failure] = used.failures
    assert why in failure
    assert "airflow-kubernetes-secrets usage" in failure
    assert not used.ids


def test_the_log_has_the_messages_of_the_command_only(caplog: pytest.LogCaptureFixture) -> None:
    """Other programs in the process, such as Airflow, may print a password."""
    code = "import sys; sys.exit('postgres://u:hunter2@h\\nairflow-kubernetes-secrets usage: no API server')"
    read_used_ids(code)
    [record] = [each for each in caplog.records if "which DAGs" in each.getMessage()]
    assert record.getMessage().endswith("it failed. airflow-kubernetes-secrets usage: no API server")
    assert "hunter2" not in caplog.text


def test_process_ends_after_its_parent_is_killed(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(written)!r}).write_text(str(os.getpid())); time.sleep(600)"
    program = f"from airflow_kubernetes_secrets.ui.used_ids import read_used_ids; read_used_ids({code!r}, 8)"
    starter = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: written.exists() and written.read_text() != "")
    starter.kill()
    starter.wait()
    until(lambda: not psutil.pid_exists(int(written.read_text())))


def test_unreadable_dag_files_are_only_counted() -> None:
    """Not every user may see the paths of DAGs."""
    document = {"ids": [], "unused": [], "failures": ["/dags/merger.py: it is not valid Python (line 3)"]}
    used = read_used_ids(f"print({json.dumps(document)!r})")
    [failure] = used.failures
    assert "1 failure)" in failure
    assert "merger" not in failure


def test_use_of_a_config_map() -> None:
    use = Use(Kind.VARIABLE, "region", "Variable.get", Position("etl.py", 3, ("etl",)))
    used = UsedIds([ReportedId(Lookup(Kind.VARIABLE, "region"), False, "ConfigMap n/same", [use])])
    entry = Entry(Kind.VARIABLE, "region", None, "n", "same", provides_value=True)
    assert used.uses_of_entry(entry) == ()
    assert used.uses_of_entry(replace(entry, object_kind="ConfigMap")) == [use]


def test_dags_are_read_later_if_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    cache = UsedIdsCache(UsedIds)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_more)
        assert cache.latest() is None
    until(lambda: cache.latest() is not None)


def test_requests_do_not_wait_while_dags_are_read() -> None:
    begun, go_on, times = threading.Event(), threading.Event(), []

    def read() -> UsedIds:
        times.append(1)
        begun.set()
        assert go_on.wait(PATIENCE)
        return UsedIds()

    cache = UsedIdsCache(read)
    assert cache.latest() is None
    assert begun.wait(PATIENCE)
    assert cache.latest() is None
    go_on.set()
    until(lambda: cache.latest() is not None)
    assert cache.latest() is not None
    assert times == [1]


def test_internal_error_is_reported_as_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)

    def read() -> UsedIds:
        raise ZeroDivisionError

    cache = UsedIdsCache(read)
    cache.latest()
    until(lambda: cache.latest() is not None)
    found = cache.latest()
    assert found is not None
    assert "internal error" in found.failures[0]


def test_refresh_retries_after_a_failure() -> None:
    """An outage of the database must not show for two minutes after its end."""
    results = iter((UsedIds(failures=["no database"]), UsedIds(), UsedIds(failures=["again"])))
    cache = UsedIdsCache(lambda: next(results))
    until(lambda: cache.latest() is not None)
    failed = cache.latest()
    assert failed is not None
    assert cache.latest() is failed

    cache.retry(failed)
    until(lambda: cache.latest() is not failed)
    fine = cache.latest()
    assert fine == UsedIds()

    # A result without failures, or one that is already replaced, causes no retry.
    cache.retry(fine)
    cache.retry(failed)
    assert cache.latest() is fine
    assert next(results).failures == ["again"]
