"""Ports of loopback for programs that take theirs as an option.

Linux gives clients ports of one range. A port of that range that is free now may be taken by any connection before the
program binds it, so these are others.
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
# Not that of the module random: processes with one seed would all draw the same ports.
_random = secrets.SystemRandom()

Started = TypeVar("Started")


class AddressInUseError(RuntimeError):
    """A program has ended because another one has its port."""


def failure(text: str, log: str) -> RuntimeError:
    """The error for a program that has ended: an :class:`AddressInUseError` if its log says so."""
    return (AddressInUseError if _IN_USE in log.lower() else RuntimeError)(text)


def free_ports(count: int) -> list[int]:
    """Different ports that are free on loopback, and that Linux gives to no client."""
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
    """What ``start`` returns, which is called with free ports, and again with others if it raises AddressInUseError."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return start(*free_ports(count))
        except AddressInUseError:
            continue
    return start(*free_ports(count))


def held_port() -> socket.socket:
    """A socket that holds a port for a program which binds with SO_REUSEPORT, also while that program does not run.

    It never listens, so connections are refused then. Its owner closes it.
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
    """The ports outside of the range of clients; all, if that has all of them."""
    # What IANA recommends where there is no Linux to ask.
    text = _OF_CLIENTS.read_text() if _OF_CLIENTS.exists() else "49152 65535"
    first, last = map(int, text.split())
    return [port for port in _ALL if not first <= port <= last] or list(_ALL)
