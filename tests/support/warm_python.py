"""A Python that has loaded much of what its programs will import, and forks for each of them.

Run by the interpreter of one environment, with the path of its socket and of a JSON file with names of modules. It ends
with its standard input. :mod:`support.warm` is the other side.

A program starts as in a process of its own: what it finds loaded are libraries which read nothing of its environment.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import Any


def main() -> None:
    address, modules = sys.argv[1:]
    # The folder of this file, which has modules with names of the standard library's.
    del sys.path[0]
    for name in json.loads(Path(modules).read_text()):
        # What is only of one platform, or made by another module.
        with suppress(ImportError):
            importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would lose the others"
    assert "airflow" not in sys.modules
    # The forks share this memory for as long as the collector does not touch it.
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, b"ready\n")
        program = next_program(listener)
    if program is not None:
        run(program)


def next_program(listener: socket.socket) -> dict[str, Any] | None:
    """In a fork: the program that it is to run. In this process itself: nothing, at its end."""
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
    """Fork once more, for the program; this process tells its id and its exit code."""
    ends_with_parent(signal.SIGKILL)
    text, descriptors, _flags, _address = socket.recv_fds(connection, 1 << 20, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(1 << 20)
    pid = os.fork()
    if pid == 0:
        connection.close()
        ends_with_parent(signal.SIGTERM)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        program: dict[str, Any] = json.loads(text)
        return program
    for descriptor in descriptors:
        os.close(descriptor)
    with suppress(OSError):  # whoever asked may be gone
        connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def ends_with_parent(number: signal.Signals) -> None:
    """Have Linux send this process the signal at its parent's end, so that a test run that is killed leaves none."""
    ctypes.CDLL(None).prctl(1, number)


def run(program: dict[str, Any]) -> None:
    """What the interpreter does with a program."""
    os.environ.clear()
    os.environ.update(program["environment"])
    time.tzset()
    os.chdir(program["directory"])
    if program["session"]:
        os.setsid()
    sys.argv = program["arguments"]
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
        # Without the frames of this module.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


if __name__ == "__main__":
    main()
