"""``airflow-kubernetes-secrets devserver``: runs a Kubernetes API for Secrets on this machine until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.cli.output import print_line, print_message
from airflow_kubernetes_secrets.kubernetes.labels import NAMESPACE_RULE, is_namespace
from airflow_kubernetes_secrets.messages.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_kubernetes_secrets_devserver import DevServer

# How often the command checks whether the server is still running, in seconds.
CHECK_SECONDS = 1.0

# The ready file contains no token, so it has the default mode of new files.
_READY_FILE_MODE = 0o666


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM.

    Returns:
        0 when stopped by a signal. 1 if the server could not start or ended by itself, with one line on standard error.
    """
    try:
        from airflow_kubernetes_secrets_devserver import DevServer
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is missing: pip install 'airflow-kubernetes-secrets[devserver]'")
    if not is_namespace(arguments.namespace):
        return _fail(f"--namespace: that is not a valid name. Use {NAMESPACE_RULE}")
    # The printed variables must be valid in every folder.
    directory = None if arguments.directory is None else arguments.directory.absolute()
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server = DevServer(
            arguments.manifests,
            namespace=arguments.namespace,
            host=arguments.host,
            port=arguments.port,
            directory=directory,
            report=_print,
        )
        with server:
            return _serve(server, arguments.ready_file, stop)
    except BrokenPipeError:
        raise  # ``main.run`` handles this for every command
    except OSError as error:
        return _fail(_explain(error, arguments.port))
    except RuntimeError as error:
        return _fail(f"{error}: {error.__cause__}" if error.__cause__ else str(error))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(server: DevServer, ready_file: Path | None, stop: threading.Event) -> int:
    kubectl, airflow = _exports({"KUBECONFIG": str(server.kubeconfig)}), _exports(server.environment())
    with _written(ready_file, os.fsencode("".join(f"{line}\n" for line in (*kubectl, *airflow)))):
        _print(
            f"Kubernetes API for Secrets and ConfigMaps on {server.url}, namespace {server.namespace}. Ctrl-C stops it."
        )
        for line in ("", "For kubectl:", "", *kubectl, "", "For Airflow:", "", *airflow, ""):
            _print(line)
        while not stop.wait(CHECK_SECONDS):
            if not server.running:
                return _fail("the devserver ended by itself")
    _print("Stopping.")
    return 0


@contextmanager
def _written(ready_file: Path | None, content: bytes) -> Iterator[None]:
    """Write the ready file, and remove it at the end of the block."""
    if ready_file is None:
        yield
        return
    from airflow_kubernetes_secrets_devserver.own_files import OwnFiles

    own = OwnFiles.for_file(ready_file)
    try:
        own.write(ready_file.name, content, _READY_FILE_MODE)
        yield
    finally:
        for path in own.remove():
            _print(printable(f"{path} was changed since the devserver wrote it, so it is not removed"))


def _exports(variables: dict[str, str]) -> list[str]:
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def _explain(error: OSError, port: int) -> str:
    """Return an error of the operating system as a message with its remedy."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: choose another with --port, or omit --port for a free one"
    if error.errno == errno.EACCES and error.filename is None:
        return f"port {port} needs a permission: choose one above 1023 with --port, or omit --port for a free one"
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}. Check --manifests, --directory and --ready-file"
    if isinstance(error, NotADirectoryError):
        return f"{error}. Correct --manifests"
    return str(error)


def _print(line: str) -> None:
    print_line(line)
    sys.stdout.flush()


def _fail(line: str) -> int:
    print_message(printable(f"airflow-kubernetes-secrets devserver: {line}"))
    return 1
