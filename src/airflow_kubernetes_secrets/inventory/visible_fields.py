"""What may be shown of a connection. Everything else can be a credential, or contain one.

The path or query of a webhook's URL is a credential, and people put such a URL where a host or a type belongs. So a
string is shown only if it looks like a host, a type or a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# The names of servers in DNS, in Airflow's URIs (with ``_``), and of SQL Server's instances (behind a ``\``).
_NAME = r"[^\W_](?:[\w-]{0,62}(?:\.[\w-]{1,63}){0,30})\.?(?:\\[\w$-]{1,32})?"
_ADDRESS = r"\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]{0,15}){2,8}\]?"
_HOST = rf"(?:{_NAME}|{_ADDRESS})"
_HOST_AND_PORT = rf"(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?"
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://(?P<authority>[^/?#]*).*"

# Airflow's connection types are Python names. The scheme of a URI can also contain ``+``, ``-`` and ``.``.
_TYPE = r"[A-Za-z_][A-Za-z0-9_.+-]{0,49}"


def shown_address(host: str, port: str = "") -> tuple[str, str]:
    """Return host and port as far as they may be shown; each is empty if it may not be shown.

    The host can be a list of hosts with commas. Of a URL only its host and port are shown.

    Args:
        host: the host field of a connection.
        port: the port field of a connection, which replaces a port in the host.
    """
    text = host.strip()
    url = re.fullmatch(_URL, text, re.DOTALL)
    if url is not None:
        text = url["authority"]
    # Login and password can come before an '@', also in the path, because they may contain an unescaped '/'.
    if "@" in host:
        return "", port
    found = re.fullmatch(_HOST_AND_PORT, text)
    if found is not None:
        return found["host"], port or found["port"] or ""
    # One by one: a pattern for all of them would try each of their ports both with and without the address before it.
    several = text.split(",", maxsplit=21)
    are_hosts = 1 < len(several) < 22 and all(re.fullmatch(_HOST_AND_PORT, each) for each in several)
    return text if are_hosts else "", port


def shown_type(conn_type: str) -> str:
    """Return the connection type; empty if it does not look like one."""
    return conn_type if re.fullmatch(_TYPE, conn_type) else ""


def shown_names(extra: Mapping[str, object]) -> list[str]:
    """Return the names in ``extra`` whose value is not blank, sorted.

    A URI's query can be a credential instead of names and values: ``?T0KEN``. It is then a name with a blank value, or
    with only the padding of base64 (``=``).
    """
    return sorted(name for name, value in extra.items() if value is not None and str(value).strip("= "))
