"""Adapt a connection to its hook, where other tools write a field differently from what the hook expects.

Each rule follows the code of the hook; docs/reference/formats.md lists the rules. A connection that is whole in one key
is not adapted; ``inventory/hook_misreadings.py`` warns instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from airflow_kubernetes_secrets.formats.aliases import connection_type, folded
from airflow_kubernetes_secrets.formats.hosts import (
    hosts_and_ports,
    in_url,
    libpq_port,
    port_number,
    without_brackets,
)

# The database in the Secret of CloudNativePG's superuser, who may use every database.
_EVERY_DATABASE = "*"

# The hooks have no default for these ports. The driver refuses a missing port (Redis), or the string "None" (SQL
# Server).
# https://airflow.apache.org/docs/apache-airflow-providers-redis/stable/connections/redis.html
# https://airflow.apache.org/docs/apache-airflow-providers-microsoft-mssql/stable/connections/mssql.html
_REDIS_PORT = 6379
_MSSQL_PORT = 1433
# https://airflow.apache.org/docs/apache-airflow-providers-elasticsearch/stable/connections/elasticsearch.html
_ELASTICSEARCH_PORT = 9200

_OF_SNOWFLAKE = ".snowflakecomputing.com"
_HTTPS_PORT = 443
_WEB = ("http", "https")
# https://www.rfc-editor.org/rfc/rfc6409#section-3.1
_STARTTLS_PORT = 587

# The types whose hooks pass the host to a driver that expects the name or address of one host, or a list of these.
BARE_HOST: Mapping[str, str] = {
    "postgres": "PostgresHook",
    "mysql": "MySqlHook",
    "mongo": "MongoHook",
    "redis": "RedisHook",
    "mssql": "MsSqlHook",
    "neo4j": "Neo4jHook",
    "ssh": "SSHHook",
    "sftp": "SFTPHook",
    "ftp": "FTPHook",
    "imap": "ImapHook",
    "smtp": "SmtpHook",
}

# An address without a login, a path or a query, which would be lost.
_ADDRESS = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<hosts>[^/?#@]+)/?"

# Schemes and types that contain more information than the connection type that they become.
_WITH_TLS = ("rediss", "valkeys")
_BY_SRV = "mongodb+srv"


# What the hooks of servers that speak HTTP read in extra for HTTPS. They do not read it in the schema, or not always.
# https://airflow.apache.org/docs/apache-airflow-providers-elasticsearch/stable/connections/elasticsearch.html
# https://airflow.apache.org/docs/apache-airflow-providers-opensearch/stable/connections/opensearch.html
# https://airflow.apache.org/docs/apache-airflow-providers-clickhousedb/stable/connections/clickhouse.html
_HTTPS: Mapping[str, Mapping[str, Any]] = {
    "elasticsearch": {"scheme": "https"},
    "opensearch": {"use_ssl": True, "verify_certs": True},
    "clickhouse": {"secure": True},
}
# Those whose hooks read the schema as something else.
_SCHEMA_IS_NO_PROTOCOL = ("opensearch", "clickhouse")

# The types whose servers have web addresses.
SPEAK_HTTP = frozenset(("http", *_HTTPS))


def adjust_for_hook(connection: dict[str, Any], word: str, *, has_host_of_uri: bool, is_https: bool) -> None:
    """Change the fields so that the hook does what the owner of the Secret intended.

    Args:
        connection: the fields of Airflow's JSON, with all of ``conn_type``, ``host``, ``port``, ``schema`` and
            ``extra``.
        word: the original word for the connection type: the value of a key or the scheme of a URI.
        has_host_of_uri: whether the host was in a URI, which is parsed already.
        is_https: whether the URI begins with ``https://``.
    """
    if connection["schema"] == _EVERY_DATABASE:
        connection["schema"] = ""
    if isinstance(connection["port"], str):
        # There is a port for each host. Hooks prefer ``extra`` to the field, which can contain only one number.
        connection["extra"].setdefault("port", connection["port"])
        connection["port"] = None
    conn_type = connection["conn_type"]
    # An annotation takes precedence over the word, and may name another type.
    word = folded(word.strip()) if connection_type(word) == connection_type(conn_type) else ""
    if conn_type in _SCHEMA_IS_NO_PROTOCOL and connection["schema"] in _WEB:
        connection["schema"] = ""
    is_https = is_https or connection["host"].startswith("https://")
    if is_https and connection["schema"] != "https":
        connection["extra"] = {**_HTTPS.get(conn_type, {}), **connection["extra"]}
    if (conn_type in BARE_HOST or conn_type in _HTTPS) and not has_host_of_uri:
        word = _separate_address(connection) or word
    is_one_host = connection["host"] and not any(each in connection["host"] for each in ("://", ","))
    if conn_type == "elasticsearch" and is_one_host:
        connection["port"] = connection["port"] or (_HTTPS_PORT if is_https else _ELASTICSEARCH_PORT)
    if conn_type == "snowflake" and has_host_of_uri:
        _separate_path_of_snowflake(connection)
    _RULES.get(conn_type, _for_driver)(connection, word)


def _separate_address(connection: dict[str, Any]) -> str:
    """Replace an address in the host by the host and port in it, if its scheme is ``tcp`` or one of the type.

    Returns:
        the scheme, if it is that of the type.
    """
    found = re.fullmatch(_ADDRESS, connection["host"])
    if found is None:
        return ""
    scheme = found["scheme"].lower()
    # Other schemes with a plus sign say how to connect.
    is_of_type = connection_type(scheme) == connection["conn_type"] and ("+" not in scheme or scheme == _BY_SRV)
    is_web = scheme in _WEB and connection["conn_type"] in _HTTPS
    if scheme != "tcp" and not is_of_type and not is_web:
        return ""
    hosts = hosts_and_ports(found["hosts"])
    if len(hosts) == 1:
        [(connection["host"], port)] = hosts
        connection["port"] = connection["port"] or port
    else:
        connection["host"] = found["hosts"]
    return scheme if is_of_type else ""


def _for_driver(connection: dict[str, Any], _word: str) -> None:
    connection["host"] = without_brackets(connection["host"])


def _postgres(connection: dict[str, Any], word: str) -> None:
    """Separate hosts from ports: ``PostgresHook`` gives both to libpq, for which ``h0:5432`` is the name of a host."""
    found = hosts_and_ports(connection["host"])
    if len(found) < 2:
        _for_driver(connection, word)
        return
    connection["host"] = ",".join(host for host, _port in found)
    port = libpq_port([port or connection["port"] for _host, port in found])
    if isinstance(port, str):
        connection["port"] = None
        connection["extra"].setdefault("port", port)
    else:
        connection["port"] = port


def _mysql(connection: dict[str, Any], word: str) -> None:
    """Move a socket to ``extra``: ``MySqlHook`` does not read it in the host."""
    host, extra = connection["host"], connection["extra"]
    if host.startswith("/"):
        connection["host"], connection["port"] = "", None
        extra.setdefault("unix_socket", host)
    _for_driver(connection, word)


def _redis(connection: dict[str, Any], word: str) -> None:
    _for_driver(connection, word)
    extra, schema = connection["extra"], connection["schema"]
    if re.fullmatch("[0-9]{1,5}", schema):
        connection["schema"] = ""
        extra.setdefault("db", int(schema))
    if word in _WITH_TLS:
        extra.setdefault("ssl", True)
    if connection["host"]:
        connection["port"] = connection["port"] or _REDIS_PORT


def _mongo(connection: dict[str, Any], word: str) -> None:
    """Write each port next to its host: ``MongoHook`` builds a URI, in which it adds the port to the last host."""
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
    """Separate host and port: ``MsSqlHook`` gives both to pymssql, which does not accept ``tcp:host,port``."""
    found = re.fullmatch(r"(?:tcp:)?(?P<host>[^,:]+)(?:,\s*(?P<port>[0-9]+))?", connection["host"])
    if found is not None:
        connection["host"] = found["host"]
        connection["port"] = port_number(found["port"] or "") or connection["port"]
    if connection["host"] and "\\" not in connection["host"]:
        connection["port"] = connection["port"] or _MSSQL_PORT


def _http(connection: dict[str, Any], word: str) -> None:
    """Complete the host: ``HttpHook`` writes ``schema://host:port`` as it is, unless the host has a protocol."""
    host, port, schema = connection["host"], connection["port"], connection["schema"]
    protocol, colons, address = host.rpartition("://")
    if not colons and not schema and ("https" in (word, connection["conn_type"]) or port == _HTTPS_PORT):
        schema = connection["schema"] = "https"
    address, slash, path = address.partition("/")
    if port and slash:
        # Otherwise the port would follow the path.
        has_port = re.search(r":[0-9]+$", address) is not None
        address = address if has_port else f"{in_url(address)}:{port}"
        connection["host"] = f"{protocol or schema or 'http'}://{address}/{path}"
        connection["port"], connection["schema"] = None, ""
    else:
        connection["host"] = in_url(host)


def _smtp(connection: dict[str, Any], word: str) -> None:
    """Use STARTTLS at its port: ``SmtpHook`` begins with TLS everywhere else, and the server would not answer."""
    _for_driver(connection, word)
    if connection["port"] == _STARTTLS_PORT:
        connection["extra"].setdefault("disable_ssl", True)


def _elasticsearch(connection: dict[str, Any], _word: str) -> None:
    """Put an IPv6 address in brackets: ``ElasticsearchSQLHook`` builds a URL."""
    connection["host"] = in_url(connection["host"])


def _separate_path_of_snowflake(connection: dict[str, Any]) -> None:
    """Read the database and the schema of a URI of SQLAlchemy in its path. A key with the schema has no database.

    https://docs.snowflake.com/en/developer-guide/python-connector/sqlalchemy#connection-parameters
    """
    extra = connection["extra"]
    database, slash, schema = connection["schema"].partition("/")
    if _has_account_in_host(connection) and database and "database" not in extra:
        extra["database"], connection["schema"] = database, schema if slash else ""


def _snowflake(connection: dict[str, Any], _word: str) -> None:
    """Add the account in the host to ``extra``: SnowflakeHook reads no other field."""
    if _has_account_in_host(connection):
        host = connection["host"]
        is_full = host.lower().endswith(_OF_SNOWFLAKE)
        connection["extra"]["account"] = host[: -len(_OF_SNOWFLAKE)] if is_full else host


def _has_account_in_host(connection: Mapping[str, Any]) -> bool:
    """Return whether the host contains the account. In Airflow's own URI, ``extra`` contains it."""
    host, extra = connection["host"], connection["extra"]
    is_in_extra = any(extra.get(f"{prefix}account") for prefix in ("", "extra__snowflake__"))
    return bool(host) and "://" not in host and not is_in_extra


def _kafka(connection: dict[str, Any], _word: str) -> None:
    """Add the servers to ``extra``: Kafka's hooks read no other field."""
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
    "smtp": _smtp,
    "elasticsearch": _elasticsearch,
    "kafka": _kafka,
    "snowflake": _snowflake,
}
