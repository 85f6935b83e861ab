"""From a Secret's bytes to the text that Airflow wants."""

from __future__ import annotations

import binascii
import json
import re
from urllib.parse import urlsplit

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.listing import few

# What Airflow's Connection takes from JSON:
# https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html#json-format-example
_CONNECTION_FIELDS = ("conn_type", "description", "login", "password", "host", "port", "schema", "extra")

# In characters, of what a URI has before its path, if not all of them are ASCII: Python normalizes it, which can take
# time that grows with the square of its length.
_LONGEST_AUTHORITY = 4096


def text(secret: Secret, key: str) -> str:
    """The text under ``key``, exactly as stored: a private key needs its last newline.

    Raises:
        MalformedSecretError: it is not UTF-8.
    """
    try:
        return secret.value(key).decode("utf-8")
    except (UnicodeDecodeError, binascii.Error):
        pass  # a decoding error carries the bytes: it must not become the cause of ours
    raise MalformedSecretError(secret.namespace, secret.name, key, "the value is not text in UTF-8")


def config_text(secret: Secret, key: str) -> str:
    """The text of a configuration option, without the newline that ``kubectl create --from-file`` keeps.

    Raises:
        MalformedSecretError: it is not UTF-8, or blank. Airflow would take a blank one for the value, or silently
            go on with its default.
    """
    option = text(secret, key).strip()
    if not option:
        raise MalformedSecretError(secret.namespace, secret.name, key, "the configuration option is blank")
    return option


def connection_text(secret: Secret, key: str) -> str:
    """The text of a connection: an Airflow URI or JSON.

    Raises:
        MalformedSecretError: it is not UTF-8, or no connection can come of it. Airflow itself would crash on white
            space, make an empty connection of what has no scheme, and put a URI with its password into an error.
    """
    stored = text(secret, key)
    problem = _connection_problem(stored.strip())
    if problem is None:
        return stored
    # Error reports can show the variables of the frames that an exception went through.
    del stored
    raise MalformedSecretError(secret.namespace, secret.name, key, problem)


def parse_failure_text(stored: str, failure: Exception) -> str:
    """Why Airflow could not parse a connection, without Airflow's own words: they can hold the password."""
    return unparsable_fields(stored) or f"Airflow cannot parse the connection ({type(failure).__name__})"


def unparsable_fields(stored: str) -> str:
    """What Airflow does not take in a connection's JSON; empty if that is nothing, or it is a URI."""
    if not stored.lstrip().startswith("{"):
        return ""
    fields = json.loads(stored)
    unknown = [name for name in fields if name not in _CONNECTION_FIELDS]
    if unknown:
        return (
            f"the connection's JSON has fields that Airflow does not know: {few(map(repr, unknown), len(unknown))}; "
            f"it knows {', '.join(_CONNECTION_FIELDS)}"
        )
    if not str(fields.get("port") or "0").strip().isdecimal():
        return "the connection's port is not a number"
    return ""


def _connection_problem(stored: str) -> str | None:
    if not stored:
        return "the connection is blank"
    return _json_problem(stored) if stored.startswith("{") else _uri_problem(stored)


def _json_problem(stored: str) -> str | None:
    try:
        json.loads(stored)
    except json.JSONDecodeError as error:
        return f"the connection is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or lists in lists in lists.
        return f"the connection is JSON that Python does not read ({type(error).__name__})"
    return None


def _is_scheme(scheme: str) -> bool:
    """By RFC 3986, 3.1, as ``urlsplit`` has it, from which Airflow takes the connection type."""
    # Without a pattern: to compile one costs the first lookup of a process time and memory. Most are letters alone.
    return (scheme.isascii() and scheme.isalpha()) or (
        scheme.isascii()
        and scheme[:1].isalpha()
        and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()
    )


def _uri_problem(stored: str) -> str | None:
    scheme, separator, rest = stored.partition("://")
    if not separator or not _is_scheme(scheme):
        if separator and re.fullmatch(r"[\w+.-]+", scheme):
            return (
                "the connection's URI does not begin with a connection type as a URI can hold it: "
                "letters, digits, '+', '.' and '-' (write '-' for '_')"
            )
        return "the connection is neither a URI (conn-type://…) nor JSON ({…})"
    if not stored.isascii() and len(re.split("[/?#]", rest, maxsplit=1)[0]) > _LONGEST_AUTHORITY:
        return (
            f"the connection's URI has more than {_LONGEST_AUTHORITY} characters before its path, and not all of them "
            "are ASCII: percent-encode login and password"
        )
    try:
        _ = urlsplit(stored).port
    except ValueError:
        return (
            "the connection's URI cannot be taken apart at host and port: Airflow takes one host and one port, and "
            "in login and password characters such as / ? # @ : must be percent-encoded"
        )
    return None
