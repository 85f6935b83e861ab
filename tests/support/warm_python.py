"""A Python that has loaded much of what its programs will import, and forks for each of them.

The interpreter of an environment runs it with the path of its socket, and of a JSON file with names of modules and with
files whose compiled code it reads. It ends when its standard input closes. :mod:`support.warm` is the client.

A program starts as in its own process, with its arguments, variables, folder and streams. One thing differs: the values
that Python and the libraries have read from the environment of the test run when they were loaded. They include the
hash seed (one for all programs), PYTHONWARNINGS, PYTHONDEVMODE and other options of Python except PYTHONIOENCODING, and
variables that a library reads when it is imported, such as NO_COLOR. Nothing checks whether they matter to a program.

Four settings save a third of the time of a program. ``yaml.safe_load`` parses in C, so Python does not parse Airflow's
own files. ``yaml.SafeLoader``, from which this project derives its own loader, is unchanged. The garbage collector runs
rarely, because the modules that a program imports are not garbage. The compiled code of Airflow's own modules is read
before the fork; the program executes it. And a program that ends normally does not free its memory: to do that, Linux
would have to copy the memory of all loaded libraries. So objects that only Python's last steps delete are not deleted.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

# The number of new objects after which the garbage collector runs. Python's own default is 700.
_RARELY = 200_000


def main() -> None:
    address, modules = sys.argv[1:]
    # The folder of this file has modules with the names of modules of the standard library.
    del sys.path[0]
    recorded = json.loads(Path(modules).read_text())
    names = recorded["modules"]
    for name in names:
        # The module may exist on one platform only, or be created by another module.
        with suppress(ImportError):
            importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would lose the others"
    assert "airflow" in names or "airflow" not in sys.modules
    parse_yaml_in_c()
    read_code(recorded["files"])
    gc.set_threshold(_RARELY)
    # The forks share this memory as long as the garbage collector does not touch it.
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, b"ready\n")
        program = next_program(listener)
    if program is not None:
        run_to_its_end(program)


def parse_yaml_in_c() -> None:
    """Make ``yaml.safe_load`` use libyaml. PyYAML uses it only on request."""
    import yaml

    yaml.safe_load = functools.partial(yaml.load, Loader=yaml.CSafeLoader)


def read_code(files: Sequence[str]) -> None:
    """Read the compiled code of modules, so that no program reads it again. Each program still executes it."""
    codes = {file: SourceFileLoader("", file).get_code("") for file in files}
    read = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> types.CodeType | None:
        return codes.get(loader.path) or read(loader, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]


def next_program(listener: socket.socket) -> dict[str, Any] | None:
    """In a fork, return the program to run. In the parent process, return None at the end."""
    while True:
        sources: list[socket.socket | int] = [listener, 0]
        readable, _, _ = select.select(sources, [], [], 5)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if 0 in readable:
            return None
        if listener in readable:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    return watched(connection)


def watched(connection: socket.socket) -> dict[str, Any]:
    """Fork again for the program, which reports its process id. This process reports its exit code, or ends it.

    It kills the program if it receives anything. If the client disconnects, it ends, and the program gets SIGTERM.
    """
    ends_with_parent(signal.SIGKILL)
    text, descriptors, _flags, _address = socket.recv_fds(connection, 1 << 20, 3)
    while not text.endswith(b"\n"):
        more = connection.recv(1 << 20)
        if not more:
            os._exit(0)
        text += more
    program: dict[str, Any] = json.loads(text)
    pid = os.fork()
    if pid == 0:
        ends_with_parent(signal.SIGTERM)
        # The session begins before the process id is reported, because a client may end the whole session.
        if program["session"]:
            os.setsid()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        tell(connection, os.getpid())
        connection.close()
        return program
    for descriptor in descriptors:
        os.close(descriptor)
    end = os.pidfd_open(pid)
    sources: list[socket.socket | int] = [connection, end]
    while end not in select.select(sources, [], [])[0]:
        if not connection.recv(1):
            os._exit(0)
        # No other process reaps the program, so the process id is still its own.
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    tell(connection, os.waitstatus_to_exitcode(status))
    os._exit(0)


def tell(connection: socket.socket, number: int) -> None:
    """Send a number to the client."""
    with suppress(OSError):  # the client may be gone
        connection.sendall(f"{number}\n".encode())


def ends_with_parent(number: signal.Signals) -> None:
    """Have Linux send this process the signal when its parent ends, so that a killed test run leaves no process."""
    ctypes.CDLL(None).prctl(1, number)


def run_to_its_end(program: dict[str, Any]) -> None:
    """Run the program, and end this process without freeing its memory, as ``multiprocessing`` ends its forks.

    Python itself ends it after an interrupt, or if there is an error to report at the end.
    """
    code = None
    try:
        run(program)
    except SystemExit as exit_:
        code = exit_.code
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the other threads, as Python does
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        # Python prints it.
        sys.exit(code)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        sys.exit(code)
    os._exit((code or 0) & 0xFF)


def run(program: dict[str, Any]) -> None:
    """Run the program as the interpreter does."""
    os.environ.clear()
    os.environ.update(program["environment"])
    time.tzset()
    os.chdir(program["directory"])
    sys.argv = program["arguments"]
    # Python decides this when it starts. This process had another output then.
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())
    if encoding := os.environ.get("PYTHONIOENCODING"):
        encoding, _, errors = encoding.partition(":")
        sys.stdout.reconfigure(encoding=encoding, errors=errors or "strict")
        # If the errors of this process go to a file, its stream would seek now, which a pipe does not support.
        sys.stderr = open(2, "w", 1, encoding, "backslashreplace", closefd=False)  # noqa: SIM115
    folders = os.environ.get("PYTHONPATH", "")
    sys.path[:0] = [program["folder"], *(folders.split(os.pathsep) if folders else [])]
    module = types.ModuleType("__main__")
    if program["file"] is not None:
        module.__file__ = program["file"]
    sys.modules["__main__"] = module
    try:
        code = compile(program["code"], program["file"] or "<string>", "exec")
        exec(code, module.__dict__)  # noqa: S102  # this is how Python runs a program too
    except Exception as error:
        # The frames of this module are removed.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


if __name__ == "__main__":
    main()
