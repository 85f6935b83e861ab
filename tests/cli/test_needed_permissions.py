"""Commands need only the permissions that lookups need.

A refused request takes a second to be confirmed, so a request whose result is only a hint must not be refused.
"""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.kubernetes.refusals import Refusals
from support.cluster import Cluster
from support.commands import URI, Commands
from support.secrets import Put


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the verbs and paths of the requests that the API server refuses during the test."""
    refused = []
    to_confirm = Refusals.seconds_to_confirm

    def noted(refusals: Refusals, verb: str, path: str, status: int, sent_at: float) -> float | None:
        refused.append((verb, path))
        return to_confirm(refusals, verb, path, status, sent_at)

    monkeypatch.setattr(Refusals, "seconds_to_confirm", noted)
    return refused


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("doctor",),
        ("explain", "connection", "app-db"),
        ("explain", "connection", "missing"),
        ("explain", "config", "unlabelled"),
    ],
)
def test_no_request_is_refused(
    arguments: tuple[str, ...], commands: Commands, put: Put, refused: list[tuple[str, str]]
) -> None:
    put.connection("app-db", URI)
    put({}, URI, name="unlabelled")

    commands.run(*arguments, status=(0, 1))

    assert refused == []


def test_a_refusal_is_confirmed_once_for_all_hints(
    commands: Commands, cluster: Cluster, refused: list[tuple[str, str]]
) -> None:
    other = f"{commands.namespace}-other"
    cluster.create_namespace(other)
    commands.configure(team_namespaces={"green": other})

    commands.run("explain", "connection", "missing", status=1)

    assert set(refused) == {("list", f"/api/v1/namespaces/{other}/secrets")}


def test_a_secret_with_the_name_of_a_missing_id_is_suggested(commands: Commands, put: Put) -> None:
    put({}, URI, name="unlabelled")
    hint = f"Secret {commands.namespace}/unlabelled has this name but not the label"
    assert hint in commands.run("explain", "connection", "unlabelled", status=1).out


def test_the_user_is_shown(commands: Commands) -> None:
    user = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
    assert user in commands.run("explain", "connection", "missing", status=1).out
    assert user in commands.run("doctor", status=(0, 1)).out
