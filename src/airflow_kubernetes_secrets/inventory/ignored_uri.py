"""Warnings for a URI that is ignored because another key has the host, if the connection lacks a part of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.aliases import URI, connection_type
from airflow_kubernetes_secrets.formats.connection import ignored_uri
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.hook_adjustments import BARE_HOST
from airflow_kubernetes_secrets.formats.parameters import stricter, translated
from airflow_kubernetes_secrets.formats.remedies import give_parts, name_uri
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.formats.uri import SECURE, ParsedUri, UnusableUriError
from airflow_kubernetes_secrets.formats.web_servers import WEB
from airflow_kubernetes_secrets.inventory.incompleteness import UNUSED_SETTINGS, named, warning
from airflow_kubernetes_secrets.inventory.key_names import TLS, has_in_extra, suggests
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.problem import Problem

_JDBC = "jdbc:"

# The names of keys with a URI or another address that has more parts than a host.
_NAMES = re.compile(r"(?:uri|url|dsn|connection_?string)$")

# The words for the parts in messages.
_WORDS: Mapping[str, str] = {
    "login": "login",
    "password": "password",
    "port": "port",
    "schema": "database",
    "extra": "settings",
}

# Where an address in another form has a part: the names of libpq, ADO.NET, StackExchange.Redis and JDBC.
_IN_ADDRESS: Mapping[str, re.Pattern[str]] = {
    part: re.compile(pattern, re.IGNORECASE)
    for part, pattern in (
        ("login", r"\b(?:user ?name|user ?id|user|uid|login)\s*=|//[^/@]+@|^[^/@=]+@"),
        ("password", r"\b(?:password|passwd|pwd)\s*=|//[^/@]*:[^/@]+@|^[^/@=:]+:[^/@=]+@"),
        ("schema", r"\b(?:initial catalog|database ?name|database|db ?name)\s*=|//[^/?;]+/[^?;]|\)/[^?]"),
        ("extra", r"ssl|tls|encrypt"),
    )
}
# No address is longer. The patterns would search a longer text again from each of many beginnings.
_LONGEST_ADDRESS = 4096
_PORT = re.compile(r"(?:[:,]\s*|\bport\s*=\s*)(?P<port>[0-9]{2,5})\b", re.IGNORECASE)


def problems_of_ignored_uri(secret: Secret, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning for each key with a URI that is ignored, if the connection lacks parts of it.

    Args:
        unused: the data keys that are not used.
        connection: the fields of Airflow's JSON.
    """
    fields = fields_of(secret)
    if not connection.get("host"):
        return  # the missing host is reported
    ignored = ignored_uri(secret, fields)
    if ignored:
        yield from _problem(secret, fields.keys[URI], ignored, connection)
    elif URI in fields.keys:
        return  # a URI is used, and the others are for other clients, or other servers
    for key in unused:
        if key != fields.keys.get(URI) and suggests(key, _NAMES) and key not in fields.unneeded:
            stored = secret.value(key).decode("utf-8", "replace").strip()
            if _is_of_type(stored, connection):
                yield from _problem(secret, key, stored, connection)


def _is_of_type(stored: str, connection: Mapping[str, Any]) -> bool:
    """Return whether an address may belong to the connection: a Secret can contain URIs for other servers."""
    scheme, separator, _rest = stored.removeprefix(_JDBC).partition("://")
    return not separator or connection_type(scheme) == connection.get("conn_type")


def _problem(secret: Secret, key: str, stored: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    uri = _parsed(stored, connection)
    if uri is None:
        lacking = _lacking_of_address(stored, connection)
    elif uri.scheme in WEB and connection.get("conn_type") in BARE_HOST:
        return  # the web page of a server with another protocol
    else:
        lacking = _lacking(uri, connection)
    if not lacking:
        return
    # If only the scheme of the URI contains the lacking part, an annotation that names the key does not help: no hook
    # reads the scheme.
    is_only_scheme = uri is not None and uri.scheme in SECURE and uri.scheme not in WEB and lacking == ["extra"]
    is_read_if_named = uri is not None and not stored.lower().startswith(_JDBC) and not is_only_scheme
    remedy = name_uri(secret) if is_read_if_named else give_parts(secret, lacking)
    yield warning(
        UNUSED_SETTINGS,
        secret,
        f"nothing reads {named([key])}, because another key or an annotation specifies the host, and the "
        f"connection lacks parts of it: {', '.join(_WORDS[each] for each in lacking)}. If it is for the same server, "
        f"{remedy}; otherwise remove the key",
    )


def _parsed(stored: str, connection: Mapping[str, Any]) -> ParsedUri | None:
    text = stored[len(_JDBC) :] if stored.lower().startswith(_JDBC) else stored
    try:
        return ParsedUri(text, str(connection.get("login") or ""), str(connection.get("password") or ""))
    except UnusableUriError:
        return None


def _lacking(uri: ParsedUri, connection: Mapping[str, Any]) -> list[str]:
    """Return the fields that a URI has, and that the connection does not have."""
    extra = extra_of(connection)
    options = translated(str(connection.get("conn_type")), uri.options)
    has_tls = connection.get("schema") == "https" or has_in_extra(connection, TLS)
    is_lost = {
        "login": uri.login and not connection.get("login"),
        "password": uri.password and not connection.get("password"),
        "port": uri.port and str(uri.port) not in (str(connection.get("port")), str(extra.get("port"))),
        "schema": uri.schema and uri.schema not in (connection.get("schema"), str(extra.get("db"))),
        "extra": (uri.scheme in SECURE and not has_tls)
        or any(name not in extra or _is_stricter(name, value, extra[name]) for name, value in options.items()),
    }
    return [part for part, is_it in is_lost.items() if is_it]


def _is_stricter(name: str, value: object, used: object) -> bool:
    return value != used and stricter(name, value, used) == value


def _lacking_of_address(stored: str, connection: Mapping[str, Any]) -> list[str]:
    """Return the fields that an address in another form seems to have, and that the connection does not have."""
    stored = stored[:_LONGEST_ADDRESS]
    lacking = [
        part
        for part, pattern in _IN_ADDRESS.items()
        if pattern.search(stored) and not (has_in_extra(connection, TLS) if part == "extra" else connection.get(part))
    ]
    ports = {each["port"] for each in _PORT.finditer(stored)}
    if ports and str(connection.get("port")) not in ports:
        lacking.append("port")
    return [part for part in _WORDS if part in lacking]
