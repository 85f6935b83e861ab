"""What Airflow reads from a Secret, as far as it may be shown: data format, connection type, host and problems."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from airflow_kubernetes_secrets.backend.airflow_versions import is_airflow_2
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats import reading, values
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.single_key import fields_of_whole
from airflow_kubernetes_secrets.formats.usability import AIRFLOW_2, EXTRA_IS_NO_OBJECT, SERVICES, TASKS, Objection
from airflow_kubernetes_secrets.inventory.hook_misreadings import problems_of_hooks
from airflow_kubernetes_secrets.inventory.ignored_settings import problems_of_settings
from airflow_kubernetes_secrets.inventory.ignored_uri import problems_of_ignored_uri
from airflow_kubernetes_secrets.inventory.incomplete_formats import problems_of_format
from airflow_kubernetes_secrets.inventory.missing_fields import problems_of_missing
from airflow_kubernetes_secrets.inventory.placeholders import problems_of_placeholders
from airflow_kubernetes_secrets.inventory.stored_values import newline_at_end, problems_of_stored_values
from airflow_kubernetes_secrets.inventory.unused_keys import problems_of_unused, unused_keys
from airflow_kubernetes_secrets.inventory.visible_fields import shown_address, shown_type
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.listing import quoted
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

UNREADABLE: Final = "unreadable"
UNESCAPED_URI: Final = "unescaped-uri"
BYTE_ORDER_MARK: Final = "byte-order-mark"
EXTRA_NOT_JSON: Final = "extra-not-json"
NOT_EVERYWHERE: Final = "not-everywhere"

# The value of a parameter can contain an email address: `smtp://login:password@host/?from_email=me@example.com`.
_PARAMETER = r"[\w.-]+=[^@&/:]*(?:@[\w.-]+)?"
_PARAMETERS = rf"{_PARAMETER}(?:&{_PARAMETER})*"


@dataclass(frozen=True)
class Content:
    """What Airflow reads from a Secret. It contains no value that may be a credential.

    Attributes:
        data_format: ``key 'value'`` if one key holds the whole value, or ``fields``.
        conn_type, host, port: those of a connection. They are empty if they are not set or may not be shown.
        unused: the data keys of a connection's Secret that have a value and are not used.
        is_readable: whether every part of this Airflow that reads Secrets can use it.
        is_completed: whether annotations add to, or replace, parts of a connection that one key holds whole.
        problems: what is wrong with it.
    """

    data_format: str
    conn_type: str = ""
    host: str = ""
    port: str = ""
    unused: Sequence[str] = ()
    is_readable: bool = True
    is_completed: bool = False
    problems: tuple[Problem, ...] = ()


def content_of(kind: Kind, secret: Secret, key: str) -> Content:
    """Return what Airflow reads from a Secret.

    Args:
        key: the key that holds the whole value, or ``IN_FIELDS``.
    """
    if kind is not Kind.CONNECTION and key == IN_FIELDS:
        # Only a connection can have its fields in several keys. The lookup reports the missing key.
        return Content("", is_readable=False)
    data_format = "fields" if key == IN_FIELDS else f"key {quoted(key)}"
    try:
        stored = READERS[kind](secret, key)
    except MalformedSecretError as error:
        return Content(data_format, is_readable=False, problems=(Problem(UNREADABLE, str(error)),))
    if kind is Kind.CONNECTION:
        return _content_of_connection(secret, key, stored, data_format)
    return Content(data_format, problems=tuple(_problems_of_variable(secret, key) if kind is Kind.VARIABLE else ()))


def _content_of_connection(secret: Secret, key: str, stored: str, data_format: str) -> Content:
    """Return what Airflow reads from the Secret of a connection.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        stored: the connection as Airflow gets it: a URI or JSON.
    """
    is_in_fields = key == IN_FIELDS
    objections = [_problem(secret, key, each) for each in reading.connection_value(secret, key).objections]
    if any(each.severity is Severity.ERROR for each in objections):
        return Content(data_format, is_readable=False, problems=tuple(objections))
    connection = fields_of_whole(stored)
    conn_type, host, port = _address(connection)
    is_completed = not is_in_fields and reading.is_completed(secret, key)
    is_converted = reading.is_converted(secret, key)
    problems = [*objections, *problems_of_stored_values(secret, key, connection)]
    # The URI or JSON in the key: Airflow gets another one if annotations complete it.
    whole = values.text(secret, key) if is_completed and not is_converted else stored
    if not _is_parsed_as_intended(whole):
        text = (
            f"{secret.full_name}, key {quoted(key)}: the URI has an '@' after its host, so login or password may "
            "contain a raw '/', '?' or '#'. Percent-encode them"
        )
        # The fields are wrong, so nothing else is checked.
        problem = Problem(UNESCAPED_URI, text, Severity.WARNING)
        return Content(data_format, conn_type, problems=(problem, *problems))
    # What a hook would make of a placeholder is no problem of its own.
    problems += [*problems_of_placeholders(secret, key, connection)] or problems_of_hooks(
        secret, key, whole, connection
    )
    unused: Sequence[str] = ()
    # Most Secrets contain nothing but a whole connection. With thousands of them, skipping what concerns other keys
    # saves a third of the time.
    if is_in_fields or is_completed or len(secret.data) > 1:
        unused = unused_keys(secret, key, connection)
        problems += problems_of_unused(secret, key, unused, connection)
    if is_in_fields or is_converted:
        problems += problems_of_settings(secret, key, connection)
    if is_in_fields:
        problems += problems_of_ignored_uri(secret, unused, connection)
    problems += problems_of_missing(secret, key, unused, connection)
    problems += problems_of_format(secret, key, unused)
    return Content(data_format, conn_type, host, port, unused, is_completed=is_completed, problems=tuple(problems))


def _problem(secret: Secret, key: str, objection: Objection) -> Problem:
    """Return the problem for an objection. It is an error if a part of the running Airflow has this objection."""
    code: ProblemCode = EXTRA_NOT_JSON if objection.problem == EXTRA_IS_NO_OBJECT else NOT_EVERYWHERE
    read_here = (AIRFLOW_2,) if is_airflow_2() else (SERVICES, TASKS)
    severity = Severity.WARNING if set(read_here).isdisjoint(objection.unusable_by) else Severity.ERROR
    error = secret.malformed(reading.key_for_messages(key), str(objection))
    return Problem(code, str(error), severity)


READERS = {
    Kind.CONNECTION: reading.connection_text,
    Kind.VARIABLE: reading.variable_text,
    Kind.CONFIG: values.config_text,
}


def _address(connection: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return type, host and port of a connection that Airflow can use, as far as they may be shown."""
    conn_type, host = (str(connection.get(name) or "").strip() for name in ("conn_type", "host"))
    port = str(int(connection.get("port") or 0) or "")
    return shown_type(conn_type), *shown_address(host, port)


def _is_parsed_as_intended(stored: str) -> bool:
    """Return whether login and password of a URI probably end before its host.

    An unescaped ``/``, ``?`` or ``#`` in them ends the authority early. The ``@`` is then in a later part of the URI.
    """
    text = stored.strip()
    if text.startswith("{"):
        text = json.loads(text).get("uri") or ""
    uri = urlsplit(text)
    if "@" in uri.netloc and uri.path in ("", "/") and not uri.fragment and re.fullmatch(_PARAMETERS, uri.query):
        return True
    return "@" not in uri.path + uri.query + uri.fragment


def _problems_of_variable(secret: Secret, key: str) -> Iterator[Problem]:
    """Yield warnings for what Airflow reads as a part of a variable and an editor has probably added."""
    value = secret.value(key)
    if value.startswith(BOM_UTF8):
        yield Problem(
            BYTE_ORDER_MARK,
            f"{secret.full_name}, key {quoted(key)}: the value begins with a byte order mark, which Airflow reads as "
            "part of it. If it is not intended (editors on Windows add one), store it without the mark",
            Severity.WARNING,
        )
    if value.endswith(b"\n"):
        yield newline_at_end(secret, key, "value")
