"""What the hooks of databases misread in a connection, most of it because their drivers do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from airflow_kubernetes_secrets.formats.hosts import hosts_and_ports, is_ipv6
from airflow_kubernetes_secrets.formats.parameters import MYSQL_CONNECTOR
from airflow_kubernetes_secrets.inventory.hook_connection import HookConnection, Rule, plain_host
from airflow_kubernetes_secrets.messages.listing import first_names

_IS_TLS = re.compile("ssl|tls")

_TLS_OF_MYSQLCLIENT = ("ca", "capath", "cert", "key", "cipher")

# https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
_PORT_OF_SENTINEL = 26379

# The names in extra for TLS that RedisHook reads.
_TLS_OF_REDIS = ("ssl", "ssl_cert_reqs", "ssl_ca_certs", "ssl_keyfile", "ssl_certfile", "ssl_check_hostname")


def _postgres(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``PostgresHook`` calls ``connect(host=…, port=…, **extra)``."""
    in_extra = connection.extra.get("host")
    host = in_extra if isinstance(in_extra, str) and in_extra else connection.host
    for there, lacking in (("sslcert", "sslkey"), ("sslkey", "sslcert")):
        if connection.extra.get(there) and not connection.extra.get(lacking):
            yield (
                f"libpq needs {lacking!r} in extra for {there!r}, because a certificate is used with its key",
                f'Write it there: {{"{lacking}": "/path"}}',
            )
    if any(port for _host, port in hosts_and_ports(host)):
        yield (
            "PostgresHook passes the host to libpq unchanged, which reads host:port as the name of a host",
            'Write the hosts alone and one port: {"host": "h0,h1", "port": 5432}; different ports go in extra: '
            '{"port": "5432,5433"}',
        )
    elif "[" in host:
        yield (
            "PostgresHook passes the host to libpq unchanged, which accepts no brackets around an IPv6 address",
            'Write it without: {"host": "fd00::1", "port": 5432}',
        )


def _mysql(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``MySqlHook`` uses only some names of extra. Which ones depends on ``client``."""
    extra = connection.extra
    if connection.host.startswith("/"):
        yield (
            "MySqlHook reads the path of a socket as the name of a host",
            'Write it in extra, and no host: {"extra": {"unix_socket": "/path"}}',
        )
    by_connector = extra.get("client") == MYSQL_CONNECTOR
    names = [name for name in extra if _IS_TLS.search(name.lower())]
    ignored = [name for name in names if not (name.startswith("ssl_") if by_connector else name in ("ssl", "ssl_mode"))]
    if ignored:
        taken = "names that begin with 'ssl_'" if by_connector else "'ssl' and 'ssl_mode'"
        yield (
            f"MySqlHook ignores {first_names(map(repr, ignored), len(ignored))} in extra, so the connection may be "
            "without TLS",
            f"For TLS it reads {taken}: "
            + ('{"ssl_ca": "/path"}' if by_connector else '{"ssl_mode": "REQUIRED", "ssl": {"ca": "/path"}}'),
        )
    if not by_connector and "ssl" in extra:
        yield from _object_of_tls(extra["ssl"])
    ssl = extra.get("ssl")
    if not by_connector and isinstance(ssl, Mapping) and ssl and not extra.get("ssl_mode"):
        mode = "VERIFY_CA" if {"ca", "capath"} & ssl.keys() else "REQUIRED"
        yield (
            "mysqlclient may connect without TLS, or without checking the certificate, if extra has no 'ssl_mode'",
            f'Write it in extra: {{"ssl_mode": "{mode}"}}',
        )
    if by_connector and extra.get("unix_socket"):
        yield f"MySqlHook ignores 'unix_socket' in extra with the client {MYSQL_CONNECTOR}", "Remove 'client'"


def _object_of_tls(value: object) -> Iterator[tuple[str, str]]:
    """``MySqlHook`` reads ``ssl`` as an object, and mysqlclient ignores all other names and values in it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not value and value is not None:
        return
    names = [name for name in value if name not in _TLS_OF_MYSQLCLIENT] if isinstance(value, dict) else []
    if names or not isinstance(value, dict):
        what = f"{first_names(map(repr, names), len(names))} in 'ssl'" if names else "'ssl'"
        yield (
            f"MySqlHook does not use {what} of extra, so the connection may be without TLS",
            f"Write an object with {', '.join(_TLS_OF_MYSQLCLIENT)}, and the mode: "
            '{"ssl_mode": "REQUIRED", "ssl": {"ca": "/path"}}',
        )


def _redis(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``RedisHook`` uses host, port, login and password, and from extra ``db`` and the settings of TLS."""
    extra = connection.extra
    if connection.conn_type in ("rediss", "valkeys") and not extra.get("ssl"):
        clear = ", and sends the password unencrypted" if connection.password else ""
        yield (
            f"RedisHook uses no TLS{clear}: only extra can enable it",
            'Write {"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": true}}',
        )
    ignored = [name for name in extra if _IS_TLS.search(name.lower()) and name not in _TLS_OF_REDIS]
    if ignored:
        yield (
            f"RedisHook ignores {first_names(map(repr, ignored), len(ignored))} in extra, so the connection may be "
            "without TLS",
            f"For TLS it reads {first_names(map(repr, _TLS_OF_REDIS), len(_TLS_OF_REDIS))}",
        )
    of_tls = [name for name in _TLS_OF_REDIS[1:] if extra.get(name)]
    if of_tls and not extra.get("ssl"):
        yield (
            f"RedisHook ignores {first_names(map(repr, of_tls), len(of_tls))} in extra without 'ssl', and uses no TLS",
            'Write it there: {"ssl": true}',
        )
    if connection.schema.strip("/") not in ("", "0") and "db" not in extra:
        yield (
            "RedisHook ignores the schema, which is the path of a URI, and uses database 0",
            'Write the number of the database in extra: {"db": 2}',
        )
    if connection.port == _PORT_OF_SENTINEL:
        yield (
            f"port {connection.port} is that of Redis Sentinel, which RedisHook cannot use",
            "Write the address of the Redis server, such as that of a Service",
        )
    if connection.host and not connection.port and not extra.get("startup_nodes"):
        yield "RedisHook has no port by default, and its driver fails without one", "Write the port: 6379"


def _mongo(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``MongoHook`` builds ``mongodb://login:password@host:port/schema``, and refuses every type except ``mongo``."""
    host, port, extra = connection.host, connection.port, connection.extra
    if connection.conn_type != "mongo":
        srv = ', "extra": {"srv": true}' if "srv" in connection.conn_type else ""
        yield (
            f"MongoHook refuses the connection type {connection.conn_type!r}",
            f'Write {{"conn_type": "mongo", "host": "h"{srv}}}',
        )
    if extra.get("srv") and port:
        yield "MongoHook refuses a port together with 'srv' in extra", "Remove the port"
    elif port and "," in host:
        yield (
            "MongoHook appends the port to the last host, so the others have the default",
            'Write each port in the host: {"host": "h0:27018,h1:27018"}',
        )
    if any(is_ipv6(each.strip()) for each in host.split(",")):
        yield (
            "MongoHook needs brackets around an IPv6 address, which it puts into a URI",
            'Write {"conn_type": "mongo", "host": "[fd00::1]", "port": 27017}',
        )
    if host.startswith("/"):
        yield (
            "MongoHook reads the path of a socket as the path of a database",
            "Percent-encode it: %2Frun%2Fmongodb.sock",
        )
    of_tls = [name for name in extra if name.lower().startswith("tls") and len(name) > len("tls")]
    has_tls = extra.get("srv") or any(str(extra.get(name)).lower() == "true" for name in ("ssl", "tls"))
    if of_tls and not has_tls:
        yield (
            f"PyMongo refuses {first_names(map(repr, of_tls), len(of_tls))} in extra without 'tls'",
            'Write it there: {"tls": true}',
        )


def _mssql(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``MsSqlHook`` passes the host to pymssql, and the port as a string, which is ``'None'`` if there is no port."""
    host = connection.host
    if host and not connection.port and "\\" not in host:
        yield (
            "MsSqlHook uses the string 'None' as the port if there is none, and does not connect",
            "Write the port: 1433",
        )
    if host.lower().startswith("tcp:") or "," in host:
        yield (
            "MsSqlHook passes the host to pymssql unchanged, which supports neither tcp: nor a port after a comma",
            'Write {"host": "h", "port": 1433}',
        )
    if host.startswith("[") or is_ipv6(host):
        yield "MsSqlHook passes the host to pymssql, which accepts no IPv6 address", "Write a name"


def _cassandra(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``CassandraHook`` splits the host at commas, and its driver adds the port to each."""
    if any(port for _host, port in hosts_and_ports(connection.host)) or re.search(r"\s", connection.host):
        yield (
            "CassandraHook splits the host at commas, and its driver reads a space or a port in a part as the name of "
            "a host",
            'Write the hosts alone and one port: {"host": "h0,h1", "port": 9042}',
        )


def _oracle(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``OracleHook`` uses the schema as the service if ``extra`` has none, and as the current schema too."""
    extra = connection.extra
    if connection.host and connection.schema and not (extra.get("service_name") or extra.get("sid")):
        yield (
            "OracleHook uses the schema, which is the path of a URI, as the name of the service and as the current "
            "schema",
            'Write the service in extra: {"service_name": "name"}',
        )

    if "/" in connection.host and (connection.port or extra.get("service_name") or extra.get("sid")):
        yield (
            "OracleHook reads the path in the host as a part of the name, or appends the port to it",
            "Write host, port and service separately, or all of them in the host: h:1521/service",
        )


def _jdbc(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``JdbcHook`` passes the host to the driver as the URL, and ignores the port and the schema."""
    if connection.host and not connection.host.startswith("jdbc:"):
        yield (
            "JdbcHook reads the host as the URL of JDBC, and ignores port and schema",
            'Write the whole URL in the host: {"conn_type": "jdbc", "host": "jdbc:postgresql://h:5432/d"}',
        )


def _ydb(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``YDBHook`` appends the port to the host, which can have a protocol."""
    if any(port for _host, port in hosts_and_ports(connection.host.rpartition("://")[2])):
        yield "YDBHook appends the port to the port in the host", 'Write it separately: {"host": "h", "port": 2135}'


RULES_OF_DATABASES: Mapping[str, Sequence[Rule]] = {
    "postgres": (_postgres,),
    "mysql": (_mysql, plain_host(3306)),
    **dict.fromkeys(("redis", "rediss", "valkeys"), (_redis, plain_host(6379))),
    **dict.fromkeys(("mongo", "mongodb", "mongodb+srv"), (_mongo,)),
    "mssql": (_mssql,),
    "cassandra": (_cassandra,),
    "oracle": (_oracle,),
    "jdbc": (_jdbc,),
    "ydb": (_ydb,),
}
