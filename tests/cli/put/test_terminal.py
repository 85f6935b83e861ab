"""``put`` as a separate process, and on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from support.airflow import BACKEND
from support.commands import SECRET, forked_program
from support.put_command import UGLY, PutCommand


def environment(put: PutCommand) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(put.kwargs),
    }


def test_put_as_a_separate_process(put: PutCommand) -> None:
    program = [forked_program(), "put", "variable", "key", "--value", "-"]
    done = subprocess.run(
        [*program, "--debug"],
        env=environment(put),
        input=f"{UGLY}\n".encode(),
        capture_output=True,
        timeout=180,
        check=True,
    )

    assert done.stdout.decode() == f"variable 'key' is in Secret {put.namespace}/airflow-variable-key (created)\n"
    assert SECRET not in done.stderr.decode()
    assert put.backend.get_variable("key") == UGLY
    refused = subprocess.run(
        [*program[:-1], SECRET],
        env=environment(put),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert refused.returncode == 1
    assert SECRET not in refused.stderr.decode()


_ON_A_TERMINAL = """
import os, pty, sys
program = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", *sys.argv[1:]]
sys.exit(os.waitstatus_to_exitcode(pty.spawn(program)))
"""


class Terminal:
    """The command on its own terminal."""

    def __init__(self, put: PutCommand, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, "put", *arguments],
            env=environment(put),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.shown = b""

    def answer(self, question: str, typed: bytes) -> None:
        """Wait for the prompt before typing: by then the terminal does not echo."""
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        before = len(self.shown)
        while question.encode() not in self.shown[before:]:
            more = os.read(self._process.stdout.fileno(), 4096)
            assert more, self.shown
            self.shown += more
        self._process.stdin.write(typed)
        self._process.stdin.flush()

    def end(self) -> int:
        assert self._process.stdout is not None
        self.shown += self._process.stdout.read()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait(60)


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_terminal_prompts_for_each_value_without_echo(put: PutCommand) -> None:
    terminal = Terminal(put, "connection", "db", "--field", "host=h", "--field", "password=-", "--field", "extra=-")

    terminal.answer("password: ", f"{UGLY}\n".encode().replace(b"\t", b""))
    terminal.answer("extra: ", f'{{"x": "{SECRET}"}}\n'.encode())

    assert terminal.end() == 0
    assert SECRET.encode() not in terminal.shown
    assert "漢".encode() not in terminal.shown
    connection = put.backend.get_connection("db")
    assert connection.password == UGLY.replace("\t", "")
    assert connection.extra_dejson == {"x": SECRET}


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (b"\n", b"nothing was read, so nothing is written"),
        (b"\x04", b"nothing was read, so nothing is written"),
        (SECRET.encode() * 700 + b"\n", b"a terminal cuts lines off at 4095 bytes"),
    ],
)
def test_empty_and_overlong_input_on_a_terminal(put: PutCommand, typed: bytes, text: bytes) -> None:
    terminal = Terminal(put, "variable", "key", "--value", "-")

    terminal.answer("value: ", typed)

    assert terminal.end() == 1
    assert text in terminal.shown
    assert SECRET.encode() not in terminal.shown
    assert put.names() == []


def test_invalid_configuration_is_reported_before_the_value_is_read(put: PutCommand) -> None:
    put.configure(namespce="a")

    assert put("variable", "key", "--value", "-", stdin=SECRET).status == 2
    assert sys.stdin.buffer.read() == SECRET.encode()
