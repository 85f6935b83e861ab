"""Arguments cannot forge the output of commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.cli.definition import COMMANDS
from support.hostile import FILE_NAMES
from support.hostile_commands import Program, each_file_name


class TestArguments:
    """Errors of argparse that quote arguments, and errors about paths that do not exist."""

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_unknown_arguments(self, run: Program, command: Any) -> None:
        for name in FILE_NAMES.values():
            done = run(command.name, f"--{name}=", "--no-such-argument", name, name)
            assert done.status == 2
            # The usage may have several lines.
            last = done.err.rstrip("\n").rpartition("\n")[2]
            assert re.match(f"airflow-kubernetes-secrets( {command.name})?: error: ", last)

    @each_file_name
    def test_missing_paths(self, run: Program, tmp_path: Path, name: str) -> None:
        path = str(tmp_path / name)
        for arguments, status in (
            (["check", path], 2),
            (["export", "--from", path, "-o", str(tmp_path / "out")], 2),
            (["put", "variable", "x", "--from-file", path, "--dry-run", "client"], 2),
            (["list", "--kubeconfig", path], 2),
            (["list", "--kubeconfig", path, "--context", name], 2),
            (["explain", "connection", name, "--kubeconfig", path], 2),
            (["doctor", "--kubeconfig", path], 1),
            (["devserver", "--manifests", path], 1),
            (["rbac", "-s", name], 2),
            (["rbac", "-s", "a/b", "--namespace", name], 2),
            (["check", "--namespace", name, str(tmp_path)], 2),
        ):
            done = run(*arguments)
            assert done.status == status, (arguments, done)
            run(*arguments, "--debug")

    @each_file_name
    def test_a_traceback(self, run: Program, tmp_path: Path, name: str) -> None:
        done = run("check", str(tmp_path / name), "--debug")
        assert done.status == 2
        assert done.err.startswith("Traceback")
        assert (
            done.err.rstrip("\n")
            .rpartition("\n")[2]
            .startswith("airflow_kubernetes_secrets.manifests.check.PathError: ")
        )
