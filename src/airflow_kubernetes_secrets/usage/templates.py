"""Connections and variables in Jinja templates: ``{{ var.value.x }}``, ``{{ var.json.x.y }}``, ``{{ conn.x.host }}``.

Jinja parses a template. If it cannot, because the code around the template completes it or it is none of Jinja's, the
template is searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import TemplateError

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.jinja import accesses

# In the text of an f-string, this replaces each value that is only known when the code runs.
UNKNOWN = "\0"

# The endings of files that operators of Airflow and its providers render (their attribute `template_ext`).
FILE_SUFFIXES = (".bash", ".cql", ".hql", ".html", ".j2", ".jinja", ".json", ".kql", ".sh", ".sql", ".yaml", ".yml")

_OPENING_OF_BLOCK = re.compile(r"\{[{%]")
_OPENING_OF_COMMENT = re.compile(r"\{#")
_OPENING_OF_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
_CLOSING_OF_RAW = re.compile(r"\{%[-+]?\s*endraw\b")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}

# Names and ids are shorter. Without a limit, a pattern would search a large file again from each of many beginnings.
_LONGEST = 500
_ACCESS = re.compile(
    rf"""
    (?<![\w.'"$])
    (?:
        (?:
            var\s*(?:
                \.\s*(?P<of_var>value|json)\b
              | (?:\[|\.\s*get\s*\()\s*(?P<of_var_quote>['"])(?P<of_var_item>value|json)(?P=of_var_quote)\s*[\])]
            )
          | conn\b
        )
        \s*
        (?:
            (?:\.\s*get|\|\s*attr)\s*\(
            \s*(?P<quote>['"])(?P<argument>.{{0,{_LONGEST}}}?)(?P=quote)\s*(?P<default>,)?
          | \.\s*(?P<attribute>\w+)
          | \[\s*(?P<item_quote>['"])(?P<item>.{{0,{_LONGEST}}}?)(?P=item_quote)\s*\]
          | [.\[]
          | \|\s*attr\b
        )
      | (?P<any_of_var>var)\s*(?:\[|\.\s*get\s*\()\s*[^\s'"]
    )
    """,
    re.VERBOSE,
)
_CALL = re.compile(r"\s*\(")
# A template may use the name for something else: {% for conn in params.connections %}.
_OWN_NAME = re.compile(
    rf"\{{%-?\s*(?:for|set|macro|import)\b[^%]{{0,{_LONGEST}}}?\b(var|conn)\b[^%]{{0,{_LONGEST}}}?(?:\bin\b|=)"
)
# Jinja needs seconds for more characters.
_LONGEST_PARSED = 100_000

# Most templates contain only simple expressions, such as `{{ ds }}` and `{{ var.value.get('x', 'y') }}`. A search finds
# the same ids in them as Jinja, and much faster. The first alternative matches an expression that reads an id. The
# second one matches text that contains neither name. Strings with special characters do not match, because a part of
# one could look like an expression.
_OPENING = re.compile(r"\{[{%#]")
_STRING = r"""(?:'[\w-]*'|"[\w-]*")"""
_OTHER_NAME = r"(?!(?:conn|var)\b)[A-Za-z_]\w*"
_MEMBER = rf"(?:\.[A-Za-z_]\w*|\[{_STRING}\]|\.get\({_STRING}(?:,[ ]?(?:{_STRING}|-?\d+|{_OTHER_NAME}))?\))"
_SIMPLE = re.compile(
    rf"""
    \{{\{{-?
    (?:
        [ \t]* (?:var\.(?:value|json)|conn) {_MEMBER}+ (?:[ \t]*\|[ \t]*(?!attr\b)[a-z_]+)* [ \t]*
      | (?: (?!conn|var)[^{{}}%'"] | '(?: (?!conn|var)[^{{}}%'"\\] )*' | "(?: (?!conn|var)[^{{}}%'"\\] )*" )*
      | [ \t]* [A-Za-z_]\w* (?:\.[A-Za-z_]\w*)* [ \t]*
    )
    -?\}}\}}
    """,
    re.VERBOSE,
)

# What %-formatting or str.format replaces in a template.
_REPLACED = re.compile(rf"%\(|%s|[{{}}{UNKNOWN}]")
# %-formatting directly behind a name, as in `conn.x%s`. Jinja would read it as the operator "modulo".
_FORMATTED = re.compile(r"[\w.]%[a-z(]")


@dataclass(frozen=True)
class TemplateUse:
    """One use in a template.

    Attributes:
        id: the id; ``None`` if it is only known when the template is rendered.
        how: the expression that reads it, such as ``var.value``.
        has_default: whether the template has a default for a missing entry.
        line: the line in the template, from 0.
    """

    kind: Kind
    id: str | None
    how: str
    has_default: bool
    line: int


def is_rendered(text: str) -> bool:
    """Return whether a string is a template."""
    return "{{" in text or "{%" in text


def is_template(text: str) -> bool:
    """Return whether a string can use connections or variables as a template."""
    return is_rendered(text) and ("conn" in text or "var" in text)


@lru_cache(maxsize=1024)
def uses_in_template(text: str) -> Sequence[TemplateUse]:
    """Return the connections and variables that a template uses, in the order of their lines."""
    if len(text) <= _LONGEST_PARSED and not _FORMATTED.search(text) and not _is_simple(text):
        with suppress(TemplateError, ArithmeticError, RecursionError, ValueError):
            return sorted(_parsed(text), key=lambda use: use.line)
    return list(_searched(text))


def _is_simple(text: str) -> bool:
    """Return whether a template contains only expressions in which a search finds the same ids as Jinja."""
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        simple = _SIMPLE.match(text, opening.start())
        if simple is None:
            return False
        position = simple.end()
    return True


def _parsed(text: str) -> Iterator[TemplateUse]:
    """Yield what a template uses.

    Raises:
        TemplateError, ArithmeticError, RecursionError, ValueError: Jinja cannot parse it.
    """
    for root, keys, line in accesses(text):
        if root == "conn":
            kind, how, rest = Kind.CONNECTION, "conn", keys
        elif not keys or keys[0][0] is None:
            kind, how, rest = Kind.VARIABLE, "var", keys
        elif keys[0][0] in ("value", "json"):
            kind, how, rest = Kind.VARIABLE, f"var.{keys[0][0]}", keys[1:]
        else:
            continue
        for key, has_default in rest[:1]:
            yield TemplateUse(kind, None if key is None else _known(key), how, has_default, line)


def _searched(text: str) -> Iterator[TemplateUse]:
    """Yield what a template seems to use."""
    if "{#" in text:
        text = _without(_spans(text, _OPENING_OF_COMMENT), text)
    if "endraw" in text:
        text = _without(_raw_spans(text), text)
    own = {match[1] for match in _OWN_NAME.finditer(text)}
    line, counted = 0, 0
    for start, end in _spans(text, _OPENING_OF_BLOCK):
        for match in _ACCESS.finditer(text, start, end):
            of_var = match["of_var"] or match["of_var_item"]
            if of_var or match["any_of_var"]:
                name, how, kind = "var", f"var.{of_var}" if of_var else "var", Kind.VARIABLE
            else:
                name, how, kind = "conn", "conn", Kind.CONNECTION
            if name not in own:
                line += text.count("\n", counted, match.start())
                counted = match.start()
                yield TemplateUse(kind, _id(text, match), how, match["default"] is not None, line)


def _without(spans: Iterable[tuple[int, int]], text: str) -> str:
    """Return a template with blanks in place of some parts, so that all positions stay the same."""
    parts, position = [], 0
    for start, end in spans:
        parts += [text[position:start], re.sub(r"[^\n]", " ", text[start:end])]
        position = end
    return "".join([*parts, text[position:]])


def _raw_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the beginning and end of each part that Jinja does not render."""
    position = 0
    while (opening := _OPENING_OF_RAW.search(text, position)) is not None:
        closing = _CLOSING_OF_RAW.search(text, opening.end())
        if closing is None:
            return
        position = closing.end()
        yield opening.end(), closing.start()


def _spans(text: str, opening: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield the beginning and end of each block, in time proportional to the text."""
    position = 0
    unclosed = set()
    while (found := opening.search(text, position)) is not None:
        position = found.end()
        if found[0] in unclosed:
            continue
        end = text.find(_CLOSING[found[0]], position)
        if end < 0:
            unclosed.add(found[0])
            continue
        position = end + 2
        yield found.start(), position


def _id(text: str, match: re.Match[str]) -> str | None:
    """Return the id in a match; ``None`` if it is computed."""
    attribute: str | None = match["attribute"]
    if attribute is not None:
        is_whole = not text.startswith((UNKNOWN, "{", "%"), match.end())
        is_method = attribute == "get" and _CALL.match(text, match.end()) is not None
        return attribute if is_whole and not is_method else None
    return _known(match["argument"] or match["item"] or "")


def _known(name: str) -> str | None:
    """Return an id, if no code around the template completes it."""
    return name if name and not _REPLACED.search(name) else None
