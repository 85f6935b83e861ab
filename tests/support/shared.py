"""Resources that all processes of a test run share: a folder, and the programs that the main process starts.

pytest-xdist runs the tests in several processes. Expensive resources are created once for all of them.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

# Longer than any program needs to start, and shorter than the timeout of a test.
ANSWER_SECONDS = 270.0

# The result, or the reason why there is none.
_Answer = tuple[object, str]

_folder: Path | None = None


def folder() -> Path:
    """Return the folder of the run. The first process that needs it creates it, unless it has joined a run.

    That process also removes it.
    """
    global _folder  # noqa: PLW0603  # what belongs to the process is a variable of a module
    if _folder is None:
        _folder = Path(tempfile.mkdtemp(prefix="test-run-"))
        atexit.register(_remove, _folder, os.getpid())
    return _folder


def join(run: str) -> None:
    """Take part in the run that has this folder."""
    global _folder  # noqa: PLW0603  # what belongs to the process is a variable of a module
    _folder = Path(run)


def once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder ``name``, which ``make`` fills in the process that requests it first."""
    path = folder() / name
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = Path(tempfile.mkdtemp(dir=folder()))
            make(unfinished)
            unfinished.rename(path)
    return path


class OnDemand:
    """A resource that this process starts when a process of the run first requests it, and ends at :meth:`stop`.

    All requests get the same result: the value, or why it could not be started.

    Args:
        name: the name by which the other processes request it, with :func:`get`.
        make: starts the resource. Its value is sent with pickle.
    """

    def __init__(self, name: str, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._address = str(_address(name))
        self._ends = threading.Event()
        self._listener = Listener(self._address, "AF_UNIX", backlog=64)
        # Linux can end a program together with the thread that started it. So this thread runs as long as the programs.
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the resource. If it is being started, wait for that first."""
        self._ends.set()
        # This wakes up the thread.
        Client(self._address, "AF_UNIX").close()
        self._thread.join(ANSWER_SECONDS)
        self._listener.close()

    def _serve(self) -> None:
        answer: _Answer | None = None
        with ExitStack() as running:
            while True:
                with self._listener.accept() as connection:
                    if self._ends.is_set():
                        return
                    if answer is None:
                        answer = self._started(running)
                    with suppress(OSError):  # the process that requested it may have ended
                        connection.send(answer)

    def _started(self, running: ExitStack) -> _Answer:
        try:
            return running.enter_context(self._make()), ""
        except Exception as error:  # of any type: the other processes must be told
            return None, f"{type(error).__name__}: {error}"


def offers(name: str) -> bool:
    """Return whether the main process starts something of this name for the run."""
    return _address(name).exists()


def get(name: str, seconds: float = ANSWER_SECONDS) -> Any:
    """Return the value of an :class:`OnDemand` of the main process, when it is ready.

    Raises:
        RuntimeError: it could not be started, or there was no response within ``seconds``.
    """
    with Client(str(_address(name)), "AF_UNIX") as connection:
        if not connection.poll(seconds):
            raise RuntimeError(f"{name} was not ready within {seconds:g} s")
        try:
            found, problem = connection.recv()
        except EOFError:
            problem = "the main process has ended"
    if problem:
        raise RuntimeError(f"{name} could not be started: {problem}")
    return found


def _address(name: str) -> Path:
    return folder() / f"{name}.socket"


def _remove(path: Path, owner: int) -> None:
    # A forked child may run this too.
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)
