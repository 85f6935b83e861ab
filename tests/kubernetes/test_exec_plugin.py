"""The limit on the time that an exec plugin of a kubeconfig may take."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.kubernetes.exec_plugin import limited


def run(plugin: dict[str, Any], seconds: float = 30, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a plugin as the loader does."""
    made = limited(plugin, Path.cwd(), seconds)
    return subprocess.run([made["command"], *made["args"]], capture_output=True, check=False, **options)


def shell(script: str) -> dict[str, Any]:
    return {"command": "sh", "args": ["-c", script]}


def test_output_and_exit_status_of_a_plugin_are_passed() -> None:
    done = run(shell("echo out; echo problem >&2; exit 3"))

    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"problem\n", 3)


def test_a_plugin_without_arguments() -> None:
    assert run({"command": "true"}).returncode == 0


def test_plugin_inherits_standard_input_environment_and_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "plugin"
    program.write_text('#!/bin/sh\nread line; echo "$line $NAME $PWD"\n')
    program.chmod(0o755)

    done = run({"command": "./plugin"}, input=b"word\n", env={**os.environ, "NAME": "value"})

    assert done.stdout.decode() == f"word value {tmp_path}\n"


def test_a_plugin_that_takes_too_long_is_ended() -> None:
    done = run(shell("echo started; exec sleep 600"), seconds=0.3, timeout=60)

    assert done.returncode == 124
    assert done.stdout == b""
    assert done.stderr == b"it did not end within 0.3 seconds. Run it in a terminal\n"


def test_child_process_of_a_plugin_does_not_extend_the_time_limit(tmp_path: Path) -> None:
    process = tmp_path / "process"
    try:
        done = run(shell(f"sleep 600 & echo $! > {process}; wait"), seconds=0.5, timeout=60)
    finally:
        os.kill(int(process.read_text()), 9)

    assert done.returncode == 124


def test_a_plugin_that_is_not_installed() -> None:
    done = run({"command": "no-such-plugin"})

    assert done.returncode == 127
    assert done.stderr == b"it cannot be started: No such file or directory\n"


def test_a_relative_path_starts_at_the_folder_of_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin itself runs in the current folder, as in kubectl."""
    (tmp_path / "plugin").write_text("#!/bin/sh\npwd\n")
    (tmp_path / "plugin").chmod(0o755)
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    made = limited({"command": "./plugin"}, tmp_path)
    # The loader runs the plugin in the folder of the kubeconfig.
    out = subprocess.check_output([made["command"], *made["args"]], cwd=tmp_path, timeout=60)
    assert out.decode() == f"{current}\n"


def test_plugin_can_prompt_on_a_terminal() -> None:
    """A plugin writes its prompt to standard error, because its standard output is for the token."""
    ours, theirs = pty.openpty()
    made = limited(shell("printf 'Password: ' >&2; read word; echo \"$word\""), Path.cwd())
    process = subprocess.Popen([made["command"], *made["args"]], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    while not shown.endswith(b"Password: "):
        shown += os.read(ours, 100)
    os.write(ours, b"word\n")
    out, _ = process.communicate(timeout=60)
    os.close(ours)

    assert out == b"word\n"
