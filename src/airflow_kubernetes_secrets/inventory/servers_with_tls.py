"""Servers that accept connections with TLS only, by the end of their name or by their port: as data, by type.

The console of a managed database shows host, port and password, but no setting of a hook. Without it, the hook connects
without TLS, and the server closes the connection or does not answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from airflow_kubernetes_secrets.formats.hosts import hosts_and_ports
from airflow_kubernetes_secrets.formats.web_servers import HTTPS_PORT
from airflow_kubernetes_secrets.inventory.hook_connection import HookConnection

# Values of an entry of extra with which it does not turn TLS on.
_OFF = ("", "false", "0", "no", "off", "none", "http")


class _ServersWithTls(NamedTuple):
    """What the servers of a connection type are, and how its hook uses TLS.

    Attributes:
        names: a pattern for the names of hosts, in lower case.
        ports: the ports for TLS, whatever the host.
        entries: the entries of extra, each of which turns TLS on.
        example: what to write in extra.
        with_tls: with these ports, the hook uses TLS without an entry of extra.
        in_schema: whether the schema ``https`` turns TLS on.
    """

    names: re.Pattern[str] | None
    ports: tuple[int, ...]
    entries: tuple[str, ...]
    example: str
    with_tls: tuple[int, ...] = ()
    in_schema: bool = False


# A cluster of Atlas. Only the names of its servers have `-shard-`; the name of the cluster is that of an SRV record.
_CLUSTER_OF_ATLAS = re.compile(r"^(?!.*-shard-)[^,:]*\.mongodb\.net$")

_SERVERS: Mapping[str, _ServersWithTls] = {
    # https://learn.microsoft.com/en-us/azure/azure-cache-for-redis/cache-configure#access-ports
    # https://upstash.com/docs/redis/features/security
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption.html
    "redis": _ServersWithTls(
        re.compile(
            r"\.redis\.cache\.windows\.net:6380$|\.upstash\.io(?::|$)"
            r"|\.serverless\.[a-z0-9]+\.cache\.amazonaws\.com(?::|$)"
        ),
        (),
        ("ssl",),
        '{"ssl": true}',
    ),
    # https://www.mongodb.com/docs/atlas/reference/faq/security/
    # https://learn.microsoft.com/en-us/azure/cosmos-db/mongodb/connect-account
    "mongo": _ServersWithTls(
        re.compile(r"\.mongodb\.net(?::|$)|\.cosmos\.azure\.com(?::|$)"),
        (),
        ("ssl", "tls", "srv"),
        '{"tls": true}',
    ),
    # https://neo4j.com/docs/aura/connecting-applications/overview/
    "neo4j": _ServersWithTls(
        re.compile(r"\.databases\.neo4j\.io(?::|$)"),
        (),
        ("encrypted", "certs_trusted_ca", "certs_self_signed"),
        '{"neo4j_scheme": true, "certs_trusted_ca": true}',
    ),
    # https://clickhouse.com/docs/integrations/python
    "clickhouse": _ServersWithTls(
        re.compile(r"\.clickhouse\.cloud(?::|$)"),
        (),
        ("secure",),
        '{"secure": true}, and the port 8443',
        with_tls=(HTTPS_PORT, 8443),
    ),
    # https://www.elastic.co/docs/deploy-manage/deploy/elastic-cloud/connect-your-applications-to-elasticsearch
    "elasticsearch": _ServersWithTls(
        re.compile(r"\.(?:elastic-cloud\.com|found\.io|elastic\.cloud)(?::|$)"),
        (HTTPS_PORT, 9243),
        ("scheme",),
        '{"scheme": "https"}',
        in_schema=True,
    ),
    # https://docs.aws.amazon.com/opensearch-service/latest/developerguide/infrastructure-security.html
    "opensearch": _ServersWithTls(
        re.compile(r"\.(?:es|aoss)\.amazonaws\.com(?::443)?$"),
        (HTTPS_PORT,),
        ("use_ssl", "scheme"),
        '{"use_ssl": true, "verify_certs": true}, and the port 443',
    ),
    # https://docs.aws.amazon.com/keyspaces/latest/devguide/using_python_driver.html
    "cassandra": _ServersWithTls(
        re.compile(r"^cassandra\.[a-z0-9-]+\.amazonaws\.com(?::|$)"),
        (),
        ("ssl_options",),
        '{"ssl_options": {"ca_certs": "/path"}}',
    ),
    "druid": _ServersWithTls(None, (HTTPS_PORT,), ("schema",), '{"schema": "https"}'),
    "pinot": _ServersWithTls(None, (HTTPS_PORT,), ("schema",), '{"schema": "https"}'),
    "jenkins": _ServersWithTls(None, (HTTPS_PORT,), ("use_https",), '{"use_https": true}'),
    "webhdfs": _ServersWithTls(None, (HTTPS_PORT,), ("use_ssl",), '{"use_ssl": true}'),
    "vault": _ServersWithTls(
        re.compile(r"\.hashicorp\.cloud(?::|$)"),
        (HTTPS_PORT,),
        ("use_tls",),
        '{"use_tls": true}',
    ),
    # https://docs.weaviate.io/cloud/manage-clusters/connect
    "weaviate": _ServersWithTls(
        re.compile(r"\.weaviate\.(?:cloud|network)(?::|$)"),
        (HTTPS_PORT,),
        ("http_secure",),
        '{"http_secure": true}',
    ),
    # It is a subclass of HttpHook, and reads the protocol in the schema.
    "livy": _ServersWithTls(None, (HTTPS_PORT,), (), "", in_schema=True),
}

# https://docs.confluent.io/cloud/current/client-apps/config-client.html
# https://learn.microsoft.com/en-us/azure/event-hubs/azure-event-hubs-apache-kafka-overview
# https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html
_OF_KAFKA = re.compile(
    r"\.confluent\.cloud(?::|$)|\.servicebus\.windows\.net(?::|$)|\.kafka\.[a-z0-9-]+\.amazonaws\.com:9[01]9[468]$"
)


def servers_with_tls(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield a warning if a connection has no TLS, and its server accepts connections with TLS only."""
    if connection.conn_type == "kafka":
        yield from _kafka(connection)
        return
    known = _SERVERS.get(connection.conn_type)
    if known is None or not connection.host or "://" in connection.host or _uses_tls(connection, known):
        return
    port = connection.port
    by_name = known.names is not None and any(map(known.names.search, _addresses(connection.host, port)))
    if not by_name and port not in known.ports:
        return
    why = "the server accepts connections with TLS only" if by_name else f"port {port} is that for TLS"
    if connection.conn_type == "mongo" and _CLUSTER_OF_ATLAS.search(connection.host.lower()):
        yield (
            "the host is the name of a cluster of MongoDB Atlas, which MongoHook finds, and uses with TLS, only with "
            "'srv' in extra",
            'Write it there, and no port: {"srv": true}',
        )
        return
    how = f"Write in extra: {known.example}" if known.example else 'Write the schema: {"schema": "https"}'
    yield f"{connection.hook} uses no TLS, and {why}", how


def _uses_tls(connection: HookConnection, known: _ServersWithTls) -> bool:
    if known.in_schema and connection.schema.lower() == "https":
        return True
    return connection.port in known.with_tls or any(
        str(connection.extra.get(name) or "").strip().lower() not in _OFF for name in known.entries
    )


def _addresses(hosts: str, port: int) -> list[str]:
    """Return the hosts in lower case, each with ``:`` and its port if it has one."""
    return [f"{host}:{own or port}" if own or port else host for host, own in hosts_and_ports(hosts.lower())]


def _kafka(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """librdkafka uses no TLS unless ``security.protocol`` contains SSL."""
    servers = str(connection.extra.get("bootstrap.servers") or "").lower()
    protocol = str(connection.extra.get("security.protocol") or "")
    if "SSL" not in protocol.upper() and any(_OF_KAFKA.search(each.strip()) for each in servers.split(",")):
        yield (
            "librdkafka uses no TLS if 'security.protocol' in extra is neither SSL nor SASL_SSL, and the server "
            "accepts connections with TLS only",
            'Write it there: {"security.protocol": "SASL_SSL"}, or SSL',
        )
