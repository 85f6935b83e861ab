"""File names and the content of manifests cannot forge the output of ``check``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from support.commands import PATIENCE, forked_program
from support.hostile import FILE_NAMES, NAMES, assert_harmless
from support.hostile_commands import Program, broken_manifests, each_file_name
from support.secrets import CONNECTION


class TestCheck:
    def test_names_of_files(self, run: Program, tmp_path: Path) -> None:
        broken_manifests(tmp_path)
        done = run("check", str(tmp_path))
        assert done.status == 1
        # There is one line for each file, and the total.
        assert done.out.count("\n") == 2 * len(FILE_NAMES) + 1

    def test_output_for_github(self, run: Program, tmp_path: Path) -> None:
        broken_manifests(tmp_path)
        count = 2 * len(FILE_NAMES)
        done = run("check", str(tmp_path), "--output", "github", commands=count)
        commands = done.out.split("\n")[:count]
        for line in commands:
            given, data = line.removeprefix("::error ").split("::", 1)
            # Parse the command as GitHub's runner does.
            properties = dict(each.split("=", 1) for each in given.split(","))
            assert properties.keys() == {"file", "line", "title"}
            assert properties["title"] == "unreadable-manifest"
            assert properties["line"].isdecimal()
            assert "::" not in data
        assert done.out.split("\n")[count:] == [f"0 manifests, {count} errors, 0 warnings", ""]

    def test_file_name_as_the_github_runner_decodes_it(
        self, run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        name = "a,line=1::error::x%0Ab:c.yaml"
        Path(name).write_text("kind: [\n")
        line = run("check", name, "--output", "github", commands=1).out.split("\n")[0]
        value = line.split("file=", 1)[1].split(",", 1)[0]
        for escape, character in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%25", "%")):
            value = value.replace(escape, character)
        assert value == name

    def test_json_output(self, run: Program, tmp_path: Path) -> None:
        broken_manifests(tmp_path)
        done = run("check", str(tmp_path), "--output", "json")
        found = {each["path"] for each in json.loads(done.out)["problems"]}
        assert {f"{tmp_path}/{name}.yaml" for name in NAMES.values()} <= found

    @each_file_name
    def test_an_empty_folder(self, run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """A workflow may run ``check *``, where a pull request chooses the names."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / name).mkdir()
        arguments = ["check", "--output", "github", "--", name]
        done = run(*arguments)
        assert done.status == 0
        assert "nothing in it has Airflow's labels" in done.err

    def test_check_as_a_separate_process(self, tmp_path: Path) -> None:
        """The test checks the bytes that the process writes."""
        broken_manifests(tmp_path)
        done = subprocess.run(
            [forked_program(), "check", str(tmp_path)], capture_output=True, timeout=PATIENCE, check=False, cwd=tmp_path
        )
        assert done.returncode == 1
        assert_harmless(done.stdout.decode("utf-8"))
        assert_harmless(done.stderr.decode("utf-8"))

    def test_hostile_content_of_manifests(self, run: Program, tmp_path: Path) -> None:
        documents = [
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {
                    "name": f"a{name}",
                    "namespace": name,
                    "labels": {CONNECTION: name, name: name, f"airflow.apache.org/{name}": "x"},
                    "annotations": {CONNECTION: name, f"airflow.apache.org/{name}": name},
                },
                "stringData": {name: name, "value": json.dumps({"host": "h", name: name})},
                "spec": {"target": {"name": name}, "data": [{"secretKey": name}]},
            }
            for name in NAMES.values()
            for version, kind in (
                ("v1", "Secret"),
                ("external-secrets.io/v1", "ExternalSecret"),
                ("bitnami.com/v1alpha1", "SealedSecret"),
            )
        ]
        (tmp_path / "x.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
        lines = run("check", str(tmp_path)).out.count("\n")
        found = json.loads(run("check", str(tmp_path), "-o", "json").out)["problems"]
        assert lines == len(found) + 1 > len(NAMES)
        run("check", str(tmp_path), "-o", "github", commands=len(found))
