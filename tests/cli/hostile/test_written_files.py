"""Ids and names cannot forge the files that commands write."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml

from support.hostile import assert_harmless
from support.hostile_commands import NUMBERED, Program, each_file_name, each_name


class TestPut:
    @each_name
    @pytest.mark.parametrize("output", ["yaml", "json"])
    def test_a_manifest(self, run: Program, tmp_path: Path, name: str, output: str) -> None:
        (tmp_path / "value").write_text("x")
        done = run("put", "variable", name, "--from-file", str(tmp_path / "value"), "--dry-run", "client", "-o", output)
        assert done.status == 0, done
        manifest = yaml.safe_load(done.out) if output == "yaml" else json.loads(done.out)
        assert manifest["metadata"]["annotations"] == {"airflow.apache.org/variable-key": name}
        assert done.err.count("\n") == done.err.count("variable '") + done.err.count('variable "') + 1

    @each_name
    def test_output_is_one_line(self, run: Program, tmp_path: Path, name: str) -> None:
        (tmp_path / "value").write_text("x")
        done = run(
            "put", "variable", name, "--from-file", str(tmp_path / "value"), "--dry-run", "client", "--team", "t"
        )
        assert done.out.count("\n") == 1


class TestRbac:
    def test_a_name(self, run: Program) -> None:
        run.configure()
        for name in (
            "a\u202eb",
            "a\x9bb",
            "a\u2028::error::x",
            "::error::x",
            "##[error]x",
            "\ufeffa",
            "\ufe0f",
            "a: b # c",
        ):
            if " " in name:
                assert run("rbac", "-s", "a/b", "-n", "a", "--name", name).status == 2
                continue
            done = run("rbac", "-s", "a/b", "-n", "a", "--name", name)
            assert done.status == 0
            assert {each["metadata"]["name"] for each in yaml.safe_load_all(done.out)} == {name}


class TestExport:
    @pytest.fixture
    def entries(self, tmp_path: Path) -> Path:
        path = tmp_path / "variables.json"
        path.write_text(json.dumps({**dict.fromkeys(NUMBERED, "x"), "a\0b": "x", "a\ud800b": "x"}))
        return path

    @pytest.mark.parametrize("report", ["text", "json"])
    @each_file_name
    def test_report_of_an_export(self, run: Program, tmp_path: Path, entries: Path, name: str, report: str) -> None:
        target = tmp_path / name
        done = run("export", "--from", str(entries), "-o", str(target), "--kind", "variables", "--report", report)
        assert done.status == 1
        if report == "json":
            document = json.loads(done.out)
            assert document["directory"] == str(target)
            assert shlex.split(document["apply"])[-1] == str(target)
            assert {each["id"] for each in document["entries"]} == {*NUMBERED, "a\0b", "a\ud800b"}
        else:
            assert f"variables: {len(NUMBERED) + 1} written, 1 not written" in done.out

    def test_exported_files_contain_the_exact_ids(self, run: Program, tmp_path: Path, entries: Path) -> None:
        run("export", "--from", str(entries), "-o", str(tmp_path / "out"), "--kind", "variables")
        files = sorted((tmp_path / "out" / "variables").iterdir())
        for file in files:
            assert_harmless(file.read_bytes().decode("utf-8"))
        ids = {
            yaml.safe_load(file.read_text())["metadata"]["annotations"]["airflow.apache.org/variable-key"]
            for file in files
        }
        assert ids == {*NUMBERED, "a\0b"}
