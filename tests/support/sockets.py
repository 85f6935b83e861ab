"""Ports that accept no connections."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def full(family: socket.AddressFamily, host: str, port: int) -> Iterator[int]:
    """Open a port whose queue is full: Linux drops further connection attempts."""
    with socket.create_server((host, port), family=family, backlog=0) as listener, ExitStack() as waiting:
        for _ in range(4):
            client = waiting.enter_context(socket.socket(family))
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
