"""``docs/how-to/teams.md``: which team gets which Secret, with its configurations and manifests."""

from __future__ import annotations

import json
from configparser import RawConfigParser
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.airflow import BACKEND
from support.cluster import Cluster
from support.examples import EXAMPLES, Namespaces, manifest, manifests
from support.pages import moved, shell


class Configured:
    """The files of the page, in namespaces of this test."""

    def __init__(self, cluster: Cluster, namespaces: Namespaces) -> None:
        self.namespaces = {**namespaces, "blue-secrets": f"{namespaces['airflow']}-blue"}
        grants = {self.namespaces[each]: ["list"] for each in ("airflow-secrets", "blue-secrets")}
        self.account = cluster.service_account(namespaces["airflow"], "airflow-api-server", grants)

    def kwargs(self, file: str) -> dict[str, object]:
        config = RawConfigParser()
        config.read_string(moved((EXAMPLES / "teams" / file).read_text(), self.namespaces))
        assert config.getboolean("core", "multi_team")
        assert config["secrets"]["backend"] == BACKEND
        kwargs: dict[str, object] = json.loads(config["secrets"]["backend_kwargs"])
        return {**kwargs, "service_account_path": str(self.account.folder)}

    def login(self, file: str, team: str | None) -> str | None:
        """Return the login of the connection ``mail``, as a team gets it."""
        connection = KubernetesSecretsBackend(**self.kwargs(file)).get_connection("mail", team_name=team)
        return None if connection is None else connection.login


@pytest.fixture
def configured(cluster: Cluster, namespaces: Namespaces, in_pod: None) -> Configured:
    return Configured(cluster, namespaces)


def test_a_label_for_a_team(cluster: Cluster, configured: Configured) -> None:
    for each in manifests("teams/secrets.yaml", configured.namespaces):
        cluster.apply(each)

    assert [configured.login("airflow.cfg", team) for team in ("blue", "red", None)] == ["blue", "airflow", "airflow"]


def test_a_namespace_for_a_team(cluster: Cluster, configured: Configured) -> None:
    cluster.apply(manifest("teams/in-its-namespace.yaml", configured.namespaces))
    assert [configured.login("namespaces.cfg", team) for team in ("blue", "red", None)] == ["blue", None, None]

    everybodys, _of_blue = manifests("teams/secrets.yaml", configured.namespaces)
    cluster.apply(everybodys)
    assert [configured.login("namespaces.cfg", team) for team in ("blue", "red", None)] == [
        "blue",
        "airflow",
        "airflow",
    ]


def test_only_secrets_of_the_team(cluster: Cluster, configured: Configured) -> None:
    everybodys, _of_blue = manifests("teams/secrets.yaml", configured.namespaces)
    cluster.apply(everybodys)
    assert [configured.login("alone.cfg", team) for team in ("blue", "red", None)] == [None, None, "airflow"]
    assert configured.login("namespaces.cfg", "blue") == "airflow"


def test_lookup_as_a_team(cluster: Cluster, configured: Configured, tmp_path: Path) -> None:
    for each in manifests("teams/secrets.yaml", configured.namespaces):
        cluster.apply(each)
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(configured.kwargs("airflow.cfg")),
        **cluster.pod_environment(),
    }

    done = shell(f"set -e\n{(EXAMPLES / 'teams/look.sh').read_text()}", tmp_path, variables)

    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        f"connection 'mail' of team 'blue': Secret {configured.namespaces['airflow-secrets']}/mail-of-blue is selected"
        in (done.stdout)
    )
