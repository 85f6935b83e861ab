"""Warnings for connections that Airflow accepts, but that the hook of a provider silently misreads.

Each rule describes the code of a hook in the releases that docs/reference/formats.md names. If a connection is built
from several keys, ``formats/hook_adjustments.py`` avoids these cases.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.aliases import URI
from airflow_kubernetes_secrets.formats.connection import connection_json
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.hook_adjustments import BARE_HOST, OF_SNOWFLAKE, WITH_PASSWORD
from airflow_kubernetes_secrets.formats.hosts import hosts_and_ports, is_ipv6
from airflow_kubernetes_secrets.formats.parameters import MYSQL_CONNECTOR
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.remedies import or_store
from airflow_kubernetes_secrets.inventory.driver_parameters import refused_parameters
from airflow_kubernetes_secrets.inventory.hook_connection import HookConnection, Rule, hook_connection
from airflow_kubernetes_secrets.inventory.ignored_fields import ignored_fields
from airflow_kubernetes_secrets.inventory.uri_misreadings import (
    MISREAD,
    problem_of_other_type,
    problems_of_uri,
    warning,
)
from airflow_kubernetes_secrets.inventory.web_misreadings import RULES_OF_WEB_SERVERS
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names, quoted
from airflow_kubernetes_secrets.messages.problem import Problem

# Characters that neither the name of a host has, nor an address, nor a list of these.
_IN_NO_HOST = re.compile(r"[\s\x00-\x1f\"'`;{}()<>|*?#&=$!^~+]")

# The hooks that pass the host to a driver, or build a URL of it, and their names in messages.
_HOOKS_WITH_HOST: Mapping[str, str] = {
    **BARE_HOST,
    "elasticsearch": "ElasticsearchSQLHook",
    "opensearch": "OpenSearchHook",
}

_IS_TLS = re.compile("ssl|tls")

_TLS_OF_MYSQLCLIENT = ("ca", "capath", "cert", "key", "cipher")

# https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
_PORT_OF_SENTINEL = 26379

# https://www.rfc-editor.org/rfc/rfc8314#section-3.2
_PORT_OF_IMAP_WITHOUT_TLS = 143

# The hooks that write the port into a URL or a DSN, also if there is none, and the port of their servers.
_WITHOUT_PORT: Mapping[str, tuple[str, int]] = {
    "drill": ("DrillHook", 8047),
    "druid": ("DruidHook", 8082),
    "exasol": ("ExasolHook", 8563),
    "jenkins": ("JenkinsHook", 8080),
}

# The names in extra for TLS that RedisHook reads.
_TLS_OF_REDIS = ("ssl", "ssl_cert_reqs", "ssl_ca_certs", "ssl_keyfile", "ssl_certfile", "ssl_check_hostname")


def problems_of_hooks(secret: Secret, key: str, whole: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield warnings where a hook misreads a connection.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        whole: the content of that key, or else the connection as JSON.
        connection: the fields of Airflow's JSON, with those from annotations. Some part of Airflow can use it.
    """
    of_other_type = problem_of_other_type(secret, str(connection.get("conn_type"))) if key == IN_FIELDS else None
    if of_other_type is not None:
        yield of_other_type
        return
    for what, remedy in _misread(hook_connection(secret, key, connection)):
        # The key `uri` is read with the rules for URIs of operators, which may avoid the problem.
        hint = ""
        if key not in (IN_FIELDS, URI) and not whole.strip().startswith("{") and _is_right_as_uri(whole.strip()):
            hint = f". Or store the URI under the key {URI!r} instead of {quoted(key)}"
        yield warning(MISREAD, secret, key, f"{what}. {remedy}{hint}")
    yield from problems_of_uri(secret, key, whole, connection)


def _misread(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield what the hook of this connection type misreads, each with the remedy."""
    for rule in _RULES.get(connection.conn_type, ()):
        yield from rule(connection)
    yield from ignored_fields(connection)
    if connection.conn_type in _HOOKS_WITH_HOST:
        yield from _address(connection)
    if connection.extra.get("client") != MYSQL_CONNECTOR:
        yield from refused_parameters(connection.secret, connection.conn_type, connection.extra)


def _is_right_as_uri(uri: str) -> bool:
    """Return whether a URI makes a connection without these problems if it is stored under the key ``uri``."""
    secret = Secret("", "", "", {}, {URI: b64encode(uri.encode()).decode()})
    try:
        fields = json.loads(connection_json(secret, fields_of(secret)))
    except MalformedSecretError:
        return False
    return not any(True for _ in _misread(hook_connection(secret, IN_FIELDS, fields)))


def _address(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield a warning if the host is more than the name or address that the hook expects."""
    host, hook = connection.host, _HOOKS_WITH_HOST[connection.conn_type]
    if "://" in host:
        # A web address with a path is not read from a URI either.
        is_readable = connection.conn_type in BARE_HOST and not host.startswith(("http://", "https://", "jdbc:"))
        yield (
            f"{hook} expects the name of a host, and reads the URL in the host as one",
            'Write the parts separately: {"host": "h", "port": 1234}'
            + (or_store(connection.secret, connection.key, "the URL", URI) if is_readable else ""),
        )
    elif "@" in host:
        yield (
            f"{hook} reads the part before '@' in the host as a part of the name",
            "Write login and password in fields of their own, and the host alone",
        )
    elif host.endswith(":") and not is_ipv6(host):
        yield f"{hook} reads the ':' at the end of the host as a part of the name", "Write the host alone"
    elif "/" in host and not host.startswith("/"):
        yield f"{hook} reads the path in the host as a part of the name", "Write the host alone"
    elif not host.startswith("/") and _IN_NO_HOST.search(host):
        yield (
            f"{hook} reads a character in the host that no name or address has, such as a space or quotation mark, as "
            "a part of the name",
            "Write the host alone",
        )
    elif "," not in host and host.count(":") == 1 and not host.rpartition(":")[2].isdigit():
        yield f"{hook} reads the ':' in the host as a part of the name", "Write host and port separately"


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


def _plain_host(hook: str, default: int) -> Rule:
    """Return a rule for hooks that pass the host to their driver unchanged. The driver expects one name or address."""

    def rule(connection: HookConnection) -> Iterator[tuple[str, str]]:
        host = connection.host
        found = hosts_and_ports(host)
        if "," in host:
            yield f"{hook} accepts one host, and there are several", "Write one, such as that of a Service"
        elif host.startswith("["):
            yield (
                f"{hook} passes the host to its driver unchanged, which accepts no brackets around an IPv6 address",
                f'Write it without: {{"host": "fd00::1", "port": {default}}}',
            )
        elif any(port for _host, port in found):
            yield (
                f"{hook} passes the host to its driver unchanged, which reads host:port as the name of a host",
                f'Write the port separately: {{"host": "h", "port": {default}}}',
            )

    return rule


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


def _kafka(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Kafka's hooks use extra as the configuration of librdkafka, and no other field."""
    extra = connection.extra
    if connection.host and not extra.get("bootstrap.servers"):
        yield (
            "Kafka's hooks ignore host and port",
            'Write them in extra: {"bootstrap.servers": "h0:9092,h1:9092"}',
        )
    elif not extra.get("bootstrap.servers"):
        yield (
            "Kafka's hooks read the servers in extra, and there are none",
            'Write them there: {"bootstrap.servers": "h:9092"}',
        )
    used = {"login": connection.login, "password": connection.password}
    fields = [field for field, name in _SASL.items() if used[field] and not extra.get(name)]
    if fields and not extra.get("sasl.oauthbearer.config"):
        yield (
            f"Kafka's hooks ignore {' and '.join(fields)}, so the connection may be without authentication",
            "Write in extra: security.protocol, sasl.mechanism, sasl.username and sasl.password",
        )


def _sasl(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """librdkafka uses SASL if ``security.protocol`` says so, and Kerberos if there is no mechanism.

    https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
    """
    extra = connection.extra
    protocol = str(extra.get("security.protocol") or "")
    mechanism = str(extra.get("sasl.mechanism") or extra.get("sasl.mechanisms") or "")
    lacking = [name for name in _SASL.values() if not extra.get(name)]
    if not protocol.upper().startswith("SASL"):
        if len(lacking) < len(_SASL):
            yield (
                "librdkafka sends neither login nor password if 'security.protocol' in extra does not begin with SASL",
                'Write it there: {"security.protocol": "SASL_SSL"}, or SASL_PLAINTEXT without TLS',
            )
    elif not mechanism:
        yield (
            "librdkafka uses Kerberos if extra has no 'sasl.mechanism' next to 'security.protocol'",
            'Write it there: {"sasl.mechanism": "PLAIN"}, or SCRAM-SHA-512',
        )
    elif mechanism != mechanism.upper():
        yield (
            "librdkafka knows mechanisms in upper case only, and 'sasl.mechanism' in extra is in lower case",
            'Write it in upper case: {"sasl.mechanism": "SCRAM-SHA-512"}',
        )
    elif mechanism in WITH_PASSWORD and lacking:
        yield (
            f"librdkafka needs {' and '.join(map(repr, lacking))} in extra for 'sasl.mechanism'",
            "Write them there, or store login and password in keys of their own",
        )


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


def _databricks(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``DatabricksHook`` uses a login and a password for basic authentication, and SQL hooks refuse them."""
    login, extra = connection.login, connection.extra
    if login and connection.password and not any(extra.get(name) for name in _METHODS_OF_DATABRICKS):
        yield (
            "DatabricksHook uses login and password for basic authentication, which Databricks no longer supports for "
            "users, and DatabricksSqlHook refuses them",
            "Remove the login if the password is a token. For a service principal, write in extra: "
            '{"service_principal_oauth": true}',
        )


def _jdbc(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``JdbcHook`` passes the host to the driver as the URL, and ignores the port and the schema."""
    if connection.host and not connection.host.startswith("jdbc:"):
        yield (
            "JdbcHook reads the host as the URL of JDBC, and ignores port and schema",
            'Write the whole URL in the host: {"conn_type": "jdbc", "host": "jdbc:postgresql://h:5432/d"}',
        )


def _with_port(connection: HookConnection) -> Iterator[tuple[str, str]]:
    hook, port = _WITHOUT_PORT[connection.conn_type]
    if connection.host and not connection.port:
        yield f"{hook} uses the string 'None' as the port if there is none", f"Write the port, such as {port}"


def _ydb(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``YDBHook`` appends the port to the host, which can have a protocol."""
    if any(port for _host, port in hosts_and_ports(connection.host.rpartition("://")[2])):
        yield "YDBHook appends the port to the port in the host", 'Write it separately: {"host": "h", "port": 2135}'


def _imap(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``ImapHook`` begins with TLS unless ``use_ssl`` in extra is false, and has no STARTTLS."""
    if connection.port == _PORT_OF_IMAP_WITHOUT_TLS and connection.extra.get("use_ssl", True):
        yield (
            "ImapHook begins with TLS, and port 143 is that without TLS",
            'Write the port with TLS, 993; or, without TLS, in extra: {"use_ssl": false}',
        )


def _git(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``GitHook`` uses the host as the repository that it passes to git: a URL, ``user@host:path``, or a path."""
    host = connection.host
    if host and not re.search("[/@:]", host):
        yield (
            "GitHook reads the host as the URL of the repository, and ignores port and schema",
            'Write the URL in the host: {"conn_type": "git", "host": "https://host/repository.git"}'
            + or_store(connection.secret, connection.key, "it", "host"),
        )


def _snowflake(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``SnowflakeHook`` reads the account in ``extra``, and ignores host and port."""
    accounts = [connection.extra.get(f"{prefix}account") for prefix in ("", "extra__snowflake__")]
    account = next((each for each in accounts if each), None)
    if isinstance(account, str) and (OF_SNOWFLAKE.search(account) or "/" in account):
        yield (
            "SnowflakeHook adds .snowflakecomputing.com to the account in extra, and reads a URL there as a part of "
            "the name",
            'Write the account alone: {"account": "organization-account"}',
        )
    elif (
        account
        and ".privatelink." in connection.host
        and "privatelink" not in f"{account}{connection.extra.get('region')}"
    ):
        yield (
            "SnowflakeHook ignores the host, so it does not use the address of AWS PrivateLink in it",
            'Write the account as in that address: {"account": "account.region.privatelink"}',
        )
    if not account:
        yield (
            "SnowflakeHook reads the account in extra, and there is none",
            'Write it there: {"account": "organization-account"}',
        )


_METHODS_OF_DATABRICKS = (
    *("token", "azure_tenant_id", "use_azure_managed_identity", "use_default_azure_credential"),
    *("service_principal_oauth", "federated_token_provider", "federated_k8s", "federated_aws"),
)

_SASL = {"login": "sasl.username", "password": "sasl.password"}

_RULES: Mapping[str, Sequence[Rule]] = {
    **RULES_OF_WEB_SERVERS,
    "postgres": (_postgres,),
    "mysql": (_mysql, _plain_host("MySqlHook", 3306)),
    "redis": (_redis, _plain_host("RedisHook", 6379)),
    "rediss": (_redis, _plain_host("RedisHook", 6379)),
    "valkeys": (_redis, _plain_host("RedisHook", 6379)),
    "mongo": (_mongo,),
    "mongodb": (_mongo,),
    "mongodb+srv": (_mongo,),
    "mssql": (_mssql,),
    "kafka": (_kafka, _sasl),
    "cassandra": (_cassandra,),
    "oracle": (_oracle,),
    "databricks": (_databricks,),
    "jdbc": (_jdbc,),
    "ydb": (_ydb,),
    **dict.fromkeys(("drill", "exasol"), (_with_port,)),
    **{conn_type: (*RULES_OF_WEB_SERVERS[conn_type], _with_port) for conn_type in ("druid", "jenkins")},
    "ssh": (_plain_host("SSHHook", 22),),
    "sftp": (_plain_host("SFTPHook", 22),),
    "ftp": (_plain_host("FTPHook", 21),),
    "imap": (_plain_host("ImapHook", 993), _imap),
    "git": (_git,),
    "snowflake": (_snowflake,),
}
