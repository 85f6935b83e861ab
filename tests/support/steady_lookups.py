"""Threads that look something up all the time."""

from __future__ import annotations

import threading
from collections.abc import Callable


class SteadyLookups:
    """Threads that look something up all the time until :meth:`stop`. ``problems`` has the unexpected results."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._ends = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, ask: Callable[[], str | None], *allowed: type[Exception]) -> None:
        thread = threading.Thread(target=self._keep_looking, args=(ask, allowed))
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _keep_looking(self, ask: Callable[[], str | None], allowed: tuple[type[Exception], ...]) -> None:
        while not self._ends.wait(0.05):
            try:
                if ask() != "found":
                    self.problems.append("not found")
            except allowed:
                pass
            except Exception as error:
                self.problems.append(repr(error))
