"""Runs ``airflow-kubernetes-secrets`` against one API server, with the environment that it has in a pod."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.cli.main import main
from support.airflow import BACKEND
from support.cluster import Cluster, ServiceAccount
from support.warm import warm_python

# Every made-up password contains this. No output may contain it.
SECRET = "hunter2"
URI = f"postgres://u:{SECRET}@db.example.com:5432/app"

PROGRAM = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main"]
PATIENCE = 180

# The code that `python -m` runs.
_RUN_MODULE = "import runpy; runpy.run_module({!r}, run_name='__main__', alter_sys=True)"


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The output, parsed as JSON."""
        return json.loads(self.out)


class Commands:
    """Runs commands with Airflow configured by environment variables, and checks that they print no password."""

    def __init__(
        self, account: ServiceAccount, cluster: Cluster, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.account = account
        self.namespace = account.namespace
        self._patch = patch
        self._capsys = capsys
        for name, value in cluster.pod_environment().items():
            patch.setenv(name, value)
        patch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
        self.kwargs: dict[str, Any] = {"namespace": account.namespace, "service_account_path": str(account.folder)}
        self.configure()

    def configure(self, **kwargs: object) -> None:
        """Set ``backend_kwargs``, in addition to those that locate the service account."""
        self.kwargs |= kwargs
        self.set("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(self.kwargs))

    def set(self, name: str, value: str | None) -> None:
        """Set an environment variable, or remove it if ``value`` is None."""
        if value is None:
            self._patch.delenv(name, raising=False)
        else:
            self._patch.setenv(name, value)

    def run(self, *arguments: str, status: int | Sequence[int] = 0) -> Done:
        """Run a command in this process, which has Airflow loaded already."""
        self._capsys.readouterr()
        done = main(arguments)
        captured = self._capsys.readouterr()
        return self._checked(Done(done, captured.out, captured.err), status)

    def run_program(self, *arguments: str, program: Sequence[str] = PROGRAM, status: int = 0) -> Done:
        """Run a command in its own process, a fork of one that has the libraries of its environment loaded.

        Args:
            program: a script of an environment, or its Python with ``-m`` and a module.
        """
        prefix, command = Path(program[0]).parents[1], [*program, *arguments]
        if program[1] == "-m":
            code, command, file = _RUN_MODULE.format(program[2]), command[2:], None
        else:
            file = Path(program[0])
            code = file.read_text()
        done = warm_python(prefix).run(code, command, os.environ, PATIENCE, file=file)
        return self._checked(Done(done.returncode, done.stdout, done.stderr), status)

    def run_on_a_terminal(self, *arguments: str, status: int = 0, **variables: str) -> Done:
        """Run a command in its own process, on a terminal of 120 columns."""
        return self._checked(on_a_terminal([forked_program(), *arguments], variables), status)

    def _checked(self, done: Done, status: int | Sequence[int]) -> Done:
        assert SECRET not in done.out + done.err
        assert "Traceback" not in done.err, done.err
        assert done.status in ([status] if isinstance(status, int) else status), f"{done.out}\n{done.err}"
        return done


def forked_program() -> str:
    """Return the path of a program that is this project's in a fork of a process with its libraries, for a shell.

    A signal ends only the program that waits for the fork, and the fork must have all three standard streams. Tests of
    signals use PROGRAM.
    """
    name = "airflow-kubernetes-secrets"
    return str(warm_python(Path(sys.prefix)).commands(name) / name)


def on_a_terminal(command: Sequence[str], variables: Mapping[str, str]) -> Done:
    """Run a command with a pseudoterminal as its standard streams. Output and errors are combined."""
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "50", **os.environ, **variables}
    environment = {name: value for name, value in environment.items() if name != "NO_COLOR" or name in variables}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 65536):
            printed += part
    except OSError:
        pass  # Linux reports the closed other side as an error
    finally:
        os.close(ours)
    return Done(process.wait(PATIENCE), printed.decode(), "")
