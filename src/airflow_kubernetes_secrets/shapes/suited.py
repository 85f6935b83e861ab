"""What hooks want otherwise than operators write it.

Each rule is what the code of the hook does; docs/shapes.md has them in a table. ``inventory/hooks.py`` warns where a
connection comes whole from one key and is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from airflow_kubernetes_secrets.shapes.aliases import connection_type, folded
from airflow_kubernetes_secrets.shapes.hosts import (
    hosts_and_ports,
    in_url,
    libpq_port,
    port_number,
    without_brackets,
)

# CloudNativePG's superuser may use every database, and its Secret names this one.
_EVERY_DATABASE = "*"

# The hooks give the driver no default, and it refuses the lack of a port (Redis), or the text "None" (SQL Server).
# https://airflow.apache.org/docs/apache-airflow-providers-redis/stable/connections/redis.html
# https://airflow.apache.org/docs/apache-airflow-providers-microsoft-mssql/stable/connections/mssql.html
_REDIS_PORT = 6379
_MSSQL_PORT = 1433

_HTTPS_PORT = 443

# The names of schemes and types that say more than the connection type that they become.
_WITH_TLS = ("rediss", "valkeys")
_BY_SRV = "mongodb+srv"


def suit_the_hook(connection: dict[str, Any], word: str) -> None:
    """Change the fields to those with which the hook does what was meant.

    Args:
        connection: as Airflow's JSON has it, with all of ``conn_type``, ``host``, ``port``, ``schema`` and ``extra``.
        word: what says the connection type, as it is there: a key's value or the scheme of a URI.
    """
    if connection["schema"] == _EVERY_DATABASE:
        connection["schema"] = ""
    if isinstance(connection["port"], str):
        # One for each host. What is in extra counts before the field, which takes one number.
        connection["extra"].setdefault("port", connection["port"])
        connection["port"] = None
    conn_type = connection["conn_type"]
    # An annotation counts before the word, and may say another type.
    word = folded(word.strip()) if connection_type(word) == connection_type(conn_type) else ""
    _RULES.get(conn_type, _to_a_driver)(connection, word)


def _to_a_driver(connection: dict[str, Any], _word: str) -> None:
    connection["host"] = without_brackets(connection["host"])


def _postgres(connection: dict[str, Any], word: str) -> None:
    """``PostgresHook`` gives libpq host and port as parameters, where ``h0:5432`` is the name of a host."""
    found = hosts_and_ports(connection["host"])
    if len(found) < 2:
        _to_a_driver(connection, word)
        return
    connection["host"] = ",".join(host for host, _port in found)
    port = libpq_port([port or connection["port"] for _host, port in found])
    if isinstance(port, str):
        connection["port"] = None
        connection["extra"].setdefault("port", port)
    else:
        connection["port"] = port


def _mysql(connection: dict[str, Any], word: str) -> None:
    """``MySqlHook`` takes the path of a socket from extra alone, and of TLS what mysqlclient calls it."""
    host, extra = connection["host"], connection["extra"]
    if host.startswith("/"):
        connection["host"], connection["port"] = "", None
        extra.setdefault("unix_socket", host)
    if "ssl-mode" in extra:
        # As MySQL's own programs have it, and URIs of DigitalOcean.
        extra.setdefault("ssl_mode", extra.pop("ssl-mode"))
    _to_a_driver(connection, word)


def _redis(connection: dict[str, Any], word: str) -> None:
    _to_a_driver(connection, word)
    extra, schema = connection["extra"], connection["schema"]
    if re.fullmatch("[0-9]{1,5}", schema):
        connection["schema"] = ""
        extra.setdefault("db", int(schema))
    if word in _WITH_TLS:
        extra.setdefault("ssl", True)
    if connection["host"]:
        connection["port"] = connection["port"] or _REDIS_PORT


def _mongo(connection: dict[str, Any], word: str) -> None:
    """``MongoHook`` builds a URI, and puts the port behind the last host."""
    host, port, extra = connection["host"], connection["port"], connection["extra"]
    if word == _BY_SRV:
        extra.setdefault("srv", True)
    if host.startswith("/"):
        connection["host"], connection["port"] = quote(host, safe=""), None
    elif extra.get("srv"):
        connection["port"] = None
    elif len(found := hosts_and_ports(host)) > 1:
        each = [(in_url(name), own or port) for name, own in found]
        connection["host"] = ",".join(f"{name}:{number}" if number else name for name, number in each)
        connection["port"] = None
    else:
        connection["host"] = in_url(host)


def _mssql(connection: dict[str, Any], _word: str) -> None:
    """``MsSqlHook`` gives host and port to pymssql, which knows no ``tcp:host,port``."""
    found = re.fullmatch(r"(?:tcp:)?(?P<host>[^,:]+)(?:,\s*(?P<port>[0-9]+))?", connection["host"])
    if found is not None:
        connection["host"] = found["host"]
        connection["port"] = port_number(found["port"] or "") or connection["port"]
    if connection["host"] and "\\" not in connection["host"]:
        connection["port"] = connection["port"] or _MSSQL_PORT


def _http(connection: dict[str, Any], word: str) -> None:
    """``HttpHook`` writes ``schema://host:port`` without looking into the host, unless that has a protocol."""
    host, port, schema = connection["host"], connection["port"], connection["schema"]
    protocol, colons, address = host.rpartition("://")
    if not colons and not schema and ("https" in (word, connection["conn_type"]) or port == _HTTPS_PORT):
        schema = connection["schema"] = "https"
    address, slash, path = address.partition("/")
    if port and slash:
        # Else the port would come behind the path.
        has_port = re.search(r":[0-9]+$", address) is not None
        address = address if has_port else f"{in_url(address)}:{port}"
        connection["host"] = f"{protocol or schema or 'http'}://{address}/{path}"
        connection["port"], connection["schema"] = None, ""
    else:
        connection["host"] = in_url(host)


def _elasticsearch(connection: dict[str, Any], _word: str) -> None:
    """``ElasticsearchSQLHook`` builds a URL."""
    connection["host"] = in_url(connection["host"])


def _kafka(connection: dict[str, Any], _word: str) -> None:
    """Kafka's hooks take extra, and no other field."""
    found = hosts_and_ports(connection["host"])
    if found:
        each = [(in_url(host), port or connection["port"]) for host, port in found]
        servers = ",".join(f"{host}:{port}" if port else host for host, port in each)
        connection["extra"].setdefault("bootstrap.servers", servers)


_RULES: Mapping[str, Callable[[dict[str, Any], str], None]] = {
    "postgres": _postgres,
    "mysql": _mysql,
    "redis": _redis,
    "mongo": _mongo,
    "mssql": _mssql,
    "http": _http,
    "https": _http,
    "elasticsearch": _elasticsearch,
    "kafka": _kafka,
}
