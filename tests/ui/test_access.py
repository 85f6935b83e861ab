"""What each user may see, decided by a real auth manager over HTTP. No user sees a value."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_kubernetes_secrets import ui as app
from support.airflow_ui import PAGE, AirflowUI
from support.team_secrets import HOSTILE, SECRET, TeamSecrets

ENTRIES = f"{PAGE}api/entries"
EXPLANATION = f"{PAGE}api/explanation"
EXPORT = f"{PAGE}api/export"
STATIC = Path(app.__file__).parent / "static"
ASSETS = sorted(path.name for path in STATIC.iterdir() if path.suffix != ".html")
EVERYTHING = (PAGE, ENTRIES, EXPLANATION, EXPORT, *(PAGE + asset for asset in ASSETS))
# A token as after a restart of Airflow with another key. Airflow itself responds to it with 403.
INVALID = {"Cookie": "_token=made-up"}


def entries(ui: AirflowUI, user: str, **wanted: Any) -> dict[str, Any]:
    with ui.client(user) as client:
        found: dict[str, Any] = client.get(ENTRIES, params={"limit": 500, **wanted}).raise_for_status().json()
    return found


def ids(answer: dict[str, Any]) -> set[tuple[str, str]]:
    return {(entry["kind"], entry["id"]) for entry in answer["entries"]}


@pytest.mark.parametrize("path", sorted({*EVERYTHING} - {PAGE, f"{PAGE}login.js"}))
def test_routes_require_a_login(ui: AirflowUI, path: str) -> None:
    with ui.client(None) as client:
        assert client.get(path).status_code == httpx.codes.UNAUTHORIZED
        assert client.get(path, headers=INVALID).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize("headers", [{}, INVALID])
def test_page_without_a_login_links_to_the_login(ui: AirflowUI, headers: dict[str, str]) -> None:
    with ui.client(None) as client:
        answer, script = client.get(PAGE, headers=headers), client.get(f"{PAGE}login.js")
        assert (answer.status_code, script.status_code) == (httpx.codes.UNAUTHORIZED, httpx.codes.OK)
        assert re.findall('(?:src|href)="([^"]*)"', answer.text) == ["login.js", "../api/v2/auth/login"]


def test_an_admin_sees_all(ui: AirflowUI) -> None:
    answer = entries(ui, "ada")

    assert {kind for kind, _id in ids(answer)} == {"connection", "variable", "config"}
    assert answer["not_permitted"] == []
    assert answer["total"] == answer["matching"] == len(answer["entries"]) == 73


def test_user_who_can_only_read_the_configuration_sees_only_options(ui: AirflowUI) -> None:
    answer = entries(ui, "vic")

    assert ids(answer) == {("config", "metadata-database")}
    assert answer["not_permitted"] == ["connections", "variables"]
    # The number of the other entries is not shown either.
    assert answer["total"] == 1
    assert answer["counts"]["kind"] == {"config": 1}


def test_user_sees_only_the_permitted_connections(ui: AirflowUI) -> None:
    answer = entries(ui, "cora")

    assert ids(answer) == {("connection", "app_db")}
    assert answer["not_permitted"] == ["variables", "config"]


def test_cached_entries_of_one_user_are_not_shown_to_others(ui: AirflowUI) -> None:
    """The entries that a user can see are cached for a while, for that user only."""
    entries(ui, "ada")
    assert ids(entries(ui, "vic")) == {("config", "metadata-database")}
    entries(ui, "cora")
    assert entries(ui, "ada")["total"] == 73


def test_user_without_permissions_sees_the_reason(ui: AirflowUI) -> None:
    with ui.client("nora") as client:
        page, listed, told = (
            client.get(PAGE),
            client.get(ENTRIES),
            client.get(EXPLANATION, params={"kind": "variable", "id": "x"}),
        )

    assert page.status_code == listed.status_code == told.status_code == httpx.codes.FORBIDDEN
    assert "Ask the administrator of this Airflow" in page.text
    assert "permission to read one of them" in listed.json()["detail"]
    assert "app_db" not in page.text + listed.text + told.text


@pytest.mark.parametrize(
    ("user", "kind", "id"),
    [
        ("vic", "connection", "app_db"),
        ("vic", "variable", "bucket"),
        ("cora", "connection", "smtp_default"),
        ("cora", "config", "x"),
    ],
)
def test_explanation_of_a_forbidden_id_is_refused(ui: AirflowUI, user: str, kind: str, id: str) -> None:
    with ui.client(user) as client:
        answer = client.get(EXPLANATION, params={"kind": kind, "id": id})

    assert answer.status_code == httpx.codes.FORBIDDEN
    assert answer.json()["detail"].startswith("You may not read this ")


def test_explanation_of_a_permitted_id(ui: AirflowUI) -> None:
    with ui.client("cora") as client:
        explanation = client.get(EXPLANATION, params={"kind": "connection", "id": "app_db"}).raise_for_status().json()
    assert explanation["verdict"] == "found"


@pytest.mark.parametrize(
    ("id", "hint"),
    [
        ("app_report", "Did you mean 'ap_report'?"),
        ("app_key", "so it is a variable with this id"),
        ("app-unlabelled", "has this name but not the label"),
    ],
)
def test_hints_contain_only_permitted_ids(ui: AirflowUI, id: str, hint: str) -> None:
    hints = {}
    for user in ("ada", "cora"):
        with ui.client(user) as client:
            explanation = client.get(EXPLANATION, params={"kind": "connection", "id": id}).raise_for_status().json()
        assert explanation["verdict"] == "not-found"
        hints[user] = " ".join(explanation["hints"])

    assert hint in hints["ada"]
    assert hint not in hints["cora"]
    assert "ap_report" not in hints["cora"]
    assert "app-key" not in hints["cora"]


def test_responses_contain_no_values(ui: AirflowUI, team_secrets: TeamSecrets) -> None:
    with ui.client("ada") as client:
        texts = [client.get(path).text for path in EVERYTHING]
        listed = client.get(ENTRIES, params={"limit": 500})
        texts.append(listed.text)
        for entry in listed.json()["entries"][:25]:
            parameters = {"kind": entry["kind"], "id": entry["id"], "team": entry["team"] or ""}
            texts.append(client.get(EXPLANATION, params=parameters).text)
    assert len(texts) > 30
    assert not [text for text in texts if SECRET in text]
    assert "(a URI)" in listed.text
    assert team_secrets.home in listed.text


@pytest.mark.parametrize(
    ("id", "verdict"), [("x2", "not-found"), ("a://b:zzzzzzz@c", "not-found"), (f"a://b:{SECRET[:-1]}c", "not-found")]
)
def test_an_explanation_quotes_no_id_that_is_a_uri(ui: AirflowUI, id: str, verdict: str) -> None:
    """The Secret with the label `x2` has such an id in its annotation."""
    with ui.client("ada") as client:
        answer = client.get(EXPLANATION, params={"kind": "connection", "id": id}).raise_for_status()

    assert answer.json()["verdict"] == verdict
    assert SECRET not in answer.text


def test_an_option_is_explained_without_a_team(ui: AirflowUI) -> None:
    with ui.client("ada") as client:
        parameters = {"kind": "config", "id": "metadata-database", "team": "blue"}
        explanation = client.get(EXPLANATION, params=parameters).raise_for_status().json()
    assert (explanation["team"], explanation["verdict"]) == (None, "found")


@pytest.mark.parametrize("user", ["ada", "nora", None])
@pytest.mark.parametrize("path", EVERYTHING)
def test_every_response_has_security_headers(ui: AirflowUI, user: str | None, path: str) -> None:
    with ui.client(user) as client:
        headers = client.get(path).headers

    policy = dict(directive.strip().split(" ", 1) for directive in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src", "frame-ancestors")} == {
        "'self'"
    }
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["page.html", "forbidden.html", "..%2fapp.py", "%2e%2e%2fplugin.py", "docs", "openapi.json", "api/other"]
)
def test_other_paths_are_not_found(ui: AirflowUI, path: str) -> None:
    with ui.client("ada") as client:
        assert client.get(PAGE + path).status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_methods_that_write_are_refused(ui: AirflowUI, method: str) -> None:
    with ui.client("ada") as client:
        assert client.request(method, ENTRIES).status_code == httpx.codes.METHOD_NOT_ALLOWED


def test_a_hostile_id_is_returned_as_json(ui: AirflowUI) -> None:
    with ui.client("ada") as client:
        answer = client.get(ENTRIES, params={"search": "<script>"})
    assert answer.headers["Content-Type"] == "application/json"
    assert [entry["id"] for entry in answer.json()["entries"]] == [HOSTILE]


@pytest.mark.parametrize(
    ("path", "parameters", "told"),
    [
        (EXPLANATION, {"kind": "secret", "id": "x"}, "kind must be one of connection, variable, config"),
        (EXPLANATION, {"kind": "variable"}, "Field required"),
        (ENTRIES, {"limit": 501}, "less than or equal to 500"),
        (ENTRIES, {"offset": -1}, "greater than or equal to 0"),
        (ENTRIES, {"order": "password"}, "Input should be"),
        (ENTRIES, {"search": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_invalid_parameters(ui: AirflowUI, path: str, parameters: dict[str, Any], told: str) -> None:
    with ui.client("ada") as client:
        answer = client.get(path, params=parameters)
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert told in json.dumps(answer.json())
