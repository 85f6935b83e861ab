"""Runs Python programs of an Airflow environment in a third of the time, as forks of a process with its libraries.

That process has loaded nothing of Airflow itself or of this project. So each program reads its configuration and
creates its objects as in a new process. Another such process has also imported the backend, and nothing that the
backend imports later: for programs whose Airflow has no configuration.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from support import shared
from support.warm_command import KILL, open_request

_SERVER = Path(__file__).with_name("warm_python.py")
_COMMAND = Path(__file__).with_name("warm_command.py")
_START_SECONDS = 120
_END_SECONDS = 60

# In the order in which ``from airflow_kubernetes_secrets import KubernetesSecretsBackend`` imports them.
_BACKEND = ("airflow", "airflow.configuration", "airflow_kubernetes_secrets.backend.kubernetes_secrets")

# Runs a command, and records the names of the modules that it has loaded and that Airflow's services load. Of Airflow's
# own modules, it records the files.
_RECORD = """
import atexit, importlib, json, pathlib, runpy, sys

OURS = (
    *("__main__", "airflow"),
    *("airflow_kubernetes_secrets", "airflow_kubernetes_secrets_cncf_path", "airflow_kubernetes_secrets_devserver"),
)
SERVICES = ("api_fastapi.app", "jobs.scheduler_job_runner", "executors.local_executor", "dag_processing.manager")
# What they import only when they run: with a database, as a server, and for requests.
LATER = (
    *("alembic.command", "uvicorn.main", "uvicorn.lifespan.on", "uvicorn.protocols.http.httptools_impl"),
    "pydantic.v1",
)

def record(path=sys.argv[1]):
    for name in [*(f"airflow.{each}" for each in SERVICES), *LATER]:
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # older ones have others
    names = [name for name in list(sys.modules) if name.partition(".")[0] not in OURS]
    specs = [each.__spec__ for name, each in list(sys.modules.items()) if name.partition(".")[0] == "airflow"]
    files = [each.origin for each in specs if each is not None and (each.origin or "").endswith(".py")]
    pathlib.Path(path).write_text(json.dumps({"modules": names, "files": files}))

atexit.register(record)
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Program:
    """A program that runs, or has run. It has a part of the interface of ``subprocess.Popen``."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = self._answer(_START_SECONDS)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait(_END_SECONDS)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended within ``timeout`` seconds.
        """
        if self.returncode is None:
            try:
                self.returncode = self._answer(timeout)
            except TimeoutError:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout) from None
            self._connection.close()
        return self.returncode

    def _answer(self, timeout: float) -> int:
        """Return the next number from the process that forks."""
        self._connection.settimeout(timeout)
        text = b""
        while not text.endswith(b"\n"):
            read = self._connection.recv(1)
            if not read:
                self._connection.close()
                raise RuntimeError("the process that forks has ended")
            text += read
        return int(text)

    def kill(self) -> None:
        """Make its parent kill it: only the parent knows whether the process id is still valid. It may have ended."""
        with suppress(OSError):
            self._connection.send(KILL)


class WarmPython:
    """A client of the process that forks.

    Args:
        prefix: the environment.
        address: the path of that process's socket.
    """

    def __init__(self, prefix: Path, address: str) -> None:
        self._prefix = prefix
        self.address = address
        self._directory = Path(tempfile.mkdtemp(dir=shared.folder()))

    def commands(self, *names: str) -> Path:
        """Return a folder with only these programs of the environment. The forking process runs each of them."""
        folder = self._directory / "-and-".join(names)
        folder.mkdir(exist_ok=True)
        for name in names:
            command = [sys.executable, "-I", "-S", str(_COMMAND), self.address, str(self._prefix / "bin" / name)]
            (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            (folder / name).chmod(0o755)
        return folder

    def start(
        self,
        code: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        output: Sequence[IO[Any]],
        *,
        standard_input: IO[Any] | None = None,
        file: Path | None = None,
        directory: Path | None = None,
        session: bool = False,
    ) -> Program:
        """Start a program.

        Args:
            code: its source.
            arguments: its ``sys.argv``.
            output: the files for its output and its errors.
            standard_input: None for an empty one.
            file: the file that the source is from; None if it is from an argument.
            session: whether it starts a new session of processes.
        """
        request = {
            "code": code,
            "arguments": list(arguments),
            "environment": dict(environment),
            "directory": str(directory or Path.cwd()),
            "file": str(file) if file is not None else None,
            "folder": str(file.parent) if file is not None else "",
            "session": session,
        }
        with Path(os.devnull).open("rb") as nothing:
            streams = [each.fileno() for each in (standard_input or nothing, *output)]
            return Program(open_request(self.address, request, streams))

    def run(
        self,
        code: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        timeout: float,
        *,
        standard_input: IO[Any] | None = None,
        file: Path | None = None,
        directory: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end. :meth:`start` and ``subprocess.run`` describe the arguments."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            program = self.start(
                code,
                arguments,
                environment,
                (out, err),
                standard_input=standard_input,
                file=file,
                directory=directory,
            )
            try:
                status = program.wait(timeout)
            except BaseException:
                program.kill()
                program.wait(_END_SECONDS)
                raise
            texts = []
            for each in (out, err):
                each.seek(0)
                texts.append(each.read().decode())
        return subprocess.CompletedProcess(list(arguments), status, *texts)


@functools.cache
def warm_python(prefix: Path, *, with_backend: bool = False) -> WarmPython:
    """Return the client for an environment with Airflow: that of the run, or one that ends with this process."""
    if shared.offers(name(prefix, with_backend=with_backend)):
        return WarmPython(prefix, shared.get(name(prefix, with_backend=with_backend)))
    own = ExitStack()
    atexit.register(_close, own, os.getpid())
    return WarmPython(prefix, own.enter_context(running(prefix, with_backend=with_backend)))


def name(prefix: Path, *, with_backend: bool = False) -> str:
    """Return the name under which the processes of a run request the forking process of this environment."""
    return f"warm-{prefix.name}{'-with-backend' if with_backend else ''}"


@contextmanager
def running(prefix: Path, *, with_backend: bool = False) -> Iterator[str]:
    """Run the forking process for this environment, with its command line's libraries loaded, and return its address.

    ``with_backend``, it has imported only the backend, with an empty Airflow home.

    At the end, the programs that still run are ended too.

    Raises:
        RuntimeError: it was not ready within _START_SECONDS, or has ended.
    """
    directory = Path(tempfile.mkdtemp(dir=shared.folder()))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if with_backend:
        modules = directory / "modules.json"
        modules.write_text(json.dumps({"modules": _BACKEND, "files": []}))
        environment = {name: value for name, value in environment.items() if not name.startswith("AIRFLOW__")}
        environment["AIRFLOW_HOME"] = str(directory)
    else:
        modules = shared.once(f"modules-{prefix.name}", functools.partial(_record, prefix)) / "modules.json"
    address = str(directory / "socket")
    command = [str(prefix / "bin" / "python"), str(_SERVER), address, str(modules)]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        try:
            told = select.select([process.stdout], [], [], _START_SECONDS)[0] and os.read(process.stdout.fileno(), 100)
            if told != b"ready\n":
                raise RuntimeError(f"{command} was not ready within {_START_SECONDS} s, or has ended: {told!r}")
            yield address
        finally:
            process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_END_SECONDS)


def _close(own: ExitStack, owner: int) -> None:
    # A forked child may run this too.
    if os.getpid() == owner:
        own.close()


def _record(prefix: Path, made: Path) -> None:
    airflow = str(prefix / "bin" / "airflow")
    # A test that comes first may have configured an Airflow that does not start.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
    environment |= {"AIRFLOW_HOME": str(made), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [
        str(prefix / "bin" / "python"),
        "-c",
        _RECORD,
        str(made / "modules.json"),
        airflow,
        *["variables", "get", "none"],
    ]
    # The command finds no database. By then it has loaded what it needs for one.
    subprocess.run(command, env=environment, capture_output=True, timeout=_START_SECONDS, check=False)
    assert (made / "modules.json").exists()
