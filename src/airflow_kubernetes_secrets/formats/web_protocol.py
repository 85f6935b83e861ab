"""Write the protocol of a web address, and its port, where the hook reads them."""

from __future__ import annotations

import re
from typing import Any

from airflow_kubernetes_secrets.formats.hosts import in_url
from airflow_kubernetes_secrets.formats.web_servers import WEB, WEB_SERVERS, WHOLE_ADDRESS, WebServer

_AWS = "aws"


def write_protocol(connection: dict[str, Any], protocol: str, *, is_of_uri: bool) -> None:
    """Write the protocol of a web address where the hook reads it: in the host, in the schema or in ``extra``.

    Args:
        connection: the fields of Airflow's JSON, which are changed.
        protocol: ``http``, ``https``, or an empty string if it is unknown.
        is_of_uri: whether the protocol is the scheme of a URI.
    """
    conn_type = connection["conn_type"]
    if conn_type in WHOLE_ADDRESS or conn_type == _AWS:
        _write_address(connection, protocol)
    elif conn_type in WEB_SERVERS:
        _write_protocol_of_server(connection, protocol, WEB_SERVERS[conn_type], is_of_uri=is_of_uri)
    elif protocol:
        _write_schema(connection, protocol)


def _write_address(connection: dict[str, Any], protocol: str) -> None:
    """Write protocol and port into the host, where the hook reads the whole address."""
    host = connection["host"]
    if protocol and host and "://" not in host:
        port = f":{connection['port']}" if connection["port"] else ""
        connection["host"], connection["port"] = f"{protocol}://{in_url(host)}{port}", None
    elif connection["conn_type"] in WHOLE_ADDRESS and connection["port"]:
        _insert_port(connection)


def _write_protocol_of_server(connection: dict[str, Any], protocol: str, server: WebServer, *, is_of_uri: bool) -> None:
    """Write the protocol where the hook of a web server reads it, and the port if the hook has none by default."""
    if not server.is_protocol_in_schema and connection["schema"] in WEB:
        # The hook reads something else in the schema.
        protocol, connection["schema"] = protocol or connection["schema"], ""
    if not protocol:
        return
    if server.is_protocol_in_schema and (is_of_uri or not server.is_one_enough):
        _write_schema(connection, protocol)
    if not any(each in connection["host"] for each in ("://", ",")):
        connection["port"] = connection["port"] or server.port(protocol)
    if protocol == "https" and not (server.is_one_enough and connection["schema"] == "https"):
        connection["extra"] = {**server.https, **connection["extra"]}


def _write_schema(connection: dict[str, Any], protocol: str) -> None:
    """Write the protocol into the schema, unless the host or the schema has one."""
    if "://" not in connection["host"] and not connection["schema"]:
        connection["schema"] = protocol


def _insert_port(connection: dict[str, Any]) -> None:
    """Write the port into a URL without one: the hooks that read a whole address in the host ignore the port."""
    found = re.fullmatch(r"(?P<server>https?://(?:\[[^\]/]+\]|[^/:@]+))(?P<path>/.*)?", connection["host"])
    if found is not None:
        connection["host"] = f"{found['server']}:{connection['port']}{found['path'] or ''}"
        connection["port"] = None
