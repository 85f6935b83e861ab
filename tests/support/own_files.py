"""The command ``devserver``, and files and folders that it could replace by mistake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from support.kube_apiserver import bearer, trust
from support.waiting import until

PATIENCE = 30.0
ELSEWHERE = Path()
Make = Callable[[Path], None]
Start = Callable[[], "Command"]


class Command:
    """A devserver as a command, with both options. ``errors`` has its error output after its end."""

    def __init__(self, directory: Path, ready: Path) -> None:
        self.directory = directory
        self.ready = ready
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "devserver"),
                *("--directory", str(directory), "--ready-file", str(ready)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> None:
        """Wait until requests are answered."""
        # The ready file may be left from an earlier devserver.
        until(lambda: self.is_ours() or self._process.poll() is not None)
        assert self._process.poll() is None, self._process.communicate()

    def is_ours(self) -> bool:
        """Return whether the files lead to a running server."""
        try:
            port = self.ready.read_text().partition("KUBERNETES_SERVICE_PORT=")[2].split()[0]
            headers = bearer((self.directory / "serviceaccount" / "token").read_text())
            context = trust(self.directory / "ca.crt")
            path = f"https://127.0.0.1:{port}/api/v1/namespaces/airflow/secrets"
            return httpx.get(path, headers=headers, verify=context, timeout=5).is_success
        except (OSError, httpx.TransportError):
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> tuple[int, str, str]:
        """Return the exit status, the output and the error output."""
        self._process.send_signal(signal.SIGTERM)
        output, errors = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, output, errors


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Return everything in a folder: the mode, and the content or the target of a link."""

    def content(path: Path) -> str:
        if path.is_symlink():
            return str(path.readlink())
        return path.read_text() if path.is_file() else ""

    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): (path.lstat().st_mode, content(path)) for path in found}


def a_file(path: Path) -> None:
    path.write_text("mine")


def an_empty_file(path: Path) -> None:
    path.touch()


def an_empty_folder(path: Path) -> None:
    path.mkdir()


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "token").write_text("mine")


def a_link_to_a_file(path: Path) -> None:
    a_file(ELSEWHERE / path.name)
    path.symlink_to(ELSEWHERE / path.name)


def a_link_to_a_folder(path: Path) -> None:
    a_folder(ELSEWHERE / path.name)
    path.symlink_to(ELSEWHERE / path.name)


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


THINGS = [
    a_file,
    an_empty_file,
    an_empty_folder,
    a_folder,
    a_link_to_a_file,
    a_link_to_a_folder,
    a_dangling_link,
    a_pipe,
]


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
