"""File names in a folder of manifests cannot forge the output of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hostile import FILE_NAMES
from support.hostile_commands import Program, broken_manifests


class TestFolder:
    """A folder of manifests instead of an API: every user with write access chooses the file names."""

    @pytest.fixture
    def folder(self, run: Program, tmp_path: Path) -> Path:
        folder = tmp_path / "a\u202e##[error]b"
        broken_manifests(folder)
        run.configure(path=str(folder))
        return folder

    @pytest.mark.parametrize("output", ["table", "plain", "json", "yaml"])
    def test_list(self, run: Program, folder: Path, output: str) -> None:
        done = run("list", "-o", output)
        assert done.err.count("error: ") == 2 * len(FILE_NAMES)
        assert done.err.count("\n") == 2 * len(FILE_NAMES) + (output in ("table", "plain"))

    @pytest.mark.parametrize("output", ["text", "json", "yaml"])
    def test_explain(self, run: Program, folder: Path, output: str) -> None:
        assert run("explain", "connection", "x", "-o", output).status == 1

    @pytest.mark.parametrize("output", ["text", "json", "yaml"])
    def test_doctor(self, run: Program, folder: Path, output: str) -> None:
        assert run("doctor", "-o", output).status == 1

    def test_put(self, run: Program, folder: Path) -> None:
        (folder.parent / "value").write_text("x")
        assert run("put", "variable", "x", "--from-file", str(folder.parent / "value")).status == 1

    def test_lines_of_a_checklist(self, run: Program, folder: Path) -> None:
        found = [line for line in run("doctor").out.split("\n") if "YAML" in line or "yaml" in line or "json" in line]
        assert found
        assert all(line.startswith(("  ERROR", "  ok")) for line in found)
