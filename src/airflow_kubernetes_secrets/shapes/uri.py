"""URIs as operators write them, taken apart.

Airflow's own parser is not for these: it takes one host only, and what it makes of ``mongodb+srv`` or ``rediss`` its
hooks refuse. Passwords stand in them with percent-encoding and without (RabbitMQ's cluster operator, Bitnami's charts).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from airflow_kubernetes_secrets.shapes.aliases import connection_type
from airflow_kubernetes_secrets.shapes.hosts import hosts_and_ports, libpq_port, port_number

_PARTS = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.+)"
_AUTHORITY = r"(?:(?P<userinfo>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?"
_HOST = r"(?P<host>\[[^\]]+\]|[^:,\[\]]*)(?::(?P<port>[0-9]*))?"

# The schemes that HttpHook wants as the schema, or with a path in front of the host.
WEB = ("http", "https")

_WORDS = {"true": True, "false": False}

# The names in a query that are fields of the connection.
_FIELDS_OF_LIBPQ = ("user", "password", "dbname", "host", "port")

# The names in a query that say where the server is: a socket of MySQL, an address for libpq.
_IN_PLACE_OF_A_HOST = ("unix_socket", "hostaddr")

# A name in a query that stands there several times, for a list of values; others count once, as the last one says.
# https://www.mongodb.com/docs/manual/reference/connection-string-options/#read-preference-options
REPEATED = "readpreferencetags"


class UnusableUriError(ValueError):
    """A text is no URI with a scheme and a host. The text of the error quotes nothing of it."""


class ParsedUri:
    """What a URI says, as the hooks of Airflow want it. Its ``repr`` shows none of it.

    Attributes:
        host: one host; or several with their ports, as they stand there; or the whole of a web address.
        port: for libpq several with commas between them, one for each host.
        schema: the path.
        query: names and values of the query, as they stand there.
        options: what belongs into ``extra``: the query, and what the scheme says beyond the connection type.
        takes_port: a port from elsewhere may belong to it.
    """

    __slots__ = ("host", "login", "options", "password", "port", "query", "schema", "scheme", "takes_port")

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
            raise UnusableUriError(
                "it is not a URI (scheme://host…). A host is named by the annotation airflow.apache.org/field-host"
            )
        rest = _without_known(found["rest"], login, password)
        authority = re.fullmatch(_AUTHORITY, rest, flags=re.DOTALL)
        if authority is None:
            raise UnusableUriError("it is a URI without a host")
        userinfo, hosts = authority["userinfo"], authority["hosts"]
        has_more = userinfo is None and "@" in rest
        if has_more and hosts:
            # Taken as it stands, a part of the password could be the host.
            raise UnusableUriError(_ENCODE)
        self.scheme = found["scheme"].lower()
        self.login, self.password = _login_and_password(userinfo or "", self.scheme, password)
        self.port: int | str | None
        self.host, self.port = _host_and_port(hosts)
        self.takes_port = True
        path = authority["path"] or ""
        self.schema = unquote(path[1:])
        self.options: dict[str, Any] = {}
        query = authority["query"] or ""
        if connection_type(self.scheme) == "postgres":
            self._suit_libpq(hosts, query)
        else:
            self.takes_port = "," not in self.host
            self.query = parse_qsl(query, keep_blank_values=True)
            self.options |= _options(self.query)
            self._suit_the_hook(hosts + path)
        if not (self.host or any(self.options.get(name) for name in _IN_PLACE_OF_A_HOST)):
            raise UnusableUriError(_ENCODE if has_more else "it is a URI without a host")

    def _suit_libpq(self, hosts: str, query: str) -> None:
        """Take the query's parameters as libpq does: they count before the rest of the URI.

        https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
        """
        if "," in hosts:
            found = hosts_and_ports(hosts)
            self.host = ",".join(unquote(host) for host, _port in found)
            self.port = libpq_port([port for _host, port in found])
        # Here a plus is no space.
        self.query = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
        said = dict(self.query)
        self.login = said.get("user") or self.login
        self.password = said.get("password") or self.password
        self.schema = said.get("dbname") or self.schema
        self.host = said.get("host") or self.host
        if said.get("port"):
            ports = [port_number(each) for each in said["port"].split(",") if each]
            if not ports or None in ports:
                raise UnusableUriError("the port in its query is not a number from 1 to 65535")
            self.port = said["port"] if "," in said["port"] else ports[0]
        self.options |= _options([(name, value) for name, value in self.query if name not in _FIELDS_OF_LIBPQ])
        if self.options.get("ssl") is True:
            # As in the URIs of JDBC, which libpq knows.
            del self.options["ssl"]
            self.options.setdefault("sslmode", "require")

    def _suit_the_hook(self, address: str) -> None:
        if self.scheme == "mongodb+srv":
            # https://airflow.apache.org/docs/apache-airflow-providers-mongo/stable/connections/mongo.html
            self.options["srv"] = True
            self.port, self.takes_port = None, False
        elif self.scheme in ("rediss", "valkeys"):
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
    if not colon and (connection_type(scheme) == "redis" or unquote(user) == password):
        # Bitnami's Redis chart has only the password there, in the place of the login.
        user, word = "", user
    return unquote(user), unquote(word)


def _host_and_port(hosts: str) -> tuple[str, int | None]:
    if "," in hosts:
        if not hosts_and_ports(hosts):
            raise UnusableUriError(_ENCODE)
        return hosts, None
    found = re.fullmatch(_HOST, hosts)
    port = port_number(found["port"]) if found is not None and found["port"] else None
    if found is None or (found["port"] and port is None):
        raise UnusableUriError(_ENCODE)
    return unquote(found["host"].strip("[]")), port


def _options(query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A query as ``extra``. Of a name that is repeated the last one counts, or all in a list."""
    options: dict[str, Any] = {}
    lists: dict[str, list[str]] = {}
    for name, value in query:
        options[name] = _WORDS.get(value, value)
        if name.lower() == REPEATED:
            lists.setdefault(name, []).append(value)
    return options | {name: values for name, values in lists.items() if len(values) > 1}
