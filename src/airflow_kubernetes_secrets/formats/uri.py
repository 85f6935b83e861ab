"""Parse URIs as other tools write them.

Airflow's own parser does not fit: it accepts only one host, and the hooks refuse its results for ``mongodb+srv`` and
``rediss``. Passwords in these URIs may be percent-encoded or not (RabbitMQ's cluster operator, Bitnami's charts).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from airflow_kubernetes_secrets.formats.aliases import connection_type
from airflow_kubernetes_secrets.formats.hosts import hosts_and_ports, libpq_port, port_number
from airflow_kubernetes_secrets.formats.usability import EXTRA_IN_QUERY
from airflow_kubernetes_secrets.formats.web_servers import WEB

# Drivers of SQLAlchemy have `_` in their names (oracle+cx_oracle).
_PARTS = r"(?P<scheme>[A-Za-z][A-Za-z0-9+._-]*)://(?P<rest>.+)"
# Another URI in a line of its own.
_SECOND = r"\n[ \t\r]*[A-Za-z][A-Za-z0-9+._-]*://"
_AUTHORITY = r"(?:(?P<userinfo>[^/?#]*)@)?(?P<hosts>[^/?#@;]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?"
_HOST = r"(?P<host>\[[^\]]+\]|[^:,\[\]]*)(?::(?P<port>[0-9]*))?"

# Schemes that mean TLS, although no hook reads them: they get lost if a key or an annotation specifies the type.
SECURE = ("https", "amqps", "ldaps", "mqtts", "wss", "ssl", "tls", "tcps", "sasl_ssl")

# https://github.com/redis/lettuce/wiki/Redis-URI-and-connection-details
_SENTINEL = ("redis-sentinel", "rediss-sentinel")

_WORDS = {"true": True, "false": False}

# What people write after a scheme and a plus sign for TLS.
_TLS = ("tls", "ssl", "mtls", "starttls", "https")

# What it means in `extra`, by connection type and word.
_MEANINGS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    (conn_type, word): extra
    for conn_type, words, extra in (
        ("postgres", ("tls", "ssl"), {"sslmode": "require"}),
        ("mysql", ("tls", "ssl"), {"ssl_mode": "REQUIRED"}),
        ("mongo", ("tls", "ssl"), {"tls": True}),
        ("redis", ("tls", "ssl"), {"ssl": True}),
        ("redis", ("cluster",), {"cluster": True}),
        # https://kafka.apache.org/documentation/#security_overview
        ("kafka", ("tls", "ssl"), {"security.protocol": "SSL"}),
        ("elasticsearch", ("tls", "ssl", "https"), {"scheme": "https"}),
        ("opensearch", ("tls", "ssl", "https"), {"use_ssl": True, "verify_certs": True}),
        ("clickhouse", ("tls", "ssl", "https"), {"secure": True}),
        # SmtpHook begins with TLS by default. In the settings of Django and Laravel, `tls` is STARTTLS.
        ("smtp", ("ssl",), {}),
        ("smtp", ("tls", "starttls"), {"disable_ssl": True}),
    )
    for word in words
}

# The parameters of a query that are fields of the connection.
_FIELDS_OF_LIBPQ = ("user", "password", "dbname", "host", "port")

# The parameters of a query that are the login and the password for other clients, by connection type.
_FIELDS_OF_QUERY: Mapping[str, Mapping[str, str]] = {
    # https://redis.readthedocs.io/en/stable/connections.html#redis.Redis.from_url
    "redis": {"username": "login", "password": "password"},
    # https://dev.mysql.com/doc/connector-j/en/connector-j-connp-props-authentication.html
    "mysql": {"user": "login", "password": "password"},
    # https://learn.microsoft.com/en-us/sql/connect/jdbc/setting-the-connection-properties
    # https://github.com/microsoft/go-mssqldb#common-parameters
    "mssql": {"user": "login", "password": "password", "database": "schema"},
}

# The parameters of a query that locate the server: a socket of MySQL, an address for libpq.
_IN_PLACE_OF_A_HOST = ("unix_socket", "hostaddr")

# A parameter of a query that may be repeated for a list of values. Of any other parameter, the last value counts.
# https://www.mongodb.com/docs/manual/reference/connection-string-options/#read-preference-options
REPEATED = "readpreferencetags"


class UnusableUriError(ValueError):
    """A string is not a URI with a scheme and a host. The message quotes nothing of it."""


class NotAUriError(UnusableUriError):
    """A string is not a URI, but a host or an address in another form."""


class NoHostError(UnusableUriError):
    """A URI has no host."""

    def __init__(self) -> None:
        super().__init__("it is a URI without a host")


class ParsedUri:
    """A parsed URI, with the values that Airflow's hooks expect. Its ``repr`` shows none of it.

    Attributes:
        host: one host; or several with their ports, as written; or a whole web address.
        port: one port; for libpq also several with commas, one for each host.
        schema: the path.
        query: the names and values of the query, as written.
        options: what belongs in ``extra``: the query, and what the scheme means beyond the connection type.
        takes_port: whether a port from another key may belong to the host.
    """

    __slots__ = ("host", "login", "options", "password", "port", "query", "schema", "scheme", "takes_port")

    def __init__(self, text: str, login: str = "", password: str = "") -> None:
        """Parse a URI.

        Args:
            login, password: known from other keys. The URI may contain them unencoded, and a ``/`` or ``#`` in them
                would be misread.

        Raises:
            UnusableUriError: the URI has no scheme, no host, or an invalid port.
        """
        found = re.fullmatch(_PARTS, text, flags=re.DOTALL)
        if found is None:
            raise NotAUriError("it is not a URI (scheme://host…)")
        if re.search(_SECOND, found["rest"]):
            # The second one would become a part of the first, such as its database.
            raise UnusableUriError("it contains several URIs. Store one of them")
        rest = _without_known(found["rest"], login, password)
        authority = re.fullmatch(_AUTHORITY, rest, flags=re.DOTALL)
        if authority is None:
            if ";" in rest:
                raise NotAUriError("it has parameters after ';', which a URI does not have")
            raise NoHostError
        userinfo, hosts = authority["userinfo"], authority["hosts"]
        has_more = userinfo is None and "@" in rest
        if has_more and hosts:
            # If the URI were parsed as it is, a part of the password could become the host.
            raise UnusableUriError(_ENCODE)
        self.scheme = found["scheme"].lower()
        security = self.scheme.partition("+")[2]
        if security == "sentinel" or self.scheme in _SENTINEL:
            raise UnusableUriError(
                "it is the URI of a Redis Sentinel, which RedisHook cannot use. Write the address of the Redis server"
            )
        self.login, self.password = _login_and_password(userinfo or "", self.scheme, password)
        self.port: int | str | None
        self.host, self.port = _host_and_port(hosts)
        self.takes_port = True
        path = authority["path"] or ""
        self.schema = unquote(path[1:])
        self.options: dict[str, Any] = {}
        query = authority["query"] or ""
        if connection_type(self.scheme) == "postgres":
            self._adjust_for_libpq(hosts, query)
        else:
            self.takes_port = "," not in self.host
            self.query = parse_qsl(query, keep_blank_values=True)
            self._read_fields_in_query()
            self._adjust_for_hook(hosts + path)
        self.options = {**options_of_scheme(self.scheme), **self.options}
        if not (self.host or any(self.options.get(name) for name in _IN_PLACE_OF_A_HOST)):
            if has_more:
                raise UnusableUriError(_ENCODE)
            raise NoHostError

    def _read_fields_in_query(self) -> None:
        """Read the login, the password and the database in the query, and the other parameters as options."""
        fields = _FIELDS_OF_QUERY.get(connection_type(self.scheme), {})
        of_fields = {fields[name.lower()]: value for name, value in self.query if name.lower() in fields}
        self.login = self.login or of_fields.get("login", "")
        self.password = self.password or of_fields.get("password", "")
        if self.schema and of_fields.get("schema", self.schema) != self.schema:
            # https://github.com/microsoft/go-mssqldb#connection-parameters-and-dsn
            self.host, self.port, self.takes_port = f"{self.host}\\{self.schema}", None, False
            self.schema = ""
        self.schema = self.schema or of_fields.get("schema", "")
        self.options |= _options([(name, value) for name, value in self.query if name.lower() not in fields])

    def _adjust_for_libpq(self, hosts: str, query: str) -> None:
        """Apply the parameters of the query as libpq does: they take precedence over the rest of the URI.

        https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
        """
        if "," in hosts:
            found = hosts_and_ports(hosts)
            self.host = ",".join(unquote(host) for host, _port in found)
            self.port = libpq_port([port for _host, port in found])
        # Unlike in web addresses, a plus sign is not a space here.
        self.query = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
        parameters = dict(self.query)
        self.login = parameters.get("user") or self.login
        self.password = parameters.get("password") or self.password
        self.schema = parameters.get("dbname") or self.schema
        self.host = parameters.get("host") or self.host
        if parameters.get("port"):
            ports = [port_number(each) for each in parameters["port"].split(",") if each]
            if not ports or None in ports:
                raise UnusableUriError("the port in its query is not a number from 1 to 65535. Write one, such as 5432")
            self.port = parameters["port"] if "," in parameters["port"] else ports[0]
        self.options |= _options([(name, value) for name, value in self.query if name not in _FIELDS_OF_LIBPQ])

    def _adjust_for_hook(self, address: str) -> None:
        if self.scheme == "mongodb+srv":
            # https://airflow.apache.org/docs/apache-airflow-providers-mongo/stable/connections/mongo.html
            self.options["srv"] = True
            self.port, self.takes_port = None, False
        elif connection_type(self.scheme) == "neo4j":
            # https://airflow.apache.org/docs/apache-airflow-providers-neo4j/stable/connections/neo4j.html
            name, _plus, security = self.scheme.partition("+")
            tls = {"s": "certs_trusted_ca", "ssc": "certs_self_signed"}.get(security)
            self.options |= ({"neo4j_scheme": True} if name == "neo4j" else {}) | ({tls: True} if tls else {})
        elif self.scheme.partition("+")[0] in ("rediss", "valkeys"):
            # https://airflow.apache.org/docs/apache-airflow-providers-redis/stable/connections/redis.html
            self.options["ssl"] = True
        elif self.scheme in WEB and self.schema:
            # https://airflow.apache.org/docs/apache-airflow-providers-http/stable/connections/http.html
            self.host, self.port, self.takes_port = f"{self.scheme}://{address}", None, False
            self.schema = ""


def options_of_scheme(word: str) -> Mapping[str, Any]:
    """Return what a scheme, or a type in a key, means in ``extra`` by the part after a plus sign."""
    return _MEANINGS.get((connection_type(word), _after_plus(word)), {})


def unread_security(word: str) -> str:
    """Return what a scheme, or a type in a key, has for TLS after a plus sign, and no hook reads; empty if nothing."""
    security = _after_plus(word)
    return security if security in _TLS and (connection_type(word), security) not in _MEANINGS else ""


def _after_plus(word: str) -> str:
    return word.strip().lower().partition("+")[2]


_ENCODE = (
    "the URI cannot be split into host and port: characters such as / ? # @ : in login and password must "
    "be percent-encoded"
)


def _without_known(rest: str, login: str, password: str) -> str:
    """Return the URI after its scheme, without a login and password that it contains unencoded."""
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
    has_other_port = found is None and re.fullmatch(r"(?:\[[^\]]+\]|[^:,\[\]]+):[^:,\[\]]+", hosts) is not None
    if found is None and not has_other_port:
        raise UnusableUriError(_ENCODE)
    if found is None or (found["port"] and port is None):
        raise UnusableUriError("its port is not a number from 1 to 65535. Write one, such as 5432")
    return unquote(found["host"].strip("[]")), port


def _options(query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return a query as ``extra``. If a name is repeated, the last value counts, or a list of all values."""
    options: dict[str, Any] = {}
    lists: dict[str, list[str]] = {}
    for name, value in query:
        options[name] = _WORDS.get(value, value)
        if name.lower() == REPEATED:
            lists.setdefault(name, []).append(value)
    options |= {name: values for name, values in lists.items() if len(values) > 1}
    if EXTRA_IN_QUERY not in options:
        return options
    extra = _object(options.pop(EXTRA_IN_QUERY))
    if extra is None:
        raise UnusableUriError(
            f"the parameter {EXTRA_IN_QUERY!r} in its query is not a JSON object. Write a percent-encoded JSON object"
        )
    return {**options, **extra}


def _object(text: object) -> dict[str, Any] | None:
    """Return the JSON object with which Airflow writes ``extra`` into a URI; ``None`` if it is none."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None  # the error would quote the value
    return found if isinstance(found, dict) else None
