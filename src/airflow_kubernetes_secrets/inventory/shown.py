"""What may be shown of a connection. The rest can be, or hold, a credential.

The path or query of a webhook's URL is a credential, and people put such a URL wherever a host or a type belongs.
So text is shown only if it looks like a host, a type or a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# As servers are named: in DNS, in Airflow's URIs (``_``), and SQL Server's instances behind a ``\``.
_NAME = r"[^\W_](?:[\w-]{0,62}(?:\.[\w-]{1,63}){0,30})\.?(?:\\[\w$-]{1,32})?"
_ADDRESS = r"\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]{0,15}){2,8}\]?"
_HOST = rf"(?:{_NAME}|{_ADDRESS})"
_HOST_AND_PORT = rf"(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?"
_SEVERAL = rf"{_HOST}(?::[0-9]{{1,5}})?(?:,{_HOST}(?::[0-9]{{1,5}})?){{1,20}}"
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://(?P<authority>[^/?#]*).*"

# Airflow's types are names as Python has them; a URI's scheme can have these, too.
_TYPE = r"[A-Za-z_][A-Za-z0-9_.+-]{0,49}"


def shown_address(host: str, port: str = "") -> tuple[str, str]:
    """The host, or several, and the port, as far as they may be shown; each is empty if not.

    Of a URL that is host and port alone.

    Args:
        host: what a connection has for it.
        port: what it has for the port, which counts before one in the host.
    """
    text = host.strip()
    url = re.fullmatch(_URL, text, re.DOTALL)
    if url is not None:
        text = url["authority"]
    # What is before an '@' can be login and password, also in the path: they may hold a '/' that is not encoded.
    if "@" in host:
        return "", port
    found = re.fullmatch(_HOST_AND_PORT, text)
    if found is not None:
        return found["host"], port or found["port"] or ""
    return text if re.fullmatch(_SEVERAL, text) else "", port


def shown_type(conn_type: str) -> str:
    """The connection type; empty if it looks like none."""
    return conn_type if re.fullmatch(_TYPE, conn_type) else ""


def shown_names(extra: Mapping[str, object]) -> list[str]:
    """The names of what is in ``extra`` and is not blank, in order.

    A URI's query can be a credential instead of names and values: ``?T0KEN``. Then the value is blank, or base64's
    padding (``=``).
    """
    return sorted(name for name, value in extra.items() if value is not None and str(value).strip("= "))
