"""What the hooks of servers that speak HTTP misread in a connection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from airflow_kubernetes_secrets.formats.hook_adjustments import CLICKHOUSE_PORT_WITH_TLS, WINRM_PORT_WITH_TLS
from airflow_kubernetes_secrets.formats.hosts import hosts_and_ports, is_ipv6
from airflow_kubernetes_secrets.formats.remedies import in_extra
from airflow_kubernetes_secrets.formats.web_servers import WEB, WEB_SERVERS, WHOLE_ADDRESS
from airflow_kubernetes_secrets.inventory.hook_connection import HookConnection, Rule

# https://clickhouse.com/docs/guides/sre/network-ports
_NATIVE_PORTS_OF_CLICKHOUSE = (9000, 9440)
# The port of WinRM without TLS.
_WINRM_PORT = 5985
_PORTS = {"http": 80, "https": 443}


def _http(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``HttpHook`` uses ``host`` if it has a protocol, or else ``schema://host``, and appends ``:port``."""
    host, port, schema = connection.host, connection.port, connection.schema.lower()
    protocol, colons, address = host.rpartition("://")
    server, slash, _path = address.partition("/")
    if not host:
        return
    if colons and schema and schema != protocol.lower():
        yield (
            "HttpHook ignores the schema, which is the path of a URI, since the host has a protocol",
            'Write the whole address in the host: {"conn_type": "http", "host": "https://host/path"}',
        )
    elif not colons and schema not in ("", *WEB):
        yield (
            "HttpHook reads the schema, which is the path of a URI, as the protocol instead of http or https",
            'Write the whole address in the host: {"conn_type": "http", "host": "https://host/path"}',
        )
    elif not colons and schema != "https" and (connection.conn_type == "https" or (port == 443 and not schema)):
        clear = ", and sends login and password unencrypted" if connection.login else ""
        yield (
            f"HttpHook uses http, without TLS{clear}: only the schema or the host can specify https",
            'Write {"conn_type": "http", "schema": "https", "host": "host"}',
        )
    if port and slash:
        yield (
            "HttpHook appends the port to the path of the host",
            'Write the port in the host: {"conn_type": "http", "host": "https://host:8443/path"}',
        )
    elif port and any(its_port is not None for _host, its_port in hosts_and_ports(server.rpartition("@")[2])[:1]):
        yield "HttpHook appends the port to the port in the host", "Write the port once"
    if is_ipv6(server):
        yield (
            "HttpHook needs brackets around an IPv6 address, which it puts into a URL",
            'Write {"conn_type": "http", "host": "[fd00::1]", "port": 8080}',
        )
    if "," in server:
        yield "HttpHook accepts one host, and there are several", "Write one, such as that of a Service"


def _vault(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``VaultHook`` uses the password as a token unless ``auth_type`` in extra is another method."""
    if connection.login and not connection.extra.get("auth_type"):
        token = "uses the password as a token" if connection.password else "fails, because the password is its token"
        yield (
            f"VaultHook ignores the login, and {token}",
            'Write the method in extra: {"auth_type": "approle"}, or "userpass"',
        )


def _opensearch(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``OpenSearchHook`` reads ``use_ssl`` and ``verify_certs`` in extra, which are false by default."""
    if connection.extra.get("use_ssl") and "verify_certs" not in connection.extra:
        yield (
            "OpenSearchHook does not check the certificate of the server without 'verify_certs' in extra",
            'Write {"use_ssl": true, "verify_certs": true}, or false',
        )


def _elasticsearch(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``ElasticsearchSQLHook`` writes the port into a URL, also if there is none."""
    is_name = connection.host and "://" not in connection.host
    if connection.schema not in ("", *WEB) and "scheme" not in connection.extra:
        yield (
            "ElasticsearchSQLHook reads the schema, the path of a URI, as the protocol instead of http or https",
            'Write {"conn_type": "elasticsearch", "host": "h", "port": 9200, "schema": "https"}',
        )
    if is_name and not connection.port and "port" not in connection.extra:
        yield "ElasticsearchSQLHook has no port by default, and its client fails without one", "Write the port: 9200"


def _influxdb(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """These hooks read the protocol in the schema, and a database in ``extra``."""
    if connection.schema not in ("", *WEB):
        yield (
            f"{connection.hook} reads the schema, the path of a URI, as the protocol instead of http or https",
            "Write the protocol there, or nothing for https"
            + ('; and the database in extra: {"database": "name"}' if connection.conn_type == "influxdb3" else ""),
        )


def _web_server(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """These hooks read the protocol in ``extra`` only, and expect a host without it."""
    server, host = WEB_SERVERS[connection.conn_type], connection.host
    for_https = f"; and for HTTPS in extra: {json.dumps(server.https)}" if server.https else ""
    # The client of Trino also reads the protocol in the host.
    if host.startswith(("http://", "https://")) and connection.conn_type != "trino":
        yield (
            f"{connection.hook} expects the name of a host, and reads the URL in the host as one",
            f'Write host and port separately: {{"host": "h", "port": 443}}{for_https}',
        )
    if connection.schema in WEB and server.https and not server.is_protocol_in_schema:
        yield (
            f"{connection.hook} does not read the protocol in the schema",
            f"Write it in extra: {json.dumps(server.https)}",
        )


def _trino(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """The clients of Trino and Presto refuse a password without TLS."""
    has_tls = connection.extra.get("protocol") == "https" or connection.host.startswith("https://")
    if connection.login and connection.password and not has_tls and connection.schema not in WEB:
        yield (
            f"{connection.hook} uses http, and its client refuses a password without TLS",
            'Write in extra: {"protocol": "https"}',
        )


def _methods(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """These hooks refuse several methods of logging in."""
    method = connection.extra.get("auth")
    if connection.password and method in _METHODS[connection.conn_type]:
        names = ["auth", *(name for name in _TOKENS if name in connection.extra)]
        removed = json.dumps(dict.fromkeys(names))
        target = in_extra(connection.secret, connection.key)
        yield (
            f"{connection.hook} refuses a password next to 'auth' in extra, which is another method",
            "Remove the password; or, to use it, "
            + (f"write{target}: {removed}" if connection.secret.can_be_annotated else f"remove {names}{target}"),
        )


def _openai(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """The client of OpenAI appends the names of methods to the URL.

    https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
    """
    if _OF_AZURE_OPENAI.search(connection.host):
        yield (
            "OpenAIHook uses the host as the URL of the API, which is at /openai/v1/ on servers of Azure",
            'Write the whole URL in the host: {"host": "https://name.openai.azure.com/openai/v1/"}',
        )


def _github(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``GithubHook`` refuses the id of an installation that is not a number, as a string from a key is."""
    installation = connection.extra.get("installation_id")
    if not connection.password and installation is not None and not isinstance(installation, int):
        yield (
            "GithubHook refuses 'installation_id' in extra as a string",
            f'Write a number{in_extra(connection.secret, connection.key)}: {{"installation_id": 12345678}}',
        )


def _qdrant(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``QdrantHook`` passes host and ``url`` to its client, which refuses both together, and a URL in the host."""
    if connection.host and connection.extra.get("url"):
        yield "QdrantHook passes the host and 'url' in extra to its client, which refuses both", "Write one of them"
    elif "://" in connection.host:
        yield (
            "QdrantHook passes the host to its client, which refuses a URL there",
            'Write it in extra: {"url": "https://host:6333"}',
        )


def _azure_cosmos(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``AzureCosmosDBHook`` uses the login as the URL of the account."""
    if connection.login and "://" not in connection.login and not connection.host:
        yield (
            "AzureCosmosDBHook uses the login as the URL of the account",
            "Write the URL in the login, and the key of the account in the password",
        )


def _clickhouse(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``ClickHouseHook`` uses HTTP, with port 8123 by default, also with TLS."""
    if connection.extra.get("secure") and connection.host and not connection.port:
        yield (
            "ClickHouseHook uses port 8123, which is that without TLS, if there is none",
            f"Write the port: {CLICKHOUSE_PORT_WITH_TLS}",
        )
    if connection.port in _NATIVE_PORTS_OF_CLICKHOUSE:
        yield (
            f"ClickHouseHook uses HTTP, and port {connection.port} is that of the native protocol",
            "Write the port for HTTP, which is 8123, or 8443 with TLS",
        )


def _whole_address(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """These hooks expect a URL in the host. The client of Tableau adds ``http://`` to another host."""
    if connection.host and "://" not in connection.host and connection.schema not in WEB:
        clear = ", without TLS" if connection.conn_type == "tableau" else ""
        yield (
            f"{connection.hook} reads the host as a URL{clear}",
            'Write the whole URL in the host: {"host": "https://host"}',
        )
    elif connection.port not in (0, _port_of(connection.host)):
        yield (
            f"{connection.hook} ignores the port",
            'Write it in the URL: {"host": "https://host:8443"}',
        )


def _port_of(url: str) -> int | None:
    """Return the port of a URL, or the one that its protocol implies; ``None`` for another address."""
    protocol, _colons, rest = url.lower().partition("://")
    server = rest.partition("/")[0].rpartition("@")[2]
    [(_host, port), *_] = hosts_and_ports(server) or [("", None)]
    return port or _PORTS.get(protocol)


def _winrm(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``WinRMHook`` reads the port and the protocol in ``extra``."""
    if connection.port not in (0, _WINRM_PORT) and not {"endpoint", "remote_port"} & connection.extra.keys():
        yield (
            f"WinRMHook ignores the port, and connects to port {_WINRM_PORT} without TLS",
            'Write the whole address in extra: {"endpoint": "https://host:5986/wsman"}',
        )


def _psrp(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``PsrpHook`` has no setting for the port."""
    port = _WINRM_PORT if connection.extra.get("ssl") is False else WINRM_PORT_WITH_TLS
    if connection.port not in (0, port):
        yield (
            f"PsrpHook ignores the port, and connects to port {port}",
            'It uses 5986, or 5985 without TLS, with extra {"ssl": false}. Write no port',
        )


# The methods in extra that a password excludes, and the names of the tokens for them.
_METHODS: Mapping[str, Sequence[str]] = {
    "trino": ("jwt", "certs", "kerberos"),
    "presto": ("kerberos",),
    "tableau": ("jwt",),
}
_TOKENS = ("jwt__token", "jwt__file", "jwt_token", "jwt_file")

_OF_AZURE_OPENAI = re.compile(r"\.openai\.azure\.com(?::[0-9]+)?/?$", re.IGNORECASE)

RULES_OF_WEB_SERVERS: Mapping[str, Sequence[Rule]] = {
    **dict.fromkeys(("http", "https"), (_http,)),
    "elasticsearch": (_elasticsearch,),
    "opensearch": (_opensearch,),
    "clickhouse": (_web_server, _clickhouse),
    "vault": (_web_server, _vault),
    **dict.fromkeys(("jenkins", "druid", "pinot", "webhdfs", "weaviate", "dbt_cloud"), (_web_server,)),
    **dict.fromkeys(("influxdb", "influxdb3"), (_web_server, _influxdb)),
    **dict.fromkeys(("trino", "presto"), (_web_server, _trino, _methods)),
    **dict.fromkeys(WHOLE_ADDRESS, (_whole_address,)),
    "openai": (_whole_address, _openai),
    "github": (_whole_address, _github),
    "tableau": (_whole_address, _methods),
    "qdrant": (_qdrant,),
    "azure_cosmos": (_azure_cosmos,),
    "winrm": (_winrm,),
    "psrp": (_psrp,),
}
