"""Signals that end a command: the terminal is restored, and files with credentials are removed."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.airflow import PATIENCE
from support.waiting import until

ENDING = [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM]

# The process of the tests can have been started with signals that are ignored, as in the background of a shell. The
# first argument is the number of a signal to ignore, or 0.
START = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN if number == int(sys.argv[1]) else signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", *sys.argv[2:]])
"""


@contextmanager
def started(
    *arguments: str, ignored: int = 0, stdin: int | None = None, output: int, errors: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a separate session. At the end it is killed if it still runs."""
    command = [sys.executable, "-c", START, str(ignored), *arguments]
    with subprocess.Popen(command, start_new_session=True, stdin=stdin, stdout=output, stderr=errors) as process:
        try:
            yield process
        finally:
            process.kill()


class Terminal:
    """A command on a separate terminal."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, theirs: int, before: list[object]) -> None:
        self.process = process
        self.ours = ours
        self._theirs = theirs
        self.before = before
        self.shown = b""

    def wait_for(self, text: bytes) -> None:
        while text not in self.shown:
            readable, _, _ = select.select([self.ours], [], [], PATIENCE)
            assert readable, self.shown
            self.shown += os.read(self.ours, 4096)

    def wait_until_it_reads(self) -> None:
        """Wait until the command sleeps, which it does only when it reads from the terminal.

        Python's own handler of a signal only sets a flag. If the signal arrives after Python has looked at the flag and
        before it reads, it counts after the next input.
        """
        command = psutil.Process(self.process.pid)
        until(lambda: command.status() == psutil.STATUS_SLEEPING)

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self._theirs)


@contextmanager
def on_terminal(*arguments: str, ignored: int = 0) -> Iterator[Terminal]:
    """Start a command on a separate terminal.

    Args:
        ignored: a signal that is ignored when the command starts, as with ``nohup``.
    """
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    try:
        with started(*arguments, ignored=ignored, stdin=theirs, output=theirs, errors=theirs) as process:
            yield Terminal(process, ours, theirs, before)
    finally:
        os.close(theirs)
        os.close(ours)


PROMPT = ("put", "variable", "key", "--value", "-", "--dry-run=client")


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_signal_at_a_prompt_restores_the_terminal(number: signal.Signals) -> None:
    with on_terminal(*PROMPT) as terminal:
        terminal.wait_for(b"value: ")
        assert terminal.modes != terminal.before

        terminal.wait_until_it_reads()
        terminal.process.send_signal(number)

        assert terminal.process.wait(PATIENCE) == -number
        assert terminal.modes == terminal.before


def test_a_signal_that_is_ignored() -> None:
    with on_terminal(*PROMPT, ignored=signal.SIGHUP) as terminal:
        terminal.wait_for(b"value: ")

        terminal.process.send_signal(signal.SIGHUP)
        os.write(terminal.ours, b"hunter2\n")

        terminal.wait_for(b"(dry run)")
        assert terminal.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT], ids=lambda number: number.name)
def test_signal_removes_the_files_of_the_devserver(number: signal.Signals, tmp_path: Path) -> None:
    """The devserver itself handles only SIGINT and SIGTERM. The files contain a token and a key."""
    ready = tmp_path / "ready"
    folder = tmp_path / "files"
    arguments = ("devserver", "--directory", str(folder), "--ready-file", str(ready))
    with started(*arguments, output=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is printed after the files were written
        assert ready.exists()

        process.send_signal(number)

        assert process.wait(PATIENCE) == -number
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
