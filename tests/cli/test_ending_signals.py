"""Signals that end a command: the terminal and the files are afterwards as they were before."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from support.airflow import PATIENCE

PROGRAM = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main"]
ENDING = [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM]


class Terminal:
    """A command on a terminal of its own.

    Args:
        ignored: a signal that is ignored when the command starts, as with ``nohup``.
    """

    def __init__(self, *arguments: str, ignored: signal.Signals | None = None) -> None:
        self.ours, self._theirs = pty.openpty()
        self.before = termios.tcgetattr(self._theirs)
        self.shown = b""
        ignore = () if ignored is None else ("sh", "-c", f'trap "" {ignored.value}; exec "$@"', "sh")
        self.process = subprocess.Popen(
            [*ignore, *PROGRAM, *arguments],
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )

    def wait_for(self, text: bytes) -> None:
        while text not in self.shown:
            self.shown += os.read(self.ours, 4096)

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        os.close(self._theirs)
        os.close(self.ours)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_prompt_for_a_password(number: signal.Signals) -> None:
    terminal = Terminal("put", "variable", "key", "--value", "-", "--dry-run=client")
    terminal.wait_for(b"value: ")
    assert terminal.modes != terminal.before

    terminal.process.send_signal(number)

    assert terminal.process.wait(PATIENCE) == -number
    assert terminal.modes == terminal.before
    terminal.close()


def test_a_signal_that_is_ignored() -> None:
    terminal = Terminal("put", "variable", "key", "--value", "-", "--dry-run=client", ignored=signal.SIGHUP)
    terminal.wait_for(b"value: ")

    terminal.process.send_signal(signal.SIGHUP)
    os.write(terminal.ours, b"hunter2\n")

    terminal.wait_for(b"(dry run)")
    assert terminal.process.wait(PATIENCE) == 0
    terminal.close()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT], ids=lambda number: number.name)
def test_files_of_the_devserver(number: signal.Signals, tmp_path: Path) -> None:
    """The devserver itself handles only SIGINT and SIGTERM. The files contain a token and a key."""
    ready = tmp_path / "ready"
    folder = tmp_path / "files"
    with subprocess.Popen(
        [*PROGRAM, "devserver", "--directory", str(folder), "--ready-file", str(ready)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is printed after the files were written
        assert ready.exists()

        process.send_signal(number)

        assert process.wait(PATIENCE) == -number
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
