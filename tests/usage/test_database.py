"""``usage`` reads the DAGs, connections and variables in a real metadata database."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.airflow import BACKEND, DATABASE, Airflow
from support.requirements import require_airflow

DAG = """
import os
from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator
NAME = os.environ.get("NOWHERE", "computed")
with DAG("etl", start_date=datetime(2024, 1, 1), schedule=None, default_args={"smtp_conn_id": "mail"}):
    BashOperator(task_id="load", bash_command="echo {{ var.value.plain }}")
    BashOperator(task_id="name", bash_command=f"echo {{{{ var.value.{NAME} }}}}")
    BashOperator(task_id="open", bash_command="echo {{ var.value[params.x] }}")
    BashOperator.partial(task_id="mapped").expand(bash_command=["echo {{ var.value.mapped }}"])
"""

# Stores two versions of the DAG. One process runs all commands, because Airflow takes longer to start.
PREPARE = """
import sys
from pathlib import Path
from airflow.__main__ import main

file, earlier, current, version = sys.argv[1:]

def airflow(*arguments):
    sys.argv = ["airflow", *arguments]
    main()

Path(file).write_text(earlier)
airflow("dags", "reserialize")
if version != "2.11":
    # Airflow 3 keeps the versions of a DAG that have run.
    airflow("dags", "trigger", "etl")
Path(file).write_text(current)
airflow("dags", "reserialize")
"""


@pytest.fixture(scope="module", params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Return an Airflow whose database has a DAG, in two versions, and a variable."""
    require_airflow(request.param)
    home = tmp_path_factory.mktemp("airflow")
    manifests = tmp_path_factory.mktemp("manifests")
    variables = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    }
    airflow = Airflow(request.param, home, variables)
    airflow.migrate()
    (home / "dags").mkdir()
    earlier = DAG.replace("plain", "of_an_earlier_version")
    done = airflow.python(PREPARE, str(home / "dags" / "etl.py"), earlier, DAG, request.param)
    assert done.returncode == 0, done.stderr
    execute(airflow, "INSERT INTO variable (key, val, is_encrypted) VALUES ('plain', 'hunter2', 0)")
    kwargs = json.dumps({"path": str(manifests), "namespace": "airflow"})
    return airflow.with_variables(AIRFLOW__SECRETS__BACKEND=BACKEND, AIRFLOW__SECRETS__BACKEND_KWARGS=kwargs)


def execute(airflow: Airflow, *statements: str) -> None:
    """Execute SQL in the database, because a program of Airflow takes seconds."""
    with closing(sqlite3.connect(airflow.home / DATABASE)) as database, database:
        for statement in statements:
            database.execute(statement)


def usage(airflow: Airflow, *arguments: str, status: int = 0) -> Any:
    done = airflow.script("airflow-kubernetes-secrets", "usage", "--output", "json", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("folder", ["dags", "nowhere"])
def test_the_dags_of_the_database(airflow: Airflow, folder: str) -> None:
    path = str(airflow.home / "dags" / "etl.py")
    airflow = airflow.with_variables(AIRFLOW__CORE__DAGS_FOLDER=str(airflow.home / folder))

    document = usage(airflow, status=1)

    assert document["failures"] == []
    assert document["files"] == 1
    shown = {
        each["id"]: [each["status"], *((use["path"], use["line"], use["dags"], use["tasks"]) for use in each["uses"])]
        for each in document["ids"]
    }
    assert shown == {
        "mail": ["missing", (path, 10, ["etl"], [])],
        "plain": ["found", (path, 11, ["etl"], ["load"])],
        "computed": ["missing", (path, None, ["etl"], ["name"])],
        "mapped": ["missing", (path, 14, ["etl"], ["mapped"])],
    }
    assert [each["line"] for each in document["computed"]] == [13]
    (plain,) = (each for each in document["ids"] if each["id"] == "plain")
    assert plain["provider"] == {"place": "metadata-db", "text": "a variable in the metadata database"}


def test_without_the_database(airflow: Airflow) -> None:
    document = usage(airflow, "--no-database", status=1)
    assert [each["id"] for each in document["ids"]] == ["mail", "mapped", "plain"]
    assert {each["status"] for each in document["ids"]} == {"missing"}
    assert [each["line"] for each in document["computed"]] == [12, 13]


def test_a_database_that_cannot_be_read(airflow: Airflow, tmp_path: Path) -> None:
    broken = airflow.with_variables(AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{tmp_path}/none.db")
    document = usage(broken, status=2)
    assert {each["status"] for each in document["ids"]} == {"unknown"}
    assert [each for each in document["failures"] if "the metadata database does not have Airflow's tables" in each]


def test_entries_only_in_the_database_are_exported(airflow: Airflow, tmp_path: Path) -> None:
    """The commands are those that ``usage`` and ``explain`` show. Afterwards, a Secret provides the id."""
    path = str(airflow.home / "dags" / "etl.py")
    missing = airflow.script("airflow-kubernetes-secrets", "usage", "--missing")
    export = "airflow-kubernetes-secrets export --missing --from metadata-db --output-dir secrets"
    assert missing.returncode == 1
    assert [line for line in missing.stderr.splitlines() if line.startswith("  ")] == [
        "  airflow-kubernetes-secrets put connection mail --uri - --dry-run client --output yaml",
        *(
            f"  airflow-kubernetes-secrets put variable {each} --value - --dry-run client --output yaml"
            for each in ("computed", "mapped")
        ),
        f"  {export}",
    ]
    commands = {each["id"]: each["command"] for each in usage(airflow, status=1)["ids"]}
    assert commands["plain"] == export
    assert commands["mail"].startswith("airflow-kubernetes-secrets put connection mail")
    for kind, identifier, expected in (("connection", "mail", commands["mail"]), ("variable", "plain", None)):
        done = airflow.script("airflow-kubernetes-secrets", "explain", kind, identifier, "--output", "json")
        assert json.loads(done.stdout)["command"] == expected
    used = [*("explain", "variable", "plain"), "--dags", path]
    done = airflow.script("airflow-kubernetes-secrets", *used)
    assert f"{export.replace(' --output-dir', f' --dags {path} --output-dir')}\n" in done.stdout

    folder = tmp_path / "secrets"
    done = airflow.script(*export.split()[:-1], str(folder))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No Secret provides 4 of the 4 connections and variables that DAGs use" in done.stderr
    assert "Not counted: 1 use whose id is known only when the code runs" in done.stderr
    assert [each.name for each in folder.rglob("*.yaml")] == ["airflow-variable-plain.yaml"]
    assert "airflow variables delete plain" in (folder / "delete-from-database.sh").read_text()
    kwargs = json.dumps({"path": str(folder), "namespace": "airflow"})
    exported = usage(airflow.with_variables(AIRFLOW__SECRETS__BACKEND_KWARGS=kwargs), status=1)
    assert {each["id"]: each["provider"] for each in exported["ids"]}["plain"] == {
        "place": "secret",
        "text": "airflow/airflow-variable-plain",
    }


def test_teams_and_dags_without_files(airflow: Airflow, tmp_path: Path) -> None:
    shutil.copyfile(airflow.home / DATABASE, tmp_path / DATABASE)
    nowhere = str(tmp_path / "nowhere")
    copy = replace(airflow, home=tmp_path).with_variables(AIRFLOW__CORE__DAGS_FOLDER=nowhere)
    if airflow.version != "2.11":
        execute(
            copy,
            "INSERT INTO team (name) VALUES ('sales')",
            "INSERT INTO dag_bundle_team (dag_bundle_name, team_name) VALUES ('dags-folder', 'sales')",
        )
        assert {each["team"] for each in usage(copy, status=1)["ids"]} == {"sales"}
    execute(copy, "UPDATE dag SET is_active = 0" if airflow.version == "2.11" else "UPDATE dag SET is_stale = 1")

    document = usage(copy, status=2)

    assert document["ids"] == []
    assert document["failures"] == [
        f"the DAG bundle dags-folder: its folder {nowhere} does not exist. "
        "Create it, or name another folder with --dags"
    ]


LOOPS = """
from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator
for name in ("one", "two"):
    with DAG("loop_" + name, start_date=datetime(2024, 1, 1), schedule=None) as dag:
        BashOperator(task_id="x", bash_command="echo {{ var.value.looped }}")
"""


@pytest.fixture
def copied(airflow: Airflow, tmp_path: Path) -> Airflow:
    """Return the Airflow with a copy of its database, and a folder of DAGs that does not exist."""
    shutil.copyfile(airflow.home / DATABASE, tmp_path / DATABASE)
    return replace(airflow, home=tmp_path).with_variables(AIRFLOW__CORE__DAGS_FOLDER=str(tmp_path / "dags"))


def test_a_file_with_several_dags(copied: Airflow, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "loops.py").write_text(LOOPS)
    copied.output("dags", "reserialize")
    shutil.rmtree(tmp_path / "dags")

    ids = {each["id"]: each for each in usage(copied, status=1)["ids"]}

    assert [(use["line"], use["dags"]) for use in ids["looped"]["uses"]] == [(10, ["loop_one", "loop_two"])]


def test_many_dags_without_a_serialized_form(copied: Airflow) -> None:
    """They can fill a chunk of the query. The DAGs after them are read nevertheless."""
    begin = ["CREATE TEMP TABLE model AS SELECT * FROM dag", "UPDATE model SET fileloc = '/gone.py'"]
    if copied.version != "2.11":
        begin.append("UPDATE model SET relative_fileloc = NULL")
    each = ["UPDATE model SET dag_id = 'a' || (SELECT count(*) FROM dag)", "INSERT INTO dag SELECT * FROM model"]
    execute(copied, *begin, *each * 600)

    assert "plain" in {each["id"] for each in usage(copied, status=1)["ids"]}


@pytest.mark.parametrize("airflow", ["3.3"], indirect=True)
def test_bundle_whose_folder_does_not_exist(airflow: Airflow, tmp_path: Path) -> None:
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    here, there = str(airflow.home / "dags"), str(tmp_path / "nowhere")
    bundles = [
        {"name": "dags-folder", "classpath": local, "kwargs": {"path": here}},
        {"name": "there", "classpath": local, "kwargs": {"path": there}},
    ]
    configured = airflow.with_variables(AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps(bundles))
    assert usage(configured, status=1)["failures"] == [
        f"the DAG bundle there: its folder {there} does not exist. Create it, or name another folder with --dags"
    ]


def export(airflow: Airflow, folder: Path, *arguments: str, status: int = 0) -> Any:
    """Run the command with the database as the source, and return its report."""
    given = ["--missing", "--from", "metadata-db", "--report", "json", "-o", str(folder), *arguments]
    done = airflow.script("airflow-kubernetes-secrets", "export", *given)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_row_that_airflow_does_not_use_is_not_exported(airflow: Airflow, tmp_path: Path) -> None:
    """The environment comes before the database, and a Secret would come before both."""
    airflow = airflow.with_variables(AIRFLOW_VAR_PLAIN="current")
    report = export(airflow, tmp_path / "out")
    assert report["entries"] == []
    assert "Airflow reads these from the environment, so this export skips them: variable 'plain'" in str(report)
    assert not (tmp_path / "out").exists()


def test_a_row_that_teams_share(airflow: Airflow, tmp_path: Path) -> None:
    """It does not get the team of the DAGs. It is exported only if the team reads a Secret without a team."""
    dags = ["--dags", str(airflow.home / "dags"), "--team", "sales"]
    out = tmp_path / "out"
    strict = airflow.with_kwargs(team_fallback=False)
    [entry] = export(strict, out, *dags, status=1)["entries"]
    assert entry["reason"].startswith("team_fallback is false in backend_kwargs, so lookups of team 'sales' do not")
    assert not out.exists()

    [entry] = export(airflow, out, *dags)["entries"]

    assert (entry["id"], entry["team"], entry["status"]) == ("plain", None, "written")
    script = out / "delete-from-database.sh"
    assert "airflow variables delete plain" in script.read_text()
    # The script of an earlier run can have more entries.
    script.write_text(script.read_text() + "airflow variables delete other\n")
    assert "the delete-from-database.sh of an earlier export was replaced" in str(export(airflow, out, *dags)["notes"])

    given = ["--from", "metadata-db", "-o", str(tmp_path / "all"), "--team", "sales"]
    done = airflow.script("airflow-kubernetes-secrets", "export", *given)
    assert "so delete-from-database.sh does not delete the entries" in " ".join(done.stdout.split())
    assert not (tmp_path / "all" / "delete-from-database.sh").exists()


@pytest.mark.parametrize("multi_team", ["True", "False"])
def test_row_is_not_deleted_if_unread_dags_of_teams_may_use_it(
    airflow: Airflow, tmp_path: Path, multi_team: str
) -> None:
    """They would not read a Secret without a team, so the row stays."""
    strict = airflow.with_kwargs(team_fallback=False).with_variables(AIRFLOW__CORE__MULTI_TEAM=multi_team)
    [entry] = export(strict, tmp_path / "out")["entries"]
    assert (entry["id"], entry["status"]) == ("plain", "written")
    assert (tmp_path / "out" / "delete-from-database.sh").exists() is (multi_team == "False")


def test_earlier_script_is_replaced_if_rows_must_not_be_deleted(airflow: Airflow, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = out / "delete-from-database.sh"
    given = ["--from", "metadata-db", "--kind", "variables", "-o", str(out)]
    airflow.script("airflow-kubernetes-secrets", "export", *given)
    assert "airflow variables delete plain" in script.read_text()

    # Now the Secrets have a team, and other teams need the rows.
    shared = airflow.with_variables(AIRFLOW__CORE__MULTI_TEAM="True")
    done = shared.script("airflow-kubernetes-secrets", "export", *given, "--team", "sales", "--force")

    assert "would not read the new Secrets" in " ".join(done.stdout.split())
    assert "airflow variables delete plain" not in script.read_text()
