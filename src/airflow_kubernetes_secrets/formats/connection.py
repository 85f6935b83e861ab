"""Build the JSON of a connection from the fields of a Secret, or complete the connection in a single key.

Error reports can show the local variables of each frame that an exception passes. So no function here has a value in a
variable while it raises an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.aliases import EXACT, GENERIC, URI, connection_type
from airflow_kubernetes_secrets.formats.annotations import LITERALS
from airflow_kubernetes_secrets.formats.encoded_twice import ENCODED_TWICE, decoded_text
from airflow_kubernetes_secrets.formats.fields import Fields
from airflow_kubernetes_secrets.formats.hook_adjustments import adjust_for_hook
from airflow_kubernetes_secrets.formats.hosts import port_number
from airflow_kubernetes_secrets.formats.known_formats import EXTRA
from airflow_kubernetes_secrets.formats.parameters import (
    MYSQL_CONNECTOR,
    strictest,
    strictest_modes,
    translated,
    without_blanks,
)
from airflow_kubernetes_secrets.formats.remedies import is_a_host, store_whole
from airflow_kubernetes_secrets.formats.settings import SETTINGS, setting
from airflow_kubernetes_secrets.formats.single_key import fields_of_whole
from airflow_kubernetes_secrets.formats.uri import (
    NoHostError,
    NotAUriError,
    ParsedUri,
    UnusableUriError,
    options_of_scheme,
)
from airflow_kubernetes_secrets.formats.usability import EXTRA_IS_NO_OBJECT
from airflow_kubernetes_secrets.formats.value_parsers import SETTING
from airflow_kubernetes_secrets.formats.values import check_usable, text, texts
from airflow_kubernetes_secrets.formats.web_servers import SPEAK_HTTP, WEB
from airflow_kubernetes_secrets.kubernetes.objects import Secret

_GIT = "git"
# The values of a setting for TLS that switch nothing on.
_OFF = ("", "false", "0", "no", "off", "disable", "disabled", "null")

_WEB_ADDRESSES = tuple(f"{scheme}://" for scheme in WEB)

# Crossplane's Upbound provider for AWS writes this form into an endpoint.
_HOST_WITH_PORT = r"(?P<host>\[[^\]]+\]|[^:]+):(?P<port>[0-9]+)"


def connection_json(secret: Secret, fields: Fields) -> str:
    """Return the connection as JSON, from which Airflow takes every character unchanged.

    Raises:
        MalformedSecretError: a value is invalid for its field. The message names Secret and key.
    """
    values = _Values(secret, fields)
    uri = _uri(values)
    conn_type = _connection_type(values, uri)
    connection = {
        "conn_type": conn_type,
        **_host_and_port(values, uri),
        "login": values.prefer_key("login", uri),
        "password": values.prefer_key("password", uri),
        "schema": _schema(values, uri, conn_type),
        "extra": _translated_extra(
            values,
            conn_type,
            (
                fields.extra,
                options_of_scheme(values.get("conn_type") if not fields.description.connection_type else ""),
                settings_in_extra(secret, fields, conn_type),
                values.settings_of(conn_type),
                {} if uri is None else uri.options,
            ),
        ),
    }
    adjust_for_hook(
        connection,
        values.get("conn_type") or (uri.scheme if uri is not None else ""),
        has_host_of_uri=uri is not None and not values.is_named("host"),
        protocol=uri.scheme if uri is not None and uri.scheme in WEB else "",
        path=uri.schema if uri is not None else "",
    )
    return json.dumps({name: value for name, value in connection.items() if value})


def completed_json(secret: Secret, fields: Fields, key: str) -> str:
    """Return the connection that one key contains as JSON, with what annotations add or replace.

    Args:
        fields: the fields that annotations name (:meth:`Fields.completing`).
        key: the key.

    Raises:
        MalformedSecretError: the connection cannot be parsed, or the value of an annotation is invalid. The message
            names the Secret and the key or annotation.
    """
    values = _Values(secret, fields)
    port, extra, annotated = _port(values), _extra_in_keys(values), fields.description.extra
    connection = _fields_of_whole(secret, key)
    if extra or annotated or values.get("extra"):
        in_whole = {} if values.get("extra") else _json_object(connection.get("extra") or "{}")
        if in_whole is None:
            del extra, connection
            problem = f"{EXTRA_IS_NO_OBJECT}. Annotations cannot add to it"
            raise secret.malformed(key, problem)
        connection["extra"] = _annotated({**in_whole, **extra}, annotated)
    for field in ("login", "password", "host", "schema"):
        connection[field] = values.get(field) or connection.get(field)
    if values.get("conn_type") or fields.description.connection_type:
        connection["conn_type"] = _connection_type(values, None)
    connection["port"] = port or connection.get("port")
    return json.dumps({name: value for name, value in connection.items() if value is not None})


def _fields_of_whole(secret: Secret, key: str) -> dict[str, Any]:
    """Return the fields of a connection in one key. JSON is not checked: an annotation may replace an invalid field."""
    connection = _json_object(text(secret, key))
    if connection is not None and not connection.get("uri"):
        return connection
    del connection
    check_usable(secret, key, text(secret, key))
    return fields_of_whole(text(secret, key))


def parsed_uri(secret: Secret, fields: Fields) -> ParsedUri | None:
    """Return the URI from which a connection is built; ``None`` if there is none, or if it is ignored.

    Raises:
        MalformedSecretError: as for :func:`connection_json`.
    """
    return _uri(_Values(secret, fields))


def ignored_uri(secret: Secret, fields: Fields) -> str:
    """Return the value of the key for a URI if the connection is built without it; empty if it is used."""
    if URI not in fields.keys:
        return ""
    values = _Values(secret, fields)
    stored = values.get(URI)
    return stored if stored and _uri(values) is None else ""


def _extra_fields(secret: Secret, fields: Fields) -> dict[str, str]:
    """Return the values of the keys in ``extra``, by name.

    Those that annotations describe are exact. In a known format, a newline after a value in one line is not part of it.
    A private key needs its last newline.
    """
    found = texts(secret, fields.extra_keys)
    if fields.description.others_to_extra:
        return found
    exact = fields.description.extra_fields
    return {name: value if name in exact or "\n" in value.strip() else value.strip() for name, value in found.items()}


class _Values:
    """The values in the keys of a Secret, by field. A blank one counts as missing. Its ``repr`` shows none of them."""

    def __init__(self, secret: Secret, fields: Fields) -> None:
        self.secret = secret
        self.fields = fields
        # The key or annotation that an error names, by field.
        self._origins = {field: ("key", key) for field, key in fields.keys.items()}
        self._origins |= {
            field: (self.secret.annotation_part, LITERALS[field]) for field in fields.description.literals
        }
        self._values = texts(secret, fields.keys)
        self.extra_fields = _extra_fields(secret, fields)
        # The settings within a value, by name.
        self._settings: dict[str, str] = {}
        self._parse()
        for field in self._values.keys() - set(EXACT):
            self._values[field] = self._values[field].strip()
        self._values |= fields.description.literals
        found = re.fullmatch(_HOST_WITH_PORT, self.get("host"))
        if found is not None:
            self._values["host"] = found["host"].strip("[]")
            if not self.get("port"):
                self._values["port"], self._origins["port"] = found["port"], self._origins["host"]
        if self._is_repository() and not self.get("host"):
            self._values["host"], self._origins["host"] = self._values.pop(URI), self._origins[URI]

    def _parse(self) -> None:
        """Add what the values with several fields contain."""
        for key, parse in self.fields.parsers.items():
            for name, value in (parse(text(self.secret, key)) or {}).items():
                if name.startswith(SETTING):
                    self._settings[name[len(SETTING) :]] = value
                in_extra = name[len(EXTRA) :] if name.startswith(EXTRA) else ""
                if in_extra and self.fields.extra_keys[in_extra] == key:
                    self.extra_fields[in_extra] = value
                elif self.fields.keys.get(name) == key:
                    self._values[name] = value

    def _is_repository(self) -> bool:
        """Return whether the URI is the address of a Git repository that git itself has to read.

        It is ``ssh://…`` or ``user@host:path``, which ``GitHook`` expects whole in the host.
        """
        word = self.fields.description.connection_type or self.get("conn_type")
        return word == _GIT and bool(self.get(URI)) and not self.get(URI).startswith(_WEB_ADDRESSES)

    def get(self, field: str) -> str:
        """Return the value of a field; empty if there is none."""
        return self._values.get(field, "")

    def settings_of(self, conn_type: str) -> dict[str, Any]:
        """Return the settings within a value as the hook of a type reads them."""
        found = (setting(conn_type, name, each) for name, each in self._settings.items())
        return strictest(conn_type, filter(None, found))

    def ignored_settings(self, conn_type: str) -> list[str]:
        """Return the names of the settings within a value that switch something on, and that the hook does not use."""
        return [
            name
            for name, each in self._settings.items()
            if setting(conn_type, name, each) is None and each.strip().lower() not in _OFF
        ]

    def is_named(self, field: str) -> bool:
        """Return whether an annotation contains a field, or names its key, and the value is not empty."""
        description = self.fields.description
        return (field in description.fields or field in description.literals) and bool(self.get(field))

    def prefer_uri(self, field: str, uri: ParsedUri | None) -> str:
        """Return the value of a field that is more complete in the URI, unless an annotation names its key."""
        in_uri: str = getattr(uri, field, "")
        return self.get(field) if self.is_named(field) else in_uri or self.get(field)

    def prefer_key(self, field: str, uri: ParsedUri | None) -> str:
        """Return the value of a field that is exact in its own key, unless an annotation names only the URI.

        In a URI the password can be outdated (CloudNativePG with External Secrets), or not percent-encoded.
        """
        in_uri: str = getattr(uri, field, "")
        if self.is_named(URI) and not self.is_named(field):
            return in_uri or self.get(field)
        return self.get(field) or in_uri

    def error(self, field: str, problem: str) -> MalformedSecretError:
        """Return the error for a field. It names the field's key or annotation."""
        part, name = self._origins[field]
        return self.secret.malformed(name, problem, part=part)


def _uri(values: _Values) -> ParsedUri | None:
    if not values.get(URI):
        return None
    has_own_host = bool(values.get("host")) and not values.is_named(URI)
    try:
        uri = ParsedUri(values.get(URI), values.get("login"), values.get("password"))
    except UnusableUriError as error:
        problem = str(error)
        if isinstance(error, NotAUriError):
            problem += f". {is_a_host(values.secret)}"
        elif isinstance(error, NoHostError):
            problem += f". {store_whole(values.secret)}"
    else:
        return None if has_own_host and _is_for_other_system(values, uri) else uri
    if has_own_host or _is_beside_a_credential(values):
        return None
    raise values.error(URI, problem)


def _is_beside_a_credential(values: _Values) -> bool:
    """Return whether annotations describe a login, a password or an entry of ``extra``, and no URI.

    The Secret is then about this credential. A key with a name such as ``uri`` probably contains another address.
    """
    is_named = values.is_named("login") or values.is_named("password") or values.fields.description.extra_fields
    return bool(is_named) and not values.is_named(URI)


def _is_for_other_system(values: _Values, uri: ParsedUri) -> bool:
    """Return whether a URI is for another server: the Secret of a database can also contain the URL of a web page."""
    scheme = connection_type(uri.scheme)
    annotated, key = values.fields.description.connection_type, values.get("conn_type")
    if uri.scheme in WEB and connection_type(annotated or key) in SPEAK_HTTP:
        return False
    if annotated:
        return annotated != scheme and (uri.scheme in WEB or (bool(key) and connection_type(key) != scheme))
    return connection_type(key) != scheme if key else uri.scheme in WEB


def _connection_type(values: _Values, uri: ParsedUri | None) -> str:
    annotated = values.fields.description.connection_type
    if annotated:
        return annotated
    word = values.get("conn_type") or values.fields.conn_type or (uri.scheme if uri is not None else "")
    return connection_type(word) if word else GENERIC


def settings_in_extra(secret: Secret, fields: Fields, conn_type: str) -> dict[str, Any]:
    """Return the part of ``extra`` that comes from the settings in keys, as the hook of the type reads it.

    Raises:
        MalformedSecretError: a value is not UTF-8.
    """
    return strictest(conn_type, (found for _key, found in _used_settings(secret, fields, conn_type)))


def ignored_settings(secret: Secret, fields: Fields, conn_type: str) -> list[str]:
    """Return the names of the settings within a value that switch something on, and that the hook does not use."""
    return _Values(secret, fields).ignored_settings(conn_type)


def keys_of_settings(secret: Secret, fields: Fields, conn_type: str) -> set[str]:
    """Return the data keys of the settings that the hook of a type uses."""
    return {key for key, _found in _used_settings(secret, fields, conn_type)}


def _used_settings(secret: Secret, fields: Fields, conn_type: str) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield the keys that are settings of the type, each with its name and value in ``extra``."""
    for name, key in fields.settings.items():
        # For another type, the key can be anything, such as a private key in binary form.
        if name in SETTINGS.get(conn_type, ()) and (found := setting(conn_type, name, text(secret, key))) is not None:
            yield key, found


def _host_and_port(values: _Values, uri: ParsedUri | None) -> dict[str, Any]:
    port: int | str | None = _port(values)
    if uri is None or values.is_named("host"):
        return {"host": values.get("host"), "port": port}
    # The URI has the full name of the host, where the key may have a short one (CloudNativePG).
    if not values.is_named("port"):
        port = uri.port or (port if uri.takes_port else None)
    return {"host": uri.host, "port": port}


def _port(values: _Values) -> int | None:
    port = port_number(values.get("port"))
    if port is None and values.get("port"):
        is_encoded = port_number(decoded_text(values.get("port")) or "") is not None
        remedy = (
            f", but base64 of one. If the values were {ENCODED_TWICE}" if is_encoded else ". Write one, such as 5432"
        )
        raise values.error("port", f"the port is not a number from 1 to 65535{remedy}")
    return port


def _schema(values: _Values, uri: ParsedUri | None, conn_type: str) -> str:
    """Return the schema. A key that is a setting of the hook is not one, such as the database of Snowflake."""
    fields = values.fields
    is_setting = fields.keys.get("schema") in keys_of_settings(values.secret, fields, conn_type)
    if not is_setting or values.is_named("schema"):
        return values.prefer_uri("schema", uri)
    return "" if uri is None else uri.schema


def _extra_in_keys(values: _Values) -> dict[str, Any]:
    """Return the part of ``extra`` in keys of its own."""
    in_key = _json_object(values.get("extra") or "{}")
    if in_key is None:
        raise values.error(
            "extra", 'the connection\'s extra is not a JSON object. Write one, such as {"name": "value"}'
        )
    return {**in_key, **values.extra_fields}


def _annotated(extra: Mapping[str, Any], annotated: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``extra`` with what annotations add, replace, or remove by ``null``."""
    removed = {name for name, value in annotated.items() if value is None and name in extra}
    return {name: value for name, value in {**extra, **annotated}.items() if name not in removed}


def _translated_extra(values: _Values, conn_type: str, others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return ``extra`` as the driver of the type reads it, except for keys that an annotation adds unchanged.

    Of several modes of TLS in the Secret, the strictest is used. Annotations replace it.

    Annotations are applied last, so a name in them can be the one in the Secret or the one that the driver has for it.

    Args:
        others: the parts of ``extra`` that are neither in keys of its own nor in annotations. A later one takes
            precedence.
    """
    in_keys = without_blanks(conn_type, _extra_in_keys(values))
    extra = {name: value for each in (*others, in_keys) for name, value in each.items()}
    annotated = without_blanks(conn_type, values.fields.description.extra)
    if {**extra, **annotated}.get("client") == MYSQL_CONNECTOR:
        return _annotated(extra, annotated)
    exact = values.extra_fields if values.fields.description.others_to_extra else {}
    rest = {name: value for name, value in extra.items() if name not in exact and name not in annotated}
    described = values.fields.description.extra_fields
    of_keys = {name: value for name, value in in_keys.items() if name not in described}
    modes = strictest_modes(conn_type, annotated.keys() | exact.keys(), (*others, of_keys))
    modes |= strictest_modes(conn_type, annotated.keys(), [{name: in_keys[name] for name in described}])
    of_secret = translated(conn_type, rest) | modes | {name: extra[name] for name in exact}
    of_annotations = translated(conn_type, {name: value for name, value in annotated.items() if value is not None})
    removed = dict.fromkeys(name for name, value in annotated.items() if value is None)
    # An entry that is removed is not in `of_secret` if the Secret has its name.
    return _annotated({**dict.fromkeys(removed.keys() & extra.keys()), **of_secret}, {**removed, **of_annotations})


def _json_object(stored: Any) -> dict[str, Any] | None:
    if isinstance(stored, str):
        try:
            stored = json.loads(stored)
        except (ValueError, RecursionError):
            return None  # the error would quote the value
    return stored if isinstance(stored, dict) else None
