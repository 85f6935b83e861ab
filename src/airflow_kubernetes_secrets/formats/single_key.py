"""Parse a connection that is whole in one key, as Airflow does.

Annotations can complete such a connection, which needs its separate fields.
https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from airflow_kubernetes_secrets.formats.usability import EXTRA_IN_QUERY


def fields_of_whole(stored: str) -> dict[str, Any]:
    """Return the fields by their names in Airflow's JSON, without ``uri``. ``extra`` is an object or a string.

    Every value in the query of a URI is a string, as in Airflow 2 and in tasks of Airflow 3.

    Args:
        stored: a connection that some part of Airflow can use (:func:`usability.objections`).
    """
    text = stored.strip()  # Airflow does the same
    if not text.startswith("{"):
        return _fields_of_uri(text)
    fields: dict[str, Any] = json.loads(text)
    uri = fields.pop("uri", None)
    if not uri:
        return fields
    return {name: fields[name] for name in ("description", "team_name") if name in fields} | _fields_of_uri(uri)


def extra_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``extra`` as hooks receive it; empty if it is not a JSON object."""
    extra = fields.get("extra")
    if isinstance(extra, str):
        try:
            extra = json.loads(extra)
        except (ValueError, RecursionError):
            return {}
    return extra if isinstance(extra, dict) else {}


def _fields_of_uri(uri: str) -> dict[str, Any]:
    scheme = urlsplit(uri).scheme
    has_protocol = uri.count("://") == 2
    parts = urlsplit(uri.replace(f"{scheme}://", "" if has_protocol else "//"))
    host = _host(parts)
    if host and has_protocol and parts.scheme:
        host = f"{parts.scheme}://{host}"
    fields: dict[str, Any] = {
        "conn_type": "postgres" if scheme == "postgresql" else scheme.replace("-", "_"),
        "host": host,
        "login": parts.username and unquote(parts.username),
        "password": parts.password and unquote(parts.password),
        "port": parts.port,
        "schema": unquote(parts.path[1:]),
    }
    if parts.query:
        query: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
        fields["extra"] = query.get(EXTRA_IN_QUERY, query)
    return fields


def _host(parts: SplitResult) -> str:
    host = unquote(parts.hostname or "")
    if "/" not in host:
        return host
    # A path, such as that of a socket, keeps its upper case, unlike the host in `hostname`.
    return unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
