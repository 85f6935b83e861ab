"""The files that ``export`` writes."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from support.airflow import Airflow
from support.exported_entries import PASSWORD, ExportHere, command, export, manifests, variables_in


class TestFiles:
    def test_changed_file_is_replaced_only_with_force(self, export_here: ExportHere, tmp_path: Path) -> None:
        export_here("--from", "env", "-o", "out", AIRFLOW_VAR_A="old", AIRFLOW_VAR_B="same")

        result = export_here("--from", "env", "-o", "out", AIRFLOW_VAR_A=PASSWORD, AIRFLOW_VAR_B="same")

        assert result.returncode == 1
        assert "its file exists with other content; --force replaces it\n    variable 'a'" in result.stdout
        assert result.stdout.startswith("variables: 1 unchanged, 1 not written\n")
        assert variables_in(tmp_path / "out") == {"a": "old", "b": "same"}

        result = export_here("--from", "env", "-o", "out", "--force", AIRFLOW_VAR_A=PASSWORD, AIRFLOW_VAR_B="same")

        assert result.returncode == 0
        assert result.stdout.startswith("variables: 1 written, 1 unchanged\n")
        assert variables_in(tmp_path / "out") == {"a": PASSWORD, "b": "same"}

    def test_a_link_is_replaced_and_never_written_through(self, export_here: ExportHere, tmp_path: Path) -> None:
        target, link = tmp_path / "target", tmp_path / "out" / "variables" / "airflow-variable-a.yaml"
        target.write_text("mine")
        link.parent.mkdir(parents=True)
        link.symlink_to(target)

        assert export_here("--from", "env", "-o", "out", AIRFLOW_VAR_A="x").returncode == 1
        assert link.is_symlink()
        assert export_here("--from", "env", "-o", "out", "--force", AIRFLOW_VAR_A="x").returncode == 0

        assert target.read_text() == "mine"
        assert not link.is_symlink()

    def test_existing_file_is_made_readable_only_by_its_owner(self, export_here: ExportHere, tmp_path: Path) -> None:
        export_here("--from", "env", "-o", "out", AIRFLOW_VAR_A="x")
        file = tmp_path / "out" / "variables" / "airflow-variable-a.yaml"
        file.chmod(0o644)

        export_here("--from", "env", "-o", "out", AIRFLOW_VAR_A="x")

        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_value_larger_than_a_secret(self, export_here: ExportHere, tmp_path: Path) -> None:
        (tmp_path / "v.json").write_text(json.dumps({"a": "x" * 1024 * 1024, "b": "x" * (1024 * 1024 + 1)}))

        result = export_here("--from", "v.json", "-o", "out")

        assert result.returncode == 1
        assert "  - it has 1048577 bytes, and a Secret can contain 1048576. " in result.stdout
        assert "\n    variable 'b'" in result.stdout
        assert list(variables_in(tmp_path / "out")) == ["a"]

    def test_namespace_team_and_options_reach_the_manifests(self, bare: Airflow, tmp_path: Path) -> None:
        airflow = bare.with_variables(
            AIRFLOW__SECRETS__BACKEND="airflow_kubernetes_secrets.KubernetesSecretsBackend"
        ).with_kwargs(variables_label="example.com/key", variables_data_key="text", team_label="example.com/team")

        export(airflow, "--from", "env", "-o", "out", "-n", "prod", "--team", "ops", AIRFLOW_VAR_A="x")

        [manifest] = manifests(tmp_path / "out").values()
        assert manifest["metadata"]["namespace"] == "prod"
        assert manifest["metadata"]["labels"] == {"example.com/key": "a", "example.com/team": "ops"}
        assert manifest["data"] == {"text": "eA=="}

    @pytest.mark.parametrize(
        "kwargs", ['{"variables_label": "a b"}', '{"nonsense": 1}', "hunter2"], ids=["value", "name", "no JSON"]
    )
    def test_invalid_options_are_reported(self, export_here: ExportHere, tmp_path: Path, kwargs: str) -> None:
        result = export_here(
            "--from", "env", "-o", "out", AIRFLOW_VAR_A="x",
            AIRFLOW__SECRETS__BACKEND="airflow_kubernetes_secrets.KubernetesSecretsBackend",
            AIRFLOW__SECRETS__BACKEND_KWARGS=kwargs,
        )  # fmt: skip

        assert result.returncode == 0
        assert "backend_kwargs" in result.stderr
        assert "The default labels and keys are used" in result.stderr
        assert variables_in(tmp_path / "out") == {"a": "x"}

    def test_ctrl_c_leaves_only_complete_files(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / "v.json").write_text(json.dumps({f"key {number}": "x" * 5000 for number in range(5_000)}))
        folder = tmp_path / "out" / "variables"
        with subprocess.Popen(
            command(bare, "--from", "v.json", "-o", "out"),
            env=bare.environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            while not (folder.exists() and any(folder.glob("*.yaml"))):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=180)

        assert (process.returncode, output, errors) == (130, "", "")
        assert all(path.suffix == ".yaml" and path.stat().st_size > 5000 for path in folder.iterdir())
