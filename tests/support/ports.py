"""Ports of loopback for programs that take theirs as an option.

Linux gives clients ports from one range. A free port of that range may be taken by any connection before the program
binds it, so these ports are outside the range.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

HOST = "127.0.0.1"
_OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ALL = range(10_000, 65_536)
_ATTEMPTS = 5
_IN_USE = "address already in use"
# The generator of the module random is not used: processes with the same seed would all draw the same ports.
_random = secrets.SystemRandom()

Started = TypeVar("Started")


class AddressInUseError(RuntimeError):
    """A program has ended because its port is in use."""


def failure(text: str, log: str) -> RuntimeError:
    """Return the error for a program that has ended: an :class:`AddressInUseError` if its log says so."""
    return (AddressInUseError if _IN_USE in log.lower() else RuntimeError)(text)


def free_ports(count: int) -> list[int]:
    """Return different ports that are free on loopback, and that Linux gives to no client."""
    candidates = _candidates()
    ports: list[int] = []
    for port in _random.sample(candidates, len(candidates)):
        if len(ports) == count:
            break
        try:
            socket.create_server((HOST, port)).close()
        except OSError:
            continue
        ports.append(port)
    assert len(ports) == count, "no port is free"
    return ports


def on_free_ports(count: int, start: Callable[..., Started]) -> Started:
    """Call ``start`` with free ports, and return its result. After an AddressInUseError, try again with other ports."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return start(*free_ports(count))
        except AddressInUseError:
            continue
    return start(*free_ports(count))


def held_port() -> socket.socket:
    """Return a socket that reserves a port for a program which binds with SO_REUSEPORT.

    The port stays reserved while the program does not run. The socket never listens, so connections are refused then.
    The caller closes it.
    """

    def hold(port: int) -> socket.socket:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            held.bind((HOST, port))
        except OSError as error:
            held.close()
            raise AddressInUseError(f"port {port}: {error}") from error
        return held

    return on_free_ports(1, hold)


def _candidates() -> list[int]:
    """Return the ports outside the range of clients; all ports if that range includes them all."""
    # This is the range that IANA recommends, for systems other than Linux.
    text = _OF_CLIENTS.read_text() if _OF_CLIENTS.exists() else "49152 65535"
    first, last = map(int, text.split())
    return [port for port in _ALL if not first <= port <= last] or list(_ALL)
