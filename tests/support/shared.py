"""What all processes of one run of the tests have in common: a folder, and what the main process starts for them.

pytest-xdist runs the tests in several processes. What is dear is made once for all of them.
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

# More than anything has to start, and less than a test has to end.
ANSWER_SECONDS = 270.0

# What is told, or why there is none.
_Answer = tuple[object, str]

_folder: Path | None = None


def folder() -> Path:
    """The folder of the run. The process that first needs it makes it, unless it has joined a run, and removes it."""
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
    """The folder ``name``, with what ``make`` has put into it in the one process that came first."""
    path = folder() / name
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = Path(tempfile.mkdtemp(dir=folder()))
            make(unfinished)
            unfinished.rename(path)
    return path


class OnDemand:
    """Something that this process starts when one of the run first asks for it, and ends at :meth:`stop`.

    Each that asks is told the same: what there is, or why it could not be started.

    Args:
        name: by which the others ask for it, with :func:`get`.
        make: starts it, and gives what is told, which goes through pickle.
    """

    def __init__(self, name: str, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._address = str(_address(name))
        self._ends = threading.Event()
        self._listener = Listener(self._address, "AF_UNIX", backlog=64)
        # Linux may end a program with the thread that has started it, so this one lives as long as they should.
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End what there is. If it is about to start, that comes first."""
        self._ends.set()
        # To wake up the thread.
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
                    with suppress(OSError):  # whoever has asked may have ended
                        connection.send(answer)

    def _started(self, running: ExitStack) -> _Answer:
        try:
            return running.enter_context(self._make()), ""
        except Exception as error:  # of whatever kind: the others have to learn of it
            return None, f"{type(error).__name__}: {error}"


def offers(name: str) -> bool:
    """Whether the main process starts something of this name for the run."""
    return _address(name).exists()


def get(name: str, seconds: float = ANSWER_SECONDS) -> Any:
    """What an :class:`OnDemand` of the main process tells, when it is ready.

    Raises:
        RuntimeError: it could not be started, or nothing was told within ``seconds``.
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
