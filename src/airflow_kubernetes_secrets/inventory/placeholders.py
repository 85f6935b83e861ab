"""Warnings for placeholders: what is stored if nothing rendered a template, or if a template had no value.

Kubernetes stores such text like any other, so the connection looks complete. A login or password can contain signs of
placeholders by chance. So in these, only what has no other meaning counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from airflow_kubernetes_secrets.formats.aliases import EXACT, URI
from airflow_kubernetes_secrets.formats.annotations import LITERALS
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.inventory.visible_fields import shown_names
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.kubernetes.unprocessed import FLUX, tool_of
from airflow_kubernetes_secrets.messages.listing import quoted
from airflow_kubernetes_secrets.messages.problem import Problem, Severity

PLACEHOLDER: Final = "placeholder"

# The fields of a connection that contain text, with their words in messages.
_FIELDS: Mapping[str, str] = {
    "conn_type": "connection type",
    "host": "host",
    "login": "login",
    "password": "password",
    "schema": "database",
}

# What Go writes for a missing value, or for a value of another type.
# https://pkg.go.dev/fmt#hdr-Format_errors
_MISSING = re.compile(
    r"<no value>|<nil>|%!(?:[A-Za-z]\((?:MISSING|BADINDEX|[a-z*\[][\w.*\[\]]*=)|\((?:NOVERB|EXTRA ))|\bmap\[[\w.-]+:"
)
# What other languages and Terraform write for it, as the whole value.
_WORDS = frozenset(
    (
        *("null", "none", "nil", "undefined", "n/a", "<none>", "<null>", "[object object]"),
        *("(known after apply)", "(sensitive value)"),
    )
)
# Also a missing value, except in a login or password: there it can be a name.
_NOT_A_NUMBER = "nan"
# A variable that nothing substituted, an instruction (<password>), or a reference of vals, 1Password or Bank-Vaults.
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$\([A-Za-z_][A-Za-z0-9_]*\)|\$\{\{[^{}]*\}\}"
_WHOLE = re.compile(
    rf"{_VARIABLE}|\$[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]|\{{\{{[^{{}}]*\}}\}}|<[A-Za-z][A-Za-z _.-]*>|ref\+[a-z0-9]+://.*|op://.*|vault:[^#]+#.*",
    re.DOTALL,
)
_PART = re.compile(_VARIABLE)

# No placeholder is longer, and the patterns for ciphertext need more time for longer text.
_LONGEST = 4096


def problems_of_placeholders(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning for each field, and for each entry of ``extra``, that is or contains a placeholder.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    for field, word in _FIELDS.items():
        value = connection.get(field)
        if isinstance(value, str) and _is_placeholder(value, is_exact=field in EXACT):
            yield _problem(secret, key, word, _origin(secret, key, field, value))
    extra = extra_of(connection)
    for name in shown_names(extra):
        if any(map(_is_missing, _strings(extra[name]))):
            yield _problem(secret, key, f"entry {quoted(name)} of extra", key and f"the key {quoted(key)}")


def _problem(secret: Secret, key: str, what: str, origin: str) -> Problem:
    return Problem(
        PLACEHOLDER,
        f"{secret.full_name}: the {what} looks like a placeholder, such as <no value>, {{{{ .name }}}}, ${{NAME}}, "
        "op://vault/item or null. If it is one, correct the template, or the tool, that writes "
        f"{origin or 'the Secret'}",
        Severity.WARNING,
    )


def _is_placeholder(value: str, *, is_exact: bool) -> bool:
    text = value.strip()
    if text.lower() in _WORDS or _WHOLE.fullmatch(text) or _is_missing(text):
        return True
    if is_exact:
        return False
    start = text[:_LONGEST]
    return text.lower() == _NOT_A_NUMBER or _PART.search(start) is not None or tool_of(start) is FLUX


def _is_missing(text: str) -> bool:
    """Return whether a string contains what can only be a placeholder."""
    start = text[:_LONGEST]
    return _MISSING.search(start) is not None or tool_of(start) not in (None, FLUX)


def _strings(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, (dict, list)):
            waiting += each.values() if isinstance(each, dict) else each


def _origin(secret: Secret, key: str, field: str, value: str) -> str:
    """Return the words for the key or annotation that contains a field; empty if it is unknown."""
    if key != IN_FIELDS:
        return f"the key {quoted(key)}"
    fields = fields_of(secret)
    if field in fields.description.literals:
        return f"the annotation {LITERALS[field]}"
    own = fields.keys.get(field, "")
    if own and value.encode().strip() in secret.value(own):
        return f"the key {quoted(own)}"
    return f"the key {quoted(fields.keys[URI])}" if URI in fields.keys else ""
