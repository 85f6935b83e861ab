"""What %-formatting and ``str.format`` make of a pattern and the strings of its arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.templates import UNKNOWN
from airflow_kubernetes_secrets.usage.text_limits import TextLimits

# Only the plain fields are replaced. Others could have any length.
PERCENT = re.compile(r"%(?:\((?P<name>\w+)\))?(?:(?P<plain>s)|(?P<sign>%)|[^a-zA-Z%]*[a-zA-Z])")
BRACES = re.compile(r"(?P<sign>\{\{|\}\})|\{(?P<name>\w*)(?P<plain>\})|\{[^{}]*\}")

# Returns the string of an argument.
_Read = Callable[[ast.expr], "str | None"]


def filled(
    fields: re.Pattern[str],
    pattern: str,
    given: Sequence[ast.expr],
    named: Mapping[str, ast.expr],
    *,
    read: _Read,
    limits: TextLimits,
) -> str:
    """Return a pattern with its fields replaced. Parts that are only known when the code runs are :data:`UNKNOWN`.

    Args:
        fields: :data:`PERCENT` or :data:`BRACES`.
    """
    position = 0

    def value(match: re.Match[str]) -> str:
        nonlocal position
        if match["sign"]:
            return match["sign"][0]
        name = match["name"] or ""
        number, position = (int(name), position) if name.isdecimal() else (position, position + (not name))
        node = named.get(name) if name and not name.isdecimal() else given[number] if number < len(given) else None
        text = read(node) if match["plain"] and node is not None else None
        limits.count(text or "")
        return UNKNOWN if text is None else text

    limits.count(pattern)
    if references.has_reference(pattern):
        return UNKNOWN
    text = fields.sub(value, pattern)
    limits.count(text)
    return text
