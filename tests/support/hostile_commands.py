"""Commands of which nothing that they print may do harm, and the names that could."""

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

# What no other name of a label's begins with; it tells them apart where all are printed together.
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
        """Run a command, and see that nothing that it prints does harm."""
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
    """One file for each hostile name, which is no YAML, and as many in folders of those names."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text("kind: [\n")
        (folder / name).mkdir()
        (folder / name / "b.json").write_text('{"kind": ')
