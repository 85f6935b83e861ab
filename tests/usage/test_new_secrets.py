"""A Secret that a command creates or exports never changes the results of other lookups."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets.deployment.configuration import read_configuration
from airflow_kubernetes_secrets.diagnosis.explain import explain
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from support.commands import SECRET
from support.usage import Usage

READS = "from airflow.sdk import Connection, Variable\n"


@pytest.fixture
def multi_team(usage: Usage) -> Usage:
    usage.patch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    usage.dag("etl.py", READS + 'Variable.get("x")\n')
    return usage


def export(usage: Usage, folder: Path, *arguments: str, status: int = 0) -> str:
    """Run the command with the environment as the source, and return its report in one line."""
    given = ["--from", "env", "--missing", "--dags", str(usage.dags), "-o", str(folder), *arguments]
    return " ".join(usage.run(*given, command="export", status=status).out.split())


def test_an_empty_variable_provides_no_connection(usage: Usage) -> None:
    """Airflow skips it, and searches the metadata database."""
    usage.dag("etl.py", READS + 'Connection.get("db")\nVariable.get("x")\n')
    usage.patch.setenv("AIRFLOW_CONN_DB", "")
    usage.patch.setenv("AIRFLOW_VAR_X", "")
    assert {name: each["status"] for name, each in usage.ids(status=1).items()} == {"db": "missing", "x": "found"}


def test_empty_variable_of_a_team_is_skipped(multi_team: Usage, tmp_path: Path) -> None:
    multi_team.patch.setenv("AIRFLOW_VAR__SALES___X", "")
    multi_team.patch.setenv("AIRFLOW_VAR_X", SECRET)

    provider = multi_team.ids("--team", "sales")["x"]["provider"]

    assert provider["text"] == "the variable AIRFLOW_VAR_X of this process"
    given = ["--from", "env", "-o", str(tmp_path / "out")]
    assert "variables: 1 written" in multi_team.run(*given, command="export").out


WHY = "team 'sales' has this id outside Kubernetes, and would read a new Secret without a team instead"


def test_no_command_if_a_new_secret_would_hide_the_value_of_a_team(multi_team: Usage, tmp_path: Path) -> None:
    multi_team.patch.setenv("AIRFLOW_VAR__SALES___X", "of sales")
    shown = multi_team.run("--dags", str(multi_team.dags), "--missing", "--no-database", status=1)
    assert f"No command is shown for variable 'x': {WHY}" in shown.err
    assert multi_team.ids(status=1)["x"]["command"] is None
    options = read_configuration().options()
    explanation = explain(Lookup(Kind.VARIABLE, "x"), options, location_of(options), database=False)
    assert str(explanation.next_command).startswith(f"No command is shown: {WHY}")

    multi_team.patch.setenv("AIRFLOW_VAR_X", SECRET)
    assert WHY in export(multi_team, tmp_path / "out", status=1)
    assert not (tmp_path / "out").exists()


def test_entry_is_exported_if_teams_read_only_their_own_secrets(multi_team: Usage, tmp_path: Path) -> None:
    multi_team.configure(team_fallback=False)
    multi_team.patch.setenv("AIRFLOW_VAR__SALES___X", "of sales")
    multi_team.patch.setenv("AIRFLOW_VAR_X", SECRET)
    assert "1 written" in export(multi_team, tmp_path / "out")


def test_invalid_secret_is_reported_if_on_error_is_deny(usage: Usage, tmp_path: Path) -> None:
    usage.configure(on_error="deny")
    usage.dag("etl.py", READS + 'Connection.get("db")\n')
    usage.put("db", {"airflow.apache.org/connection-id": "db"}, "neither a URI nor JSON")
    usage.patch.setenv("AIRFLOW_CONN_DB", f"http://u:{SECRET}@h")

    assert "1 not written Not written: - Secret airflow/db, key 'value': " in export(usage, tmp_path / "out", status=1)
