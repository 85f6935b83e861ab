"""The page shows the same as the commands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from support.airflow import Airflow
from support.airflow_ui import PAGE, AirflowUI
from support.team_secrets import TeamSecrets


def command(airflow: Airflow, *arguments: str) -> Any:
    done = airflow.script("airflow-kubernetes-secrets", *arguments, "--output", "json")
    return json.loads(done.stdout)


def test_entries_equal_the_output_of_list(ui: AirflowUI) -> None:
    with ui.client("ada") as client:
        answer = client.get(f"{PAGE}api/entries", params={"limit": 500, "refresh": True}).json()

    listed = command(ui.airflow, "list")["entries"]
    added = ("short_shape", "age", "hidden", "command", "used_by", "use")
    shown = [{name: value for name, value in entry.items() if name not in added} for entry in answer["entries"]]
    for problem in (problem for entry in shown for problem in entry["problems"]):
        assert problem.pop("statement") in problem["text"]
        assert problem.pop("remedy") in problem["text"]
        assert all(command in problem["text"] for command in problem.pop("commands"))
    assert sorted(map(json.dumps, shown)) == sorted(map(json.dumps, listed))
    assert {entry["short_shape"] for entry in answer["entries"]} >= {"value", "fields"}
    assert all(re.fullmatch("[0-9]+[smhd]", entry["age"]) for entry in answer["entries"] if entry["created"])


@pytest.mark.parametrize(
    ("kind", "id", "team"),
    [
        ("connection", "app_db", None),
        ("connection", "app_db", "blue"),
        ("connection", "smtp_default", None),
        ("connection", "warehouse", None),
        ("connection", "smtp_defualt", None),
        ("variable", "bucket", None),
        ("config", "metadata-database", None),
    ],
)
def test_explanation_equals_the_output_of_explain(ui: AirflowUI, kind: str, id: str, team: str | None) -> None:
    with ui.client("ada") as client:
        parameters = {"kind": kind, "id": id, "team": team or ""}
        explanation = client.get(f"{PAGE}api/explanation", params=parameters).raise_for_status().json()

    arguments = ("explain", kind, id, *(("--team", team) if team else ()))
    sections = [*explanation.pop("trace"), *explanation.pop("findings")]
    # The page adds what uses the id, once it has read the DAGs. The command does so with --dags.
    sections = [section for section in sections if section["title"] != "Used by"]
    expected = command(ui.airflow, *arguments)
    assert {**explanation, "uses": None} == expected
    text = ui.airflow.script("airflow-kubernetes-secrets", *arguments).stdout
    titles = [section["title"] for section in sections]
    assert [line[:12].strip() for line in text.splitlines()[1:] if line[:12].strip()] == titles
    # The command also shows the values of the options.
    lines = [line["text"] for section in sections[1:] for line in section["lines"]]
    # Each command is on a separate line, which the terminal output indents.
    assert all(part.strip() in text for line in lines for part in line.splitlines())


def test_hidden_entries_of_other_sources(ui: AirflowUI, team_secrets: TeamSecrets) -> None:
    """Only the selected Secret hides an entry of another source. Other Secrets with the same id do not."""
    with ui.client("ada") as client:
        answer = client.get(f"{PAGE}api/entries", params={"problem": "hides", "refresh": True}).json()

    hiding = {(entry["id"], entry["secret"]): entry["hidden"] for entry in answer["entries"]}
    assert hiding == {
        ("bucket", "bucket"): [{"place": "metadata-db", "text": "a variable in the metadata database"}],
        ("smtp_default", "smtp"): [
            {"place": "environment", "text": "the variable AIRFLOW_CONN_SMTP_DEFAULT of this process"}
        ],
    }
    assert answer["total"] > len(hiding)
