"""The claims that `make matrix` proves: each has a row in docs/reference/matrix.md and one test."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import pytest

VERSIONS = ("2.11", "3.0", "3.1", "3.2", "3.3")


class Proof(Enum):
    """The text of the row, and the first Airflow that has the feature."""

    def __init__(self, text: str, since: str = VERSIONS[0]) -> None:
        self.text = text
        self.versions = VERSIONS[VERSIONS.index(since) :]

    INSTALLED = "The wheel is installed, and Airflow lists it as a provider with a secrets backend"
    CONFIGURATION = (
        "`sql_alchemy_conn_secret`: the metadata database is the PostgreSQL that a Secret names, and there is no other"
    )
    TASKS = "Tasks under the LocalExecutor: `BaseHook.get_connection`, `Variable.get`"
    OPERATORS_SECRET = "A hook of the PostgreSQL provider logs in with a Secret as CloudNativePG makes it"
    TEMPLATES = "Templates: `{{ conn.… }}`, `{{ var.value.… }}`, `{{ var.json.… }}`"
    TRIGGERER = "A trigger looks a connection up: in the triggerer's event loop from 3.1 on, in a thread of it before"
    DAG_FILES = "The DAG processor: `Variable.get` at the top level of a DAG file"
    AIRFLOWS_COMMANDS = "`airflow connections get` and `test`, `variables get`, `config get-value`"
    COMMANDS = "`airflow-kubernetes-secrets` `doctor`, `list`, `explain`, `check`, `rbac`, `put`, `export`"
    COMMANDS_UNDER_AIRFLOW = "These commands as `airflow kubernetes-secrets …`", "3.2"
    PAGE = "*Admin, Kubernetes Secrets* in the UI: a real browser, from the login to the explanation of a lookup", "3.1"
    PAGE_TESTS = "All tests of this page of the UI (`tests/ui`)", "3.1"
    METRICS = "The option `metrics`: the counts of lookups arrive by StatsD, and by OpenTelemetry's protocol"
    LOGS = "No log of the deployment contains a password, or the variable that a task looks up"
    WORKERS = "Workers without any permission: tasks get everything through Airflow's API server", "3.0"
    TEAMS = (
        "A task of a team's DAG, under the team's executor: its own Secret, then a global one, never another team's",
        "3.2",
    )
    TEAMS_COMMANDS = "`list --team`, `explain --team`", "3.2"


def proves(proof: Proof) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark the test of a proof. It runs for each version of Airflow that has the feature."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        parametrized = pytest.mark.parametrize("version", proof.versions, indirect=True, scope="session")(test)
        marked: Callable[..., None] = pytest.mark.proof(proof)(parametrized)
        return marked

    return mark
