"""Warnings for values that were probably stored in another form than their owner intended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from airflow_kubernetes_secrets.formats.aliases import EXACT, URI
from airflow_kubernetes_secrets.formats.encoded_twice import ENCODED_TWICE, decoded_text
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.values import text
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import quoted
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

_QUOTED_VALUE: Final = "quoted-value"
_SURROUNDING_SPACE: Final = "surrounding-space"
_ENCODED_VALUE: Final = "encoded-value"
_TRAILING_NEWLINE: Final = "trailing-newline"

# The fields that contain a word or a name, of which each would be base64 if a Secret was encoded twice.
_IN_BASE64 = ("conn_type", "host", "login", "password", "schema")

# A value in which every character that a URI does not allow is encoded, and at least one.
_PERCENT_ENCODED = re.compile(
    r"[A-Za-z0-9._~-]*(?:%(?:2[0-9A-F]|3[A-F]|40|5[B-E]|7[B-D])[A-Za-z0-9._~-]*)+", re.IGNORECASE
)


def problems_of_stored_values(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield warnings for a login, a password or a database with what is probably no part of it.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    yield from _newlines(secret, key, connection)
    if key != IN_FIELDS:
        return
    keys = fields_of(secret).keys
    encoded = _encoded_twice(secret)
    if encoded:
        yield _warning(
            _ENCODED_VALUE,
            f"{secret.full_name}: the values of {', '.join(encoded)} are base64, which Airflow does not decode. If "
            f"they were {ENCODED_TWICE}",
        )
    for field in (*EXACT, "schema"):
        value = connection.get(field)
        if field in keys and isinstance(value, str):
            yield from _of_value(secret, keys[field], field, value)


def newline_at_end(secret: Secret, key: str, what: str) -> Problem:
    """Return the warning for a value that ends with a newline, which Airflow reads as part of it."""
    return _warning(
        _TRAILING_NEWLINE,
        f"{secret.full_name}, key {quoted(key)}: the {what} ends with a newline, which Airflow reads as part of it. If "
        "it is not intended (many editors add one), store it without the newline",
    )


def _newlines(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning for each field that Airflow takes exactly as it is stored, and that ends with a newline."""
    for field in EXACT:
        value = connection.get(field)
        if isinstance(value, str) and value.endswith(("\n", "\r")):
            fields = fields_of(secret)
            origin = (fields if key == IN_FIELDS else fields.completing(key)).keys.get(field, key)
            is_alone = origin != key and origin not in fields.parsers
            yield newline_at_end(secret, origin, "value" if is_alone else f"{field} in the value")


def _of_value(secret: Secret, key: str, field: str, value: str) -> Iterator[Problem]:
    """Yield warnings for one value: quotation marks, white space, or percent-encoding."""
    bare = value.strip()
    if len(bare) > 2 and bare[0] == bare[-1] and bare[0] in "\"'":
        yield _warning(
            _QUOTED_VALUE,
            f"{secret.full_name}, key {quoted(key)}: the value begins and ends with quotation marks, which Airflow "
            "reads as part of it. If they are not intended (kubectl keeps those of --from-env-file), store it without "
            "them",
        )
    if bare and value.rstrip("\r\n") != bare:
        yield _warning(
            _SURROUNDING_SPACE,
            f"{secret.full_name}, key {quoted(key)}: the value begins or ends with white space, which Airflow reads as "
            "part of it. If it is not intended, store it without white space around it",
        )
    if field in EXACT and _PERCENT_ENCODED.fullmatch(bare) is not None and unquote(bare).isprintable():
        yield _warning(
            _ENCODED_VALUE,
            f"{secret.full_name}, key {quoted(key)}: the value is percent-encoded, and Airflow decodes only URIs. If "
            "it was encoded for a URI, store it unencoded",
        )


def _encoded_twice(secret: Secret) -> list[str]:
    """Return the keys with fields of a connection, if there are several and the value of each is base64 of text."""
    fields = fields_of(secret)
    keys = [key for field, key in fields.keys.items() if field in _IN_BASE64 and key not in fields.parsers]
    if len(keys) < 2 or URI in fields.keys or any(decoded_text(text(secret, key)) is None for key in keys):
        return []
    return [quoted(key) for key in keys]


def _warning(code: ProblemCode, problem: str) -> Problem:
    return Problem(code, problem, Severity.WARNING)
