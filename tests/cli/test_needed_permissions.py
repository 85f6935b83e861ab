"""Commands need only the permissions that lookups need.

A refused request takes a second to be confirmed, so a request whose result is only a hint must not be refused.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_kubernetes_secrets.counters import RETRY, counters
from support.cluster import Cluster
from support.commands import URI, Commands
from support.secrets import Put


@pytest.fixture
def retries(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a function that counts the repeated requests during the test. A refused request is always repeated."""
    counters.clear()
    monkeypatch.setattr(counters, "is_on", True)
    return lambda: counters.take()[0][RETRY]


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
    arguments: tuple[str, ...], commands: Commands, put: Put, retries: Callable[[], int]
) -> None:
    put.connection("app-db", URI)
    put({}, URI, name="unlabelled")

    commands.run(*arguments, status=(0, 1))

    assert retries() == 0


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_only_the_list_of_labelled_secrets_is_refused(
    commands: Commands, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Other requests to the namespace of a team are only for hints. The devserver logs each request."""
    other = f"{commands.namespace}-other"
    cluster.create_namespace(other)
    commands.configure(team_namespaces={"green": other})

    commands.run("explain", "connection", "missing", status=1)

    refused = [text for text in caplog.messages if text.endswith(" 403")]
    assert refused
    assert all(f"/namespaces/{other}/secrets?limit=500&labelSelector=" in text for text in refused)


def test_a_secret_with_the_name_of_a_missing_id_is_suggested(commands: Commands, put: Put) -> None:
    put({}, URI, name="unlabelled")
    hint = f"Secret {commands.namespace}/unlabelled has this name but not the label"
    assert hint in commands.run("explain", "connection", "unlabelled", status=1).out


def test_the_user_is_shown(commands: Commands) -> None:
    user = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
    assert user in commands.run("explain", "connection", "missing", status=1).out
    assert user in commands.run("doctor", status=(0, 1)).out
