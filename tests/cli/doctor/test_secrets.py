"""``doctor`` on Secrets: a test produces each finding."""

from __future__ import annotations

from pathlib import Path

import yaml

from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.findings import doctor, error, warning
from support.secrets import CONNECTION, Put
from support.servers import on_the_devserver


class TestSecrets:
    def test_problems_that_list_also_reports(self, commands: Commands, put: Put) -> None:
        put.connection("x", SECRET, name="bad")
        assert f"Secret {commands.namespace}/bad" in error(commands, "unreadable")

    def test_duplicates(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, name="a")
        put.connection("x", URI, name="b")
        assert "has the same id" in warning(commands, "duplicate-id")

    def test_teams_without_multi_team(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, team="data")
        assert "only with [core] multi_team" in warning(commands, "teams-off")
        commands.set("AIRFLOW__CORE__MULTI_TEAM", "True")
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    @on_the_devserver
    def test_namespace_with_many_secrets(self, cluster: Cluster, commands: Commands) -> None:
        for number in range(5001):
            cluster.apply({"metadata": {"name": f"s{number}", "namespace": commands.namespace}})
        assert "has 5001 Secrets" in warning(commands, "many")
        commands.configure(cache_ttl=1)
        assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}

    @on_the_devserver
    def test_a_folder(self, commands: Commands, tmp_path: Path) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "x", "labels": {CONNECTION: "x"}},
            "stringData": {"value": URI},
        }
        (tmp_path / "good.yaml").write_text(yaml.safe_dump(secret))
        (tmp_path / "bad.yaml").write_text(f"a: [{SECRET}\n")
        commands.kwargs.clear()
        commands.configure(path=str(tmp_path))
        assert "bad.yaml: line 2:" in error(commands, "manifest")
        commands.configure(path=str(tmp_path / "nowhere"))
        assert "the folder of 'path' in backend_kwargs cannot be read" in error(commands, "unreachable")
