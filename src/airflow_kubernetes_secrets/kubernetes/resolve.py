"""Resolve the name of a host before a deadline.

``getaddrinfo`` has no timeout, and waits half a minute for a DNS server that does not respond.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from threading import Thread
from typing import Any

from airflow_kubernetes_secrets.kubernetes.deadline import Deadline

Address = tuple[socket.AddressFamily, Any]


def addresses_of_name(
    host: str, port: int, deadline: Deadline, getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo
) -> list[Address]:
    """Return the addresses of a host's name, in the resolver's order.

    Raises:
        OSError: the name does not exist (``socket.gaierror``), was not resolved in time (``TimeoutError``), or cannot
            be resolved because no thread can be started.
    """
    outcome: list[list[Address] | OSError] = []

    def resolve() -> None:
        try:
            found = getaddrinfo(host, port, type=socket.SOCK_STREAM)
            outcome.append([(family, address) for family, _type, _protocol, _name, address in found])
        except OSError as error:
            outcome.append(error)
        except ValueError:
            outcome.append(OSError(errno.EINVAL, f"{host!r} is not a host name"))

    # A daemon thread that still waits for DNS does not delay the end of the process.
    thread = Thread(target=resolve, name="airflow-kubernetes-secrets-resolve", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, f"no thread could be started to resolve the name {host}") from None
    thread.join(deadline.left_or_raise())
    if not outcome:
        raise TimeoutError(errno.ETIMEDOUT, f"the name {host} was not resolved in time")
    if isinstance(outcome[0], OSError):
        raise outcome[0]
    return outcome[0]
