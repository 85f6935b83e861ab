"""In an Airflow with teams, its auth manager is queried for each team's entries."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from support.airflow_ui import PAGE, AirflowUI, running_ui
from support.cluster import Cluster
from support.team_secrets import TeamSecrets, airflow_of, team_secrets_on

pytestmark = pytest.mark.since("3.2")

USERS = {"ada": "admin", "bob": "op:blue", "rita": "op:red"}


@pytest.fixture(scope="module")
def team_secrets(devserver_cluster: Cluster) -> TeamSecrets:
    team_secrets = team_secrets_on(devserver_cluster)
    team_secrets.put("db", {"connection-id": "app_db"}, {"value": "postgres://everybodys"})
    team_secrets.put("blue-db", {"connection-id": "app_db"}, {"value": "postgres://blues"}, namespace=team_secrets.blue)
    team_secrets.put(
        "blue-only", {"connection-id": "only_blue"}, {"value": "postgres://blues"}, namespace=team_secrets.blue
    )
    # The label is of another id, and the annotation concerns only the team red.
    ann = {"connection-id": "secret_of_red"}
    team_secrets.put("reds", {"connection-id": "common", "team": "red"}, {"value": "postgres://reds"}, annotations=ann)
    team_secrets.put("blue-key", {"variable-key": "app_key", "team": "blue"}, {"value": "x"})
    return team_secrets


@pytest.fixture(scope="module")
def ui(team_secrets: TeamSecrets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowUI]:
    airflow = airflow_of(team_secrets, tmp_path_factory.mktemp("teams") / "home")
    airflow = airflow.with_variables(AIRFLOW__CORE__MULTI_TEAM="True", AIRFLOW_VAR__RED___OF_RED="x")
    airflow = airflow.with_kwargs(team_namespaces={"blue": team_secrets.blue, "green": "nobody-may"})
    airflow.migrate()
    airflow.add_teams("blue", "red")
    with running_ui(airflow, users=USERS) as running:
        yield running


OF_BLUE = {("app_db", "blue"), ("only_blue", "blue"), ("app_key", "blue")}
OF_RED = {("secret_of_red", "red")}
GLOBAL = {("app_db", None)}


@pytest.mark.parametrize(
    ("user", "seen"), [("ada", OF_BLUE | OF_RED | GLOBAL), ("bob", OF_BLUE | GLOBAL), ("rita", OF_RED | GLOBAL)]
)
def test_users_see_entries_of_their_teams_and_global_entries(
    ui: AirflowUI, user: str, seen: set[tuple[str, str | None]]
) -> None:
    with ui.client(user) as client:
        answer = client.get(f"{PAGE}api/entries").raise_for_status().json()

    assert {(entry["id"], entry["team"]) for entry in answer["entries"]} == seen
    assert answer["total"] == len(seen)


@pytest.mark.parametrize(("user", "status"), [("bob", httpx.codes.OK), ("rita", httpx.codes.FORBIDDEN)])
def test_explanation_for_a_team_requires_its_permission(ui: AirflowUI, user: str, status: int) -> None:
    with ui.client(user) as client:
        answer = client.get(f"{PAGE}api/explanation", params={"kind": "connection", "id": "app_db", "team": "blue"})

    assert answer.status_code == status
    assert ("blue-db" in answer.text) == (status == httpx.codes.OK)


@pytest.mark.parametrize(("user", "told"), [("bob", True), ("rita", False)])
@pytest.mark.parametrize(
    ("kind", "id", "hint"),
    [
        ("variable", "app_key", "for team 'blue'"),
        # Only its namespace assigns it to the team.
        ("connection", "only_blue", "for team 'blue'"),
        ("connection", "only_blu", "Did you mean 'only_blue'?"),
    ],
)
def test_hints_contain_no_other_team(ui: AirflowUI, user: str, told: bool, kind: str, id: str, hint: str) -> None:
    with ui.client(user) as client:
        explanation = client.get(f"{PAGE}api/explanation", params={"kind": kind, "id": id}).raise_for_status().json()

    assert (hint in str(explanation["hints"])) == told
    assert ("only_blue" in str(explanation["hints"]) or "blue" in str(explanation["hints"])) == told


@pytest.mark.parametrize(("user", "told"), [("ada", True), ("rita", True), ("bob", False)])
def test_no_put_command_for_an_id_that_a_team_has_in_another_source(ui: AirflowUI, user: str, told: bool) -> None:
    """The reason names the team, so only users who may know about it get the reason."""
    with ui.client(user) as client:
        answer = client.get(f"{PAGE}api/explanation", params={"kind": "variable", "id": "of_red"}).raise_for_status()

    assert answer.json()["command"] is None
    assert ("team 'red' has this id outside Kubernetes" in answer.text) == told
    assert bool(re.search(r"\bred\b", answer.text)) == told


def test_skipped_secrets_of_other_teams_are_not_shown(ui: AirflowUI) -> None:
    with ui.client("bob") as client:
        parameters = {"kind": "connection", "id": "common", "team": "blue"}
        answer = client.get(f"{PAGE}api/explanation", params=parameters).raise_for_status()

    assert answer.json()["verdict"] == "not-found"
    assert answer.json()["candidates"] == []
    assert not re.search(r"\bred\b", answer.text)


def test_namespace_that_cannot_be_listed_is_reported(ui: AirflowUI) -> None:
    with ui.client("ada") as client:
        answer = client.get(f"{PAGE}api/entries").raise_for_status().json()

    # Once `usage` has run in the background, another failure says that it could not list them either.
    [failure] = [each["text"] for each in answer["failures"] if "Not all DAGs" not in each["text"]]
    assert "may not list secrets in namespace 'nobody-may'" in failure
