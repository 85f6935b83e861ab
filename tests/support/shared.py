"""What all processes of one run of the tests have in common: a folder, and a kube-apiserver.

pytest-xdist runs the tests in several processes. What is dear is made once for all of them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Client, Listener
from pathlib import Path

from support.kube_apiserver import KubeApiserver

_VARIABLE = "FOLDER_OF_THE_TEST_RUN"
_OURS = _VARIABLE not in os.environ
if _OURS:
    # The others, which this process starts, inherit it.
    os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="test-run-")
FOLDER = Path(os.environ[_VARIABLE])


def remove() -> None:
    """Remove the folder, in the process that has made it."""
    if _OURS:
        shutil.rmtree(FOLDER, ignore_errors=True)


def once(name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``name``, with what ``make`` has put into it in the one process that came first."""
    path = FOLDER / name
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = Path(tempfile.mkdtemp(dir=FOLDER))
            make(unfinished)
            unfinished.rename(path)
    return path


@dataclass(frozen=True)
class SharedApiserver:
    """Where the kube-apiserver of another process is: a part of what :class:`KubeApiserver` tells of itself."""

    host: str
    port: int
    ca_file: Path
    admin_token: str


class ApiserverOnDemand:
    """Starts a kube-apiserver when a process first asks for it, and tells each that asks where it is.

    Args:
        folder: where its programs are.
    """

    def __init__(self, folder: Path) -> None:
        self._server = KubeApiserver(folder)
        self._started = False
        self.address = str(FOLDER / "kube-apiserver")
        self._listener = Listener(self.address, "AF_UNIX", backlog=64)
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """End the server, if there is one."""
        self._listener.close()
        self._server.stop()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError:
                return  # closed
            with connection:
                connection.send(self._answer())

    def _answer(self) -> SharedApiserver | str:
        """Where it is, or why it did not start."""
        server = self._server
        if not self._started:
            try:
                server.start()
            except RuntimeError as error:
                return str(error)
            self._started = True
        return SharedApiserver(server.host, server.port, server.ca_file, server.admin_token)


def shared_apiserver(address: str) -> SharedApiserver:
    """The one of an :class:`ApiserverOnDemand`, when it is ready.

    Raises:
        RuntimeError: it did not start.
    """
    with Client(address, "AF_UNIX") as connection:
        answer = connection.recv()
    if isinstance(answer, str):
        raise RuntimeError(answer)  # noqa: TRY004  # the answer of the other process is an error
    found: SharedApiserver = answer
    return found
