"""The process that parses DAG code for a command. It imports only the standard library, Jinja and this package.

:mod:`airflow_kubernetes_secrets.usage.processes` starts it, and describes what is sent.
"""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection

from airflow_kubernetes_secrets.usage.dag_code import parsing, uses_in_each_file
from airflow_kubernetes_secrets.usage.signatures import Signatures


def serve(connection: Connection) -> None:
    """Parse each list of files that arrives, and send back what each uses, until the other end is closed."""
    _end_with_parent()
    with suppress(EOFError, OSError), parsing():
        signatures = Signatures(connection.recv())
        connection.send(None)
        while True:
            _answer(connection, signatures)


def _answer(connection: Connection, signatures: Signatures) -> None:
    files = connection.recv()
    try:
        uses = uses_in_each_file(files, signatures)
    except Exception:
        # The command parses the files itself, and raises the error there.
        connection.send(None)
        raise
    connection.send(uses)


def _end_with_parent() -> None:
    """Have the kernel end this process when its parent ends.

    Python cannot do it while it parses a file, which takes long if the file is hostile. The parent holds the other end
    of standard input and writes nothing, so the kernel sends a signal exactly when the parent ends.
    """
    # Only Linux has it. Elsewhere, the process ends when it has parsed its files.
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
