"""The namespaces of manifests, teams and references."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.manifest_texts import manifest
from support.secrets import TEAM, VARIABLE


class TestNamespaces:
    @pytest.fixture(autouse=True)
    def secrets(self, folder: Path) -> None:
        (folder / "all.yaml").write_text(
            manifest("of-none", "none")
            + manifest("of-a", "a", namespace="a")
            + manifest("both", "no namespace")
            + manifest("both", "b", namespace="b")
        )

    def test_without_the_option_namespaces_are_ignored(self, backend: KubernetesSecretsBackend) -> None:
        assert backend.get_variable("of-none") == "none"
        assert backend.get_variable("of-a") == "a"

    def test_manifest_without_a_namespace_is_in_the_first_namespace(self, folder: Path) -> None:
        backend = KubernetesSecretsBackend(path=str(folder), namespace="b,c")
        assert backend.get_variable("of-none") == "none"
        assert backend.get_variable("of-a") is None
        # Both manifests define the same Secret; the later one counts.
        assert backend.get_variable("both") == "b"

        backend = KubernetesSecretsBackend(path=str(folder), namespace=["c", "b"])
        assert backend.get_variable("both") == "no namespace"

    def test_teams(self, folder: Path) -> None:
        (folder / "teams.yaml").write_text(
            manifest("x", "of blue", "x1", labels={VARIABLE: "x", TEAM: "blue"}) + manifest("x", "global", "x2")
        )
        backend = KubernetesSecretsBackend(path=str(folder))

        assert backend.get_variable("x", team_name="blue") == "of blue"
        assert backend.get_variable("x") == "global"

    def test_a_reference_finds_its_namespace(self, folder: Path) -> None:
        backend = KubernetesSecretsBackend(
            path=str(folder), references={"variables": {"x": "of-none", "y": "a/of-a", "z": "of-a"}}
        )

        assert backend.get_variable("x") == "none"
        assert backend.get_variable("y") == "a"
        assert backend.get_variable("z") == "a"

    def test_reference_without_a_namespace_finds_the_oldest_secret(self, folder: Path) -> None:
        created = {"c": "2026-02-01T00:00:00Z", "d": "2026-01-01T00:00:00Z"}
        for namespace, time_ in created.items():
            (folder / f"{namespace}.yaml").write_text(
                manifest("x", namespace, namespace=namespace, creationTimestamp=time_)
            )
        for name in ("1", "2"):
            (folder / f"{name}.yaml").write_text(manifest("y", name, namespace=f"n{3 - int(name)}"))
        backend = KubernetesSecretsBackend(path=str(folder), references={"variables": {"x": "x", "y": "y"}})

        assert backend.get_variable("x") == "d"
        assert backend.get_variable("y") == "1"
