"""Python programs in a pod, as forks of a process that has imported the backend, which takes longer than they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from support.warm import warm_python

_END_SECONDS = 60


class PipedProgram:
    """A program whose streams are pipes. It has a part of the interface of ``subprocess.Popen``."""

    def __init__(self, code: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the program. Its code is dedented; ``arguments`` are those after the program's name."""
        pipes = [os.pipe() for _ in range(3)]
        (its_input, ours), (out, its_output), (err, its_errors) = pipes
        self.stdin: IO[str] = os.fdopen(ours, "w")
        self.stdout: IO[str] = os.fdopen(out)
        self.stderr: IO[str] = os.fdopen(err)
        python = warm_python(Path(sys.prefix), with_backend=True)
        with os.fdopen(its_input) as first, os.fdopen(its_output, "w") as second, os.fdopen(its_errors, "w") as third:
            streams = (second, third)
            self._program = python.start(
                code, ["-c", *arguments], environment, streams, standard_input=first, session=True
            )

    @property
    def returncode(self) -> int | None:
        return self._program.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal. The program must be running."""
        os.kill(self._program.pid, number)

    def communicate(self, text: str = "", timeout: float = _END_SECONDS) -> tuple[str, str]:
        """Send the text, wait for the end of the program, and return the rest of its output and of its errors.

        Raises:
            subprocess.TimeoutExpired: it has not ended within ``timeout`` seconds.
        """
        ends = time.monotonic() + timeout
        texts = ["", ""]

        def read(number: int, stream: IO[str]) -> None:
            texts[number] = stream.read()

        streams = enumerate((self.stdout, self.stderr))
        readers = [threading.Thread(target=read, args=each, daemon=True) for each in streams]
        for reader in readers:
            reader.start()
        # A program that has already ended says in its errors why.
        with suppress(BrokenPipeError):
            self.stdin.write(text)
            self.stdin.close()
        for reader in readers:
            reader.join(max(ends - time.monotonic(), 0))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(f"process {self._program.pid}", timeout)
        self._program.wait(max(ends - time.monotonic(), 1))
        return texts[0], texts[1]

    def end(self) -> None:
        """Kill the program and the processes that it has started, if it was not waited for, and close the streams.

        A process that keeps a pipe open would make the thread that reads it wait for ever.
        """
        if self._program.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait(_END_SECONDS)
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()
