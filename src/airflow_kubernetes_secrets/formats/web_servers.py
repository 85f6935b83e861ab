"""How hooks read the address of a web server, as data: each reads the protocol in another place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# The schemes of web addresses. HttpHook expects one of them as the schema, or before a host with a path.
WEB = ("http", "https")
HTTPS_PORT = 443
_HTTP_PORT = 80


class WebServer:
    """A server whose hook expects the name of a host, and builds a URL or a client with it.

    Attributes:
        https: what the hook reads in ``extra`` for HTTPS.
        is_protocol_in_schema: whether the hook reads the protocol in the schema too. Others read something else there,
            such as a database.
        is_one_enough: whether the protocol in the schema replaces that in ``extra``.
        has_port: whether the hook, or its driver, has a port by default.
    """

    __slots__ = ("has_port", "https", "is_one_enough", "is_protocol_in_schema")

    def __init__(
        self,
        https: Mapping[str, Any] = MappingProxyType({}),
        *,
        is_protocol_in_schema: bool = False,
        is_one_enough: bool = False,
        has_port: bool = True,
    ) -> None:
        self.https = https
        self.is_protocol_in_schema = is_protocol_in_schema
        self.is_one_enough = is_one_enough
        self.has_port = has_port

    def port(self, protocol: str) -> int | None:
        """Return the port to write for an address without a port; ``None`` if the hook has a default."""
        if protocol == "https" and self.https:
            return HTTPS_PORT
        return None if self.has_port else _HTTP_PORT


# https://airflow.apache.org/docs/#providers-packages-docs-apache-airflow-providers-index-html
WEB_SERVERS: Mapping[str, WebServer] = {
    "elasticsearch": WebServer({"scheme": "https"}, is_protocol_in_schema=True, is_one_enough=True),
    "opensearch": WebServer({"use_ssl": True, "verify_certs": True}),
    "clickhouse": WebServer({"secure": True}),
    "vault": WebServer({"use_tls": True}),
    "trino": WebServer({"protocol": "https"}, has_port=False),
    "presto": WebServer({"protocol": "https"}, has_port=False),
    "jenkins": WebServer({"use_https": True}, has_port=False),
    # DruidDbApiHook reads the protocol in extra, and DruidHook in the schema.
    "druid": WebServer({"schema": "https"}, is_protocol_in_schema=True, has_port=False),
    "pinot": WebServer({"schema": "https"}, has_port=False),
    "webhdfs": WebServer({"use_ssl": True, "verify": True}),
    "weaviate": WebServer({"http_secure": True}),
    # InfluxDBHook uses HTTPS unless the schema is another protocol.
    "influxdb": WebServer(is_protocol_in_schema=True),
    "influxdb3": WebServer(is_protocol_in_schema=True),
    # DbtCloudHook always uses HTTPS at its port.
    "dbt_cloud": WebServer(),
    # SnowflakeHook always uses HTTPS at its port.
    "snowflake": WebServer(),
}

# The types whose hooks read a whole address in the host.
WHOLE_ADDRESS = (
    *("openai", "github", "airbyte", "jira", "tableau", "arangodb", "opsgenie", "cohere"),
    *("anthropic", "dingding", "iceberg", "langchain", "llamaindex", "mcp", "openfaas", "package_index"),
    *("pydanticai", "pydanticai_azure"),
)

# The types whose servers have web addresses.
SPEAK_HTTP = frozenset(("http", *WEB_SERVERS, *WHOLE_ADDRESS))
