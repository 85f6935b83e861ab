"""URIs as operators write them, taken apart.

Airflow's own parser is not for these: it takes one host only, and what it makes of ``mongodb+srv`` or ``rediss`` its
hooks refuse. Passwords stand in them with percent-encoding and without (RabbitMQ's cluster operator, Bitnami's charts).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote

_PARTS = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.+)"
_AUTHORITY = r"(?:(?P<userinfo>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?"
_HOST = r"(?P<host>\[[^\]]+\]|[^:,\[\]]+)(?::(?P<port>[0-9]*))?"

# The schemes that HttpHook wants as the schema, or with a path in front of the host.
WEB = ("http", "https")

_WORDS = {"true": True, "false": False}


class UnusableUriError(ValueError):
    """A text is no URI with a scheme and a host. The text of the error quotes nothing of it."""


class ParsedUri:
    """What a URI says, as the hooks of Airflow want it. Its ``repr`` shows none of it.

    Attributes:
        host: one host; or several with their ports, as they stand there; or the whole of a web address.
        schema: the path.
        options: what belongs into ``extra``: the query, and what the scheme says beyond the connection type.
        takes_port: a port from elsewhere may belong to it.
    """

    __slots__ = ("host", "login", "options", "password", "port", "schema", "scheme", "takes_port")

    def __init__(self, text: str, login: str = "", password: str = "") -> None:
        """
        Args:
            login, password: known from elsewhere. The URI may hold them as they are, and a ``/`` or ``#`` in them would
                mislead.

        Raises:
            UnusableUriError: it has no scheme, no host, or a port that is no number.
        """
        found = re.fullmatch(_PARTS, text, flags=re.DOTALL)
        if found is None:
            raise UnusableUriError("it is not a URI (scheme://host…)")
        rest = _without_known(found["rest"], login, password)
        authority = re.fullmatch(_AUTHORITY, rest, flags=re.DOTALL)
        if authority is None or not authority["hosts"]:
            raise UnusableUriError("it is a URI without a host")
        userinfo = authority["userinfo"]
        if userinfo is None and "@" in rest:
            # Taken as it stands, a part of the password could be the host.
            raise UnusableUriError(_ENCODE)
        self.scheme = found["scheme"].lower()
        self.login, self.password = _login_and_password(userinfo or "", self.scheme, password)
        self.host, self.port = _host_and_port(authority["hosts"])
        self.takes_port = "," not in self.host
        path = authority["path"] or ""
        self.schema = unquote(path[1:])
        self.options: dict[str, Any] = {
            name: _WORDS.get(value, value)
            for name, value in parse_qsl(authority["query"] or "", keep_blank_values=True)
        }
        self._suit_the_hook(authority["hosts"] + path)

    def _suit_the_hook(self, address: str) -> None:
        if self.scheme == "mongodb+srv":
            # https://airflow.apache.org/docs/apache-airflow-providers-mongo/stable/connections/mongo.html
            self.options["srv"] = True
            self.port, self.takes_port = None, False
        elif self.scheme == "rediss":
            # https://airflow.apache.org/docs/apache-airflow-providers-redis/stable/connections/redis.html
            self.options["ssl"] = True
        elif self.scheme in WEB and self.schema:
            # https://airflow.apache.org/docs/apache-airflow-providers-http/stable/connections/http.html
            self.host, self.port, self.takes_port = f"{self.scheme}://{address}", None, False
            self.schema = ""


_ENCODE = (
    "the URI cannot be taken apart at host and port: in login and password characters such as / ? # @ : must be "
    "percent-encoded"
)


def port_number(text: str) -> int | None:
    """The port that a text says; ``None`` if it is none from 1 to 65535."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    return number if 0 < number < 65536 else None


def _without_known(rest: str, login: str, password: str) -> str:
    """The URI after its scheme, without the login and password that it holds unescaped."""
    if not password:
        return rest
    for userinfo in (f"{login}:{password}@", f":{password}@", f"{password}@"):
        if rest.startswith(userinfo):
            return rest[len(userinfo) :]
    return rest


def _login_and_password(userinfo: str, scheme: str, password: str) -> tuple[str, str]:
    user, colon, word = userinfo.partition(":")
    if not colon and (scheme.startswith("redis") or unquote(user) == password):
        # Bitnami's Redis chart has only the password there, in the place of the login.
        user, word = "", user
    return unquote(user), unquote(word)


def _host_and_port(hosts: str) -> tuple[str, int | None]:
    if "," in hosts:
        return hosts, None
    found = re.fullmatch(_HOST, hosts)
    port = port_number(found["port"]) if found is not None and found["port"] else None
    if found is None or (found["port"] and port is None):
        raise UnusableUriError(_ENCODE)
    return unquote(found["host"].strip("[]")), port
