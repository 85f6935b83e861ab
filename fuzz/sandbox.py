"""Prevents inputs from acting on the machine: a kubeconfig can name a program to run, or a server to log in to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FORBIDDEN = (
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.spawn",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.sendto",
    "subprocess.Popen",
)


class _Sandbox:
    """An audit hook that refuses programs and connections inside a block.

    An audit hook cannot be removed, so it is added once, and does nothing outside a block.
    """

    def __init__(self) -> None:
        self._is_added = False
        self._is_closed = False

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Refuse programs and network connections in the block with PermissionError."""
        if not self._is_added:
            sys.addaudithook(self._refuse)
            self._is_added = True
        self._is_closed = True
        try:
            yield
        finally:
            self._is_closed = False

    def _refuse(self, event: str, _arguments: tuple[object, ...]) -> None:
        if self._is_closed and event in _FORBIDDEN:
            raise PermissionError(f"{event} is not possible while an input is tried")


sandbox = _Sandbox()
