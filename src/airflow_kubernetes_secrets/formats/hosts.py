"""Parse hosts and ports, and write them as hooks expect them.

Most hooks pass the host to a driver, which expects an IPv6 address without brackets. Some hooks build a URL with it,
which needs the brackets.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Sequence

_HOST = r"(?P<host>/.*|\[[^\]]+\]|[^:,\[\]]*)(?::(?P<port>[0-9]+))?"


def port_number(text: str) -> int | None:
    """Return the port in a string; ``None`` if it is not a number from 1 to 65535."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    return number if 0 < number < 65536 else None


def hosts_and_ports(text: str) -> list[tuple[str, int | None]]:
    """Return the hosts of a list with commas, each with its port; empty if a part is not a host.

    The hosts are without brackets. One that begins with ``/`` is the folder or file of a socket, and has no port.
    """
    found = []
    for each in map(str.strip, text.split(",")):
        match = re.fullmatch(_HOST, f"[{each}]" if is_ipv6(each) else each, flags=re.DOTALL)
        port = port_number(match["port"]) if match is not None and match["port"] else None
        if match is None or not match["host"] or (match["port"] and port is None):
            return []
        found.append((match["host"].strip("[]"), port))
    return found


def in_url(host: str) -> str:
    """Return a host as a URL contains it: an IPv6 address in brackets."""
    return f"[{host}]" if is_ipv6(host) else host


def is_ipv6(host: str) -> bool:
    """Return whether a host is an IPv6 address without brackets. It may name a zone (``%eth0``)."""
    return host.count(":") > 1 and re.fullmatch(r"[0-9A-Fa-f:.]+(?:%[^,\[\]]*)?", host) is not None


def without_brackets(host: str) -> str:
    """Return a host as drivers expect it: an IPv6 address without brackets."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") and is_ipv6(host[1:-1]) else host


def address_of_cloud_id(cloud_id: str) -> tuple[str, int] | None:
    """Return the host and port of Elasticsearch in a Cloud ID (``name:base64``); ``None`` if it is none.

    https://github.com/elastic/elastic-transport-python/blob/v8.17.1/elastic_transport/client_utils.py#L96-L134
    """
    try:
        parts = b64decode(cloud_id.strip().rpartition(":")[2], validate=True).decode("ascii").split("$")
    except ValueError:
        return None
    found = re.fullmatch(r"(?P<domain>[\w.-]+)(?::(?P<port>[0-9]+))?", parts[0])
    if found is None or len(parts) < 2 or re.fullmatch(r"[\w-]+", parts[1]) is None:
        return None
    port = port_number(found["port"]) if found["port"] else CLOUD_PORT
    return None if port is None else (f"{parts[1]}.{found['domain']}", port)


def libpq_port(ports: Sequence[int | None]) -> int | str | None:
    """Return the port for several hosts: one for all, or a list with commas; ``None`` for the default.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
    """
    if len(set(ports)) == 1:
        return ports[0]
    return ",".join(str(port or LIBPQ_PORT) for port in ports)


LIBPQ_PORT = 5432
# Elastic Cloud uses the port of HTTPS if a Cloud ID has no port.
CLOUD_PORT = 443
