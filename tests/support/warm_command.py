"""Requests a process of :mod:`support.warm_python` to run a program.

Run as a program itself, it replaces one of Airflow's programs: it passes its own streams, variables and folder. Its
arguments are the path of the socket, that of the program, and the program's own arguments. It also replaces Python
with ``-m``, a module and its arguments, or with ``-u -c`` and a program.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

KILL = b"k"


def open_request(address: str, request: Mapping[str, Any], streams: Sequence[int]) -> socket.socket:
    """Return a connection that delivers two lines: the process id of the program, and at its end the exit code.

    Sending KILL kills the program. Closing the connection ends it by SIGTERM.

    Args:
        streams: the descriptors of the program's input, output and errors.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    text = f"{json.dumps(request)}\n".encode()
    sent = socket.send_fds(connection, [text], streams)
    connection.sendall(text[sent:])
    return connection


def main() -> int:
    """Run the program, and return its exit code."""
    address, file, *arguments = sys.argv[1:]
    if arguments[:1] == ["-m"]:
        code = f"import runpy; runpy.run_module({arguments[1]!r}, run_name='__main__', alter_sys=True)"
        arguments = arguments[1:]
    elif arguments[:2] == ["-u", "-c"]:
        code, arguments = arguments[2], arguments[1:2]
    else:
        with open(file) as opened:  # noqa: PTH123  # pathlib is slow to import
            code = opened.read()
        arguments = [file, *arguments]
    request = {
        "code": code,
        "arguments": arguments,
        "environment": dict(os.environ),
        "directory": os.getcwd(),  # noqa: PTH109  # pathlib is slow to import
        "file": file,
        "folder": os.path.dirname(file),  # noqa: PTH120  # pathlib is slow to import
        "session": False,
    }
    with open_request(address, request, (0, 1, 2)) as connection:
        _pid, status = connection.makefile("r")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
