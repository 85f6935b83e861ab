"""The client of a fork server: starts it, waits for it, and ends it with its processes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from harness.cluster import Cluster
from harness.plan import Lookup, Plan

_PROGRAM = Path(__file__).parents[1] / "fork_server.py"
_IMPORT_SECONDS = 120.0


class Forks:
    """A fork server, which :func:`forks` starts."""

    def __init__(self, process: subprocess.Popen[str], errors: TextIO, folder: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._input, self._output = process, process.stdin, process.stdout
        self._errors, self._folder = errors, folder

    def wait_until_ready(self) -> None:
        """Wait until it has imported everything."""
        self._read("ready", _IMPORT_SECONDS)

    def begin(self) -> None:
        """Make it fork."""
        self._input.write("\n")
        self._input.flush()

    def end(self) -> None:
        """Make the long-lived processes end."""
        self._input.close()

    def lookups(self, seconds: float) -> tuple[list[Lookup], int]:
        """Return all lookups in their order, and how many processes had to be killed.

        Args:
            seconds: how long to wait for the end of the last process.
        """
        unfinished: int = json.loads(self._read("{", seconds))["unfinished"]
        found = [Lookup(*each) for file in self._folder.glob("*.json") for each in json.loads(file.read_text())]
        return sorted(found), unfinished

    def _read(self, beginning: str, seconds: float) -> str:
        if not select.select([self._output], [], [], seconds)[0]:
            raise SystemExit(f"a fork server was not done within {seconds:g} s")
        line = self._output.readline()
        if not line.startswith(beginning):
            self._errors.seek(0)
            raise SystemExit(f"a fork server failed:\n{line}{self._errors.read()}")
        return line


@contextmanager
def forks(cluster: Cluster, plan: Plan) -> Iterator[Forks]:
    """Run a fork server that is ready. At the end it is removed with all that it has forked."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-fleet-") as folder,
        Path(folder, "errors").open("w+") as errors,
        subprocess.Popen(
            [sys.executable, str(_PROGRAM), json.dumps(plan._replace(folder=folder)._asdict())],
            env=cluster.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # A Ctrl-C must reach only the program that waits here, which then ends all of them.
            start_new_session=True,
        ) as process,
    ):
        try:
            started = Forks(process, errors, Path(folder))
            started.wait_until_ready()
            yield started
        finally:
            # All forked processes are in its group. If the server has ended, so have they.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
