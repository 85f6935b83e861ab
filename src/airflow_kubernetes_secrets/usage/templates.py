"""Connections and variables in Jinja templates: ``{{ var.value.x }}``, ``{{ var.json.x.y }}``, ``{{ conn.x.host }}``.

Templates are searched, not parsed, since they may contain anything that Jinja or the code around it accepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from airflow_kubernetes_secrets.lookup.selection import Kind

# In the text of an f-string, this replaces each value that is only known when the code runs.
UNKNOWN = "\0"

_BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_ACCESS = re.compile(
    r"""
    (?<![\w.'"])(?P<accessor>var\.value|var\.json|conn)\b
    (?:
        \.get\(\s*(?P<quote>['"])(?P<argument>.*?)(?P=quote)\s*(?P<default>,)?
      | \.(?P<attribute>\w+)
      | \[\s*(?P<item_quote>['"])(?P<item>.*?)(?P=item_quote)\s*\]
      | (?P<other>[.\[])
    )
    """,
    re.VERBOSE,
)
# A template may use the name for something else: {% for conn in params.connections %}.
_OWN_NAME = re.compile(r"\{%-?\s*(?:for|set|macro|import)\b[^%]*?\b(var|conn)\b[^%]*?(?:\bin\b|=)")
# Parts that %-formatting or str.format replaces.
_REPLACED = re.compile(rf"%\(|%s|[{{}}{UNKNOWN}]")


@dataclass(frozen=True)
class TemplateUse:
    """One use in a template.

    Attributes:
        id: the id; ``None`` if it is only known when the template is rendered.
        how: the expression that reads it, such as ``var.value``.
        has_default: whether the template has a default for a missing entry.
        offset: the position in the template, in characters.
    """

    kind: Kind
    id: str | None
    how: str
    has_default: bool
    offset: int


def is_template(text: str) -> bool:
    """Return whether a string can use connections or variables as a template."""
    return ("{{" in text or "{%" in text) and ("conn" in text or "var." in text)


def uses_in_template(text: str) -> Iterator[TemplateUse]:
    """Yield the connections and variables that a template uses."""
    if "{#" in text:
        text = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    own = {match[1] for match in _OWN_NAME.finditer(text)}
    for block in _BLOCK.finditer(text):
        for match in _ACCESS.finditer(text, block.start(), block.end()):
            accessor = match["accessor"]
            if accessor.partition(".")[0] in own:
                continue
            kind = Kind.CONNECTION if accessor == "conn" else Kind.VARIABLE
            yield TemplateUse(kind, _id(text, match), accessor, match["default"] is not None, match.start())


def _id(text: str, match: re.Match[str]) -> str | None:
    """Return the id in a match; ``None`` if it is computed."""
    attribute: str | None = match["attribute"]
    if attribute is not None:
        is_whole = not text.startswith((UNKNOWN, "{", "%"), match.end())
        is_method = attribute == "get" and text.startswith("(", match.end())
        return attribute if is_whole and not is_method else None
    name: str | None = match["argument"] or match["item"]
    return name if name and not _REPLACED.search(name) else None
