"""Adapt a connection to its hook, where other tools write a field differently from what the hook expects.

Each rule follows the code of the hook; docs/reference/formats.md lists the rules. A connection that is whole in one key
is not adapted; ``inventory/hook_misreadings.py`` warns instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from airflow_kubernetes_secrets.formats.aliases import connection_type, folded
from airflow_kubernetes_secrets.formats.hosts import (
    address_of_cloud_id,
    hosts_and_ports,
    in_url,
    libpq_port,
    port_number,
    without_brackets,
)
from airflow_kubernetes_secrets.formats.settings import CLOUD_ID
from airflow_kubernetes_secrets.formats.web_protocol import write_protocol
from airflow_kubernetes_secrets.formats.web_servers import HTTPS_PORT, WEB, WEB_SERVERS

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

# The end of the address of an account. It can also be the URL of a web page.
OF_SNOWFLAKE = re.compile(r"\.snowflakecomputing\.(?:com|cn)(?::[0-9]+)?(?:/.*)?$", re.IGNORECASE)
# https://clickhouse.com/docs/guides/sre/network-ports
CLICKHOUSE_PORT_WITH_TLS = 8443
WINRM_PORT_WITH_TLS = 5986
# https://www.rfc-editor.org/rfc/rfc6409#section-3.1
# https://www.rfc-editor.org/rfc/rfc3207
_STARTTLS_PORTS = (25, 587, 2525)

# The types whose hooks read the protocol in the schema, and nothing else.
_PROTOCOL_IN_SCHEMA = ("elasticsearch", "influxdb", "influxdb3")

# The login next to a token of Databricks, where a client needs a login.
_LOGIN_OF_TOKENS = "token"

# The mechanisms of SASL with a name and a password.
WITH_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

# What the first part of the path is in a URI of SQLAlchemy, by its name in `extra`.
_FIRST_IN_PATH: Mapping[str, str] = {"snowflake": "database", "trino": "catalog", "presto": "catalog"}

# The types whose hooks pass the host to a driver that expects the name or address of one host, or a list of these.
BARE_HOST = frozenset(("postgres", "mysql", "mongo", "redis", "mssql", "neo4j", "ssh", "sftp", "ftp", "imap", "smtp"))

# An address without a login, a path or a query, which would be lost.
_ADDRESS = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<hosts>[^/?#@]+)/?"

# A share and its server, as clients of Linux and Windows write them.
_SHARE = re.compile(r"(?:smb:)?(?://|\\\\)(?P<host>[^/\\@:]+)(?:[/\\](?P<share>[^/\\]+)?)?[/\\]?", re.IGNORECASE)

# Schemes and types that contain more information than the connection type that they become.
_WITH_TLS = ("rediss", "valkeys")
_BY_SRV = "mongodb+srv"


def adjust_for_hook(connection: dict[str, Any], word: str, *, has_host_of_uri: bool, protocol: str, path: str) -> None:
    """Change the fields so that the hook does what the owner of the Secret intended.

    Args:
        connection: the fields of Airflow's JSON, with all of ``conn_type``, ``host``, ``port``, ``schema`` and
            ``extra``.
        word: the original word for the connection type: the value of a key or the scheme of a URI.
        has_host_of_uri: whether the host was in a URI, which is parsed already.
        protocol: the protocol of the URI if it is a web address; otherwise empty.
        path: the path of the URI.
    """
    if connection["schema"] == _EVERY_DATABASE:
        connection["schema"] = ""
    if connection["conn_type"] in _PROTOCOL_IN_SCHEMA and connection["schema"] not in WEB:
        # An index or a bucket, which the hook would use as the protocol, or a database.
        if connection["conn_type"] == "influxdb3" and connection["schema"]:
            connection["extra"].setdefault("database", connection["schema"])
        connection["schema"] = ""
    if isinstance(connection["port"], str):
        # There is a port for each host. Hooks prefer ``extra`` to the field, which can contain only one number.
        connection["extra"].setdefault("port", connection["port"])
        connection["port"] = None
    conn_type = connection["conn_type"]
    # An annotation takes precedence over the word, and may name another type.
    word = folded(word.strip()) if connection_type(word) == connection_type(conn_type) else ""
    in_host = next((each for each in WEB if connection["host"].startswith(f"{each}://")), "")
    if (conn_type in BARE_HOST or conn_type in WEB_SERVERS) and not has_host_of_uri:
        word = _separate_address(connection) or word
    if conn_type == "clickhouse":
        _separate_database(connection)
    if conn_type not in BARE_HOST:
        write_protocol(connection, protocol or in_host, is_of_uri=bool(protocol))
    if path and connection["schema"] == path:
        _separate_path(connection)
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
    is_web = scheme in WEB and connection["conn_type"] in WEB_SERVERS
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
    if not colons and not schema and ("https" in (word, connection["conn_type"]) or port == HTTPS_PORT):
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
    """Use STARTTLS at its ports: ``SmtpHook`` begins with TLS everywhere else, and the server would not answer."""
    _for_driver(connection, word)
    if connection["port"] in _STARTTLS_PORTS:
        connection["extra"].setdefault("disable_ssl", True)


def _elasticsearch(connection: dict[str, Any], _word: str) -> None:
    """Put an IPv6 address in brackets, and add the port: ``ElasticsearchSQLHook`` builds a URL."""
    _separate_cloud_id(connection)
    connection["host"] = in_url(connection["host"])
    if connection["host"] and not any(each in connection["host"] for each in ("://", ",")):
        connection["port"] = connection["port"] or _ELASTICSEARCH_PORT


def _separate_cloud_id(connection: dict[str, Any]) -> None:
    """Replace a Cloud ID by the address that it contains: the hook always passes a host, and the client refuses both.

    https://www.elastic.co/docs/deploy-manage/deploy/elastic-cloud/find-cloud-id
    """
    extra = connection["extra"]
    cloud_id = extra.get(CLOUD_ID)
    found = address_of_cloud_id(cloud_id) if isinstance(cloud_id, str) else None
    if found is None:
        return
    del extra[CLOUD_ID]
    if not connection["host"]:
        connection["host"], connection["port"] = found
        connection["schema"] = "https"


def _separate_database(connection: dict[str, Any]) -> None:
    """Separate a web address from the database after it.

    https://clickhouse.com/docs/integrations/javascript#configuration
    """
    found = re.fullmatch(rf"(?P<address>{_ADDRESS})(?P<database>[^/?#]+)/?", connection["host"])
    if found is not None and found["address"].endswith("/") and not connection["schema"]:
        connection["host"], connection["schema"] = found["address"], unquote(found["database"])
        _separate_address(connection)


def _clickhouse(connection: dict[str, Any], word: str) -> None:
    """Add the port for TLS: ``ClickHouseHook`` has only that without TLS by default."""
    _for_driver(connection, word)
    if connection["extra"].get("secure") is True and connection["host"]:
        connection["port"] = connection["port"] or CLICKHOUSE_PORT_WITH_TLS


def _aws(connection: dict[str, Any], _word: str) -> None:
    """Move the address of a server that is compatible with Amazon's to ``extra``: the hooks do not read the host."""
    if connection["host"].startswith(("https://", "http://")):
        connection["extra"].setdefault("endpoint_url", connection["host"])
        connection["host"], connection["port"] = "", None


def _trino(connection: dict[str, Any], word: str) -> None:
    """Use TLS at the port of HTTPS: unlike the client of Trino, the hooks do not know it."""
    _for_driver(connection, word)
    if connection["port"] == HTTPS_PORT:
        connection["extra"].setdefault("protocol", "https")


def _separate_path(connection: dict[str, Any]) -> None:
    """Read the database or the catalog in the path of a URI of SQLAlchemy, which has the schema after it.

    https://docs.snowflake.com/en/developer-guide/python-connector/sqlalchemy#connection-parameters
    https://github.com/trinodb/trino-python-client#sqlalchemy
    """
    extra, name = connection["extra"], _FIRST_IN_PATH.get(connection["conn_type"], "")
    if not name or name in extra or (connection["conn_type"] == "snowflake" and not _has_account_in_host(connection)):
        return
    extra[name], _slash, connection["schema"] = connection["schema"].partition("/")


def _snowflake(connection: dict[str, Any], _word: str) -> None:
    """Add the account in the host to ``extra``, without its domain: SnowflakeHook reads no other field."""
    extra = connection["extra"]
    if isinstance(extra.get("account"), str):
        extra["account"] = _account(extra["account"])
    if _has_account_in_host(connection):
        extra["account"] = _account(connection["host"])


def _account(address: str) -> str:
    """Return the account in the name of a server of Snowflake, or in its URL."""
    found = OF_SNOWFLAKE.search(address)
    return address if found is None else address[: found.start()].rpartition("://")[2]


def _has_account_in_host(connection: Mapping[str, Any]) -> bool:
    """Return whether the host contains the account. In Airflow's own URI, ``extra`` contains it."""
    host, extra = connection["host"], connection["extra"]
    is_in_extra = any(extra.get(f"{prefix}account") for prefix in ("", "extra__snowflake__"))
    is_address = "://" not in host or OF_SNOWFLAKE.search(host) is not None
    return bool(host) and is_address and not is_in_extra


def _oracle(connection: dict[str, Any], word: str) -> None:
    """Move the database to ``extra``: ``OracleHook`` makes the schema the current schema, too."""
    _for_driver(connection, word)
    extra = connection["extra"]
    if connection["schema"] and not any(extra.get(name) for name in ("service_name", "sid", "dsn")):
        extra["service_name"], connection["schema"] = connection["schema"], ""


def _cassandra(connection: dict[str, Any], word: str) -> None:
    """Separate the hosts from their port: the driver adds the port to each host that ``CassandraHook`` passes."""
    _for_driver(connection, word)
    found = hosts_and_ports(connection["host"])
    ports = {port or connection["port"] for _host, port in found}
    if len(ports) == 1:
        connection["host"], connection["port"] = ",".join(host for host, _port in found), ports.pop()


def _databricks(connection: dict[str, Any], _word: str) -> None:
    """Remove the login ``token``, which says that the password is a token: the hooks expect a token without a login.

    https://docs.databricks.com/aws/en/dev-tools/auth/pat
    """
    if connection["login"] == _LOGIN_OF_TOKENS:
        connection["login"] = ""


def _kafka(connection: dict[str, Any], _word: str) -> None:
    """Add the servers to ``extra``, and the login if it is for SASL: Kafka's hooks read no other field."""
    found = hosts_and_ports(connection["host"])
    if found:
        each = [(in_url(host), port or connection["port"]) for host, port in found]
        servers = ",".join(f"{host}:{port}" if port else host for host, port in each)
        connection["extra"].setdefault("bootstrap.servers", servers)
    extra = connection["extra"]
    if connection["login"] and connection["password"] and str(extra.get("sasl.mechanism")).upper() in WITH_PASSWORD:
        extra.setdefault("sasl.username", connection["login"])
        extra.setdefault("sasl.password", connection["password"])


def _winrm(connection: dict[str, Any], _word: str) -> None:
    """Move the port to ``extra``, where ``WinRMHook`` reads it; at the port of HTTPS, write the whole endpoint.

    https://learn.microsoft.com/en-us/windows/win32/winrm/installation-and-configuration-for-windows-remote-management
    """
    host, port, extra = connection["host"], connection["port"], connection["extra"]
    protocol = connection["schema"] if connection["schema"] in WEB else ""
    if not host or not (port or protocol) or "endpoint" in extra or "remote_port" in extra:
        return
    if protocol == "https" or port == WINRM_PORT_WITH_TLS:
        extra["endpoint"] = f"https://{in_url(host)}:{port or WINRM_PORT_WITH_TLS}/wsman"
    elif port:
        extra["remote_port"] = port
    connection["port"], connection["schema"] = None, "" if protocol else connection["schema"]


def _ydb(connection: dict[str, Any], _word: str) -> None:
    """Separate the port from a host with a protocol: ``YDBHook`` appends one to the host."""
    found = re.fullmatch(r"(?P<address>grpcs?://[^/:]+):(?P<port>[0-9]+)/?", connection["host"])
    if found is not None and (port := port_number(found["port"])) is not None:
        connection["host"], connection["port"] = found["address"], connection["port"] or port


def _samba(connection: dict[str, Any], _word: str) -> None:
    """Separate the share from its server: ``SambaHook`` builds a path of both, as clients and Windows write it."""
    found = _SHARE.fullmatch(connection["host"])
    if found is not None and connection["schema"] in ("", found["share"] or ""):
        connection["host"], connection["schema"] = found["host"], found["share"] or ""


def _qdrant(connection: dict[str, Any], word: str) -> None:
    """Move a URL to ``extra``: the client of Qdrant refuses one in the host."""
    _for_driver(connection, word)
    if connection["host"].startswith(("https://", "http://")) and "url" not in connection["extra"]:
        connection["extra"]["url"], connection["host"] = connection["host"], ""


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
    "oracle": _oracle,
    "cassandra": _cassandra,
    "databricks": _databricks,
    "clickhouse": _clickhouse,
    "winrm": _winrm,
    "ydb": _ydb,
    "aws": _aws,
    "samba": _samba,
    "qdrant": _qdrant,
    **dict.fromkeys(("trino", "presto"), _trino),
}
