"""Commands of a user without permissions on files: each error names the path and the reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, which

import pytest
import yaml

from support.cluster import Cluster
from support.commands import PATIENCE, PROGRAM, SECRET, Commands
from support.connection_secrets import secret_manifest
from support.servers import on_the_devserver
from support.warm import warm_python

# The superuser may read every file, unless the process has no capabilities.
AS_ANY_USER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []

# Gives up the capabilities, and runs the command.
WITHOUT_CAPABILITIES = """
import ctypes, struct, sys
version = 0x20080522  # of the structures of capset(2)
assert ctypes.CDLL(None).capset(struct.pack("Ii", version, 0), bytes(24)) == 0
from airflow_kubernetes_secrets.cli.main import main
sys.exit(main())
"""

pytestmark = pytest.mark.skipif(os.geteuid() == 0 and which("setpriv") is None, reason="needs setpriv as superuser")


def run(*arguments: str | Path, status: int, **variables: str) -> str:
    """Run a command in a fork of a process with its libraries, and return its messages."""
    given = ["airflow-kubernetes-secrets", *map(str, arguments)]
    environment = {**os.environ, **variables}
    return messages(warm_python(Path(sys.prefix)).run(WITHOUT_CAPABILITIES, given, environment, PATIENCE), status)


def run_in_new_process(*arguments: str | Path, status: int, **variables: str) -> str:
    """Run a command in a process that starts with these variables, and return its messages."""
    command = [*AS_ANY_USER, *PROGRAM, *map(str, arguments)]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, text=True, timeout=PATIENCE)
    return messages(done, status)


def messages(done: subprocess.CompletedProcess[str], status: int) -> str:
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done.stderr


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a manifest that cannot be read."""
    folder = tmp_path / "locked"
    folder.mkdir()
    write(folder / "a.yaml", "a")
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def write(path: Path, name: str) -> None:
    path.write_text(yaml.safe_dump(secret_manifest("airflow", name, {"value": SECRET}, {})))


@pytest.mark.parametrize("name", ["file", "folder", "file in the folder"])
def test_manifests(tmp_path: Path, locked: Path, name: str) -> None:
    write(tmp_path / "b.yaml", "b")
    (tmp_path / "b.yaml").chmod(0)
    path = {"file": tmp_path / "b.yaml", "folder": locked, "file in the folder": locked / "a.yaml"}[name]
    assert f"check: {path} cannot be read: Permission denied. Correct the path, or its " in run("check", path, status=2)


@on_the_devserver
@pytest.mark.parametrize("is_in_folder", [False, True])
def test_kubeconfig(commands: Commands, cluster: Cluster, tmp_path: Path, locked: Path, is_in_folder: bool) -> None:
    path = (locked if is_in_folder else tmp_path) / "config"
    copy(cluster.kubeconfig(commands.account.token), path)
    path.chmod(0)
    problem = (
        f"the kubeconfig {path} cannot be used: {path} cannot be read: Permission denied. Correct the path, or its"
    )
    assert problem in run("list", "--kubeconfig", path, status=2)


def test_output(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": "http://h"}))
    folder = tmp_path / "out"
    folder.mkdir(mode=0o500)
    source = ("export", "--from", tmp_path / "a.json", "--kind", "connections")
    assert f"{folder / 'x'} cannot be created: Permission denied" in run(*source, "-o", folder / "x", status=2)
    assert f"{folder}/connections/airflow-connection-a.yaml cannot be written: Perm" in run(
        *source, "-o", folder, status=2
    )


@on_the_devserver
def test_home_of_airflow(commands: Commands, tmp_path: Path, locked: Path) -> None:
    """Airflow cannot write its configuration there, and uses its defaults."""
    for home in (locked / "home", tmp_path / "a.json" / "home"):
        (tmp_path / "a.json").touch()
        run("list", status=0, AIRFLOW_HOME=str(home))


def test_locale_without_utf_8(tmp_path: Path) -> None:
    """Airflow reads its own files in the encoding of the locale."""
    path = tmp_path / "é.yaml"
    write(path, "b")
    posix = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    remedy = "(UnicodeDecodeError: Python reads files as ANSI_X3.4-1968 here; set PYTHONUTF8=1 or LC_ALL=C.UTF-8)"
    assert remedy in run_in_new_process("list", status=2, **posix)
    assert remedy in run_in_new_process("check", path, status=1, **posix)  # the value is not a connection
    assert remedy not in run_in_new_process("list", status=2, **{**posix, "PYTHONUTF8": "1"})


class TestDevserver:
    def test_folder(self, locked: Path) -> None:
        message = run("devserver", "--manifests", locked, status=1)
        assert message == (
            f"airflow-kubernetes-secrets devserver: {locked}: Permission denied. Check --manifests, --directory and "
            "--ready-file\n"
        )

    def test_folder_in_the_folder(self, tmp_path: Path, locked: Path) -> None:
        """Changes of the other files are followed."""
        ready = tmp_path.with_name(f"{tmp_path.name}-ready")
        command = [*AS_ANY_USER, *PROGRAM, "devserver", "--manifests", str(tmp_path), "--ready-file", str(ready)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                deadline = time.monotonic() + PATIENCE
                while not ready.exists():
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                write(tmp_path / "b.yaml", "b")
                assert process.stdout is not None
                lines: list[str] = []
                while not lines or "Secret airflow/b: added" not in lines[-1]:
                    lines.append(process.stdout.readline())
                    assert lines[-1]
                process.send_signal(signal.SIGINT)
                _out, err = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        assert f"{locked}: Permission denied; nothing in it is used\n" in lines
        assert (process.returncode, err) == (0, "")
