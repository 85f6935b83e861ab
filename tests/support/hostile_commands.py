"""Commands whose output must be harmless, and the names that could make it harmful."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.cli.main import main
from support.commands import Done
from support.hostile import FILE_NAMES, NAMES, assert_harmless

each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
each_file_name = pytest.mark.parametrize("name", FILE_NAMES.values(), ids=FILE_NAMES)

# The numbers tell the names apart where all of them are printed together. No other label name begins like this.
NUMBERED = [f"{name}{number}" for number, name in enumerate(NAMES.values())]


class Program:
    """Runs commands in this process, where Airflow is not configured."""

    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.patch = patch
        for name in ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS", "KUBECONFIG"):
            patch.delenv(name, raising=False)

    def configure(self, **kwargs: object) -> None:
        self.patch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow_kubernetes_secrets.KubernetesSecretsBackend")
        self.patch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))

    def __call__(self, *arguments: str, commands: int = 0) -> Done:
        """Run a command, and assert that its output is harmless."""
        self._capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        captured = self._capsys.readouterr()
        assert_harmless(captured.out, commands=commands)
        assert_harmless(captured.err)
        return Done(status, captured.out, captured.err)


def broken_manifests(folder: Path, names: Iterable[str] = FILE_NAMES.values()) -> None:
    """Write a file with invalid YAML for each hostile name, and one in a folder of each of these names."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text("kind: [\n")
        (folder / name).mkdir()
        (folder / name / "b.json").write_text('{"kind": ')
