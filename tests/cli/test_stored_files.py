"""The correct verdict of ``check`` on files as repositories contain them.

``tests/airflow/test_stored_files.py`` compares Airflow with the same table.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.formats.usability import SERVICES, TASKS
from support.commands import Commands
from verdicts.stored import FILES, MADE_UP, REMEDIES, VERDICTS


@pytest.fixture(autouse=True)
def defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow is not configured, as on a machine that checks a repository."""
    monkeypatch.delenv("AIRFLOW__SECRETS__BACKEND", raising=False)
    monkeypatch.delenv("AIRFLOW__SECRETS__BACKEND_KWARGS", raising=False)


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["check", *arguments])
    captured = capsys.readouterr()
    assert not any(word in captured.out + captured.err for word in MADE_UP)
    return status, captured.out


def test_each_file_has_a_verdict() -> None:
    assert {path.name for path in FILES.iterdir()} == VERDICTS.keys()
    assert REMEDIES.keys() < VERDICTS.keys()


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = VERDICTS[name]

    status, out = check(capsys, str(FILES / name), "--output", "json")

    problems = json.loads(out)["problems"]
    assert [each["code"] for each in problems] == [code for code, *_words in verdict.problems], problems
    for problem, (_code, *words) in zip(problems, verdict.problems, strict=True):
        assert all(word in problem["text"] for word in words), (problem, words)
    assert sum(each["severity"] == "error" for each in problems) == verdict.errors
    assert status == (1 if verdict.errors else 0)


@pytest.mark.parametrize("name", VERDICTS)
def test_text_output_has_the_same_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = VERDICTS[name]

    status, out = check(capsys, str(FILES / name))

    lines = [line for line in out.splitlines() if line.startswith(str(FILES)) and line.endswith("]")]
    assert [re.findall(r"\[([a-z-]+)\]$", line)[0] for line in lines] == [code for code, *_words in verdict.problems]
    assert status == (1 if verdict.errors else 0)


@pytest.mark.parametrize("name", VERDICTS)
def test_files_with_errors_are_those_that_airflow_cannot_use(name: str) -> None:
    """The table is consistent: there is an error if and only if a part of this Airflow loses something."""
    verdict = VERDICTS[name]
    is_judged = bool(verdict.got) and "not-checked" not in [code for code, *_words in verdict.problems]

    lost = [each for each in verdict.got.values() if not {SERVICES, TASKS}.isdisjoint(each.lost_by)]

    assert not is_judged or len(lost) == verdict.errors


@pytest.mark.parametrize("name", REMEDIES)
def test_the_remedy(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the suggested change nothing is reported, and Airflow gets the connection."""
    remedy = REMEDIES[name]
    manifest: dict[str, Any] = yaml.safe_load((FILES / name).read_text(encoding="utf-8"))
    annotations = manifest["metadata"].setdefault("annotations", {})
    annotations |= {f"airflow.apache.org/{key}": value for key, value in remedy.annotations.items()}
    (tmp_path / name).write_text(yaml.safe_dump(manifest), encoding="utf-8")

    status, out = check(capsys, str(tmp_path), "--strict", "--output", "json")

    assert (json.loads(out)["problems"], status) == ([], 0)
    found = KubernetesSecretsBackend(path=str(tmp_path)).get_connection(remedy.id)
    assert found is not None
    names = ("conn_type", "host", "login", "password", "port", "schema")
    fields = {name: getattr(found, name) for name in names} | {"extra": found.extra_dejson}
    assert {name: value for name, value in fields.items() if value} == remedy.got.fields


def test_put_refuses_a_file_with_the_reason_of_check(commands: Commands) -> None:
    """``put`` refuses values that Airflow cannot use, with the same reason as ``check``."""
    done = commands.run("put", "connection", "x", "--from-file", str(FILES / "numeric-password.json"), status=(1, 2))

    assert "'password' is not a string. Write it in quotation marks" in done.err
    assert "12345" not in done.out + done.err


def test_verdict_does_not_depend_on_other_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict on a file does not depend on other files in the folder that create other Secrets."""
    alone = ["json-types.yaml", "kafka-access.yaml", "sops-fields.yaml", "yaml-times.yaml", "rds-json-in-value.yaml"]
    for name in alone:
        shutil.copy(FILES / name, tmp_path)

    _status, out = check(capsys, str(tmp_path), "--output", "json")

    problems = json.loads(out)["problems"]
    for name in alone:
        codes = [each["code"] for each in problems if each["path"].endswith(f"/{name}")]
        assert codes == [code for code, *_words in VERDICTS[name].problems]
