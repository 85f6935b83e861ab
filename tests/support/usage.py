"""Runs ``usage`` in this process, with a folder of DAGs and a folder of manifests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.cli.main import main
from support.commands import SECRET, Done

# The first line of a DAG file that reads connections or variables.
READS = "from airflow.sdk import Connection, Variable\n"


def reads(*ids: str) -> str:
    """Return the code of a DAG file that reads these variables."""
    return READS + "".join(f"Variable.get({each!r})\n" for each in ids)


@dataclass(frozen=True)
class Usage:
    """Runs the command in this process.

    Attributes:
        dags, manifests: the folders that it reads.
    """

    dags: Path
    manifests: Path
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def dag(self, name: str, code: str) -> None:
        path = self.dags / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)

    def put(self, name: str, labels: dict[str, str], value: str = f"http://u:{SECRET}@db") -> None:
        metadata = {"name": name, "namespace": "airflow", "labels": labels}
        document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": value}}
        (self.manifests / f"{name}.json").write_text(json.dumps(document))

    def configure(self, **kwargs: object) -> None:
        given = {"path": str(self.manifests), "namespace": "airflow", **kwargs}
        self.patch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(given))

    def run(self, *arguments: str, command: str = "usage", status: int = 0) -> Done:
        self.capsys.readouterr()
        done = main([command, *arguments])
        captured = self.capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        assert done == status, captured.out + captured.err
        return Done(done, captured.out, captured.err)

    def document(self, *arguments: str, status: int = 0) -> Any:
        given = ["--dags", str(self.dags), "--no-database", "--output", "json", *arguments]
        return self.run(*given, status=status).document

    def ids(self, *arguments: str, status: int = 0) -> dict[str, dict[str, Any]]:
        return {each["id"]: each for each in self.document(*arguments, status=status)["ids"]}
