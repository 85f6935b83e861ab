"""What a Go template can make of a connection. Nothing of a template is executed.

A harmless text takes the place of each action, and the one judge of connections says whether Airflow could use the
result. An action can yield anything, a whole URI or a part of one included. So there is an error only where nothing
that an action may yield helps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from airflow_kubernetes_secrets.usable import EXTRA_IN_QUERY, are_from_everyone, objections

# An action, without what trims the white space beside it.
ACTION = re.compile(r"(?:(?<!\s)\s*\{\{-(?=\s)|\{\{)([^{}]*?)(?:(?<=\s)-\}\}\s*|\}\})")

# What yields nothing by itself, or decides about what follows.
_CONTROL = re.compile(r"\s*(?:(?:if|else|end|range|with|define|template|block|break|continue)\b|/\*|\$\w*\s*(?::?=|,))")
# What yields no character that means something in a URI, nor in JSON.
_ESCAPED = re.compile(r"\|\s*(?:urlquery|b64enc|sha256sum)\s*$|^\s*urlquery\b")
# What yields one value of JSON.
_IS_JSON = re.compile(r"\|\s*(?:toJson|toRawJson|mustToJson|quote)\s*$|^\s*(?:toJson|toRawJson|mustToJson|quote)\b")
_FITS_QUOTES = re.compile(r"\b(?:toJson|quote|js|squote|b64enc|urlquery)\b")
_STRING = re.compile(r'\s*(?:"([^"\\]*)"|`([^`]*)`)\s*')
_PRINTF = re.compile(r'\s*\(?\s*printf\s+(?:"([^"\\]*)"|`([^`]*)`)')

# For each action, and instead of one that is not escaped. The first is right for a port, too.
_IN_A_URI = "1"
_INSTEAD = ("x", "", "/1", "1/", "//h", "://h")

# Of a connection; each is tried by itself.
_MOST_ACTIONS = 30

# In JSON, by the name of the field.
_OF_FIELDS = {"port": "1", "extra": "{}", "uri": "a://b"}
_MARK = "x9y8z7"


def what_is_written(text: str) -> str:
    r"""Return a template with the texts that its actions contain, and ``\0`` for each value that is not escaped."""

    def written(action: re.Match[str]) -> str:
        inside = action[1]
        if found := _STRING.fullmatch(inside):
            return found[1] or found[2] or ""
        if "urlquery" in inside:
            return "x"
        if found := _PRINTF.match(inside):
            return re.sub(r"%[-+# 0-9.]*[a-z]", "\0", found[1] or found[2] or "")
        return "\0"

    return ACTION.sub(written, text)


def problem_of(text: str) -> str:
    """Return why no part of Airflow can use a connection of this template, whatever its actions yield.

    Returns:
        An empty text if the connection may be right, or if too little of it is known.
    """
    literals, actions = _parts(text)
    if (
        not 0 < len(actions) <= _MOST_ACTIONS
        or any(map(_CONTROL.match, actions))
        or any("{{" in each for each in literals)
    ):
        return ""
    start = literals[0].lstrip()
    if start.startswith("{"):
        return _problem_of_json(literals, actions)
    return _problem_of_uri(literals, actions) if start else ""


def lacks_a_type(text: str) -> bool:
    """Whether a template begins with a value, seems to be a URI, and has no ``://`` in what is written."""
    literals, actions = _parts(text)
    if literals[0].strip() or any(map(_CONTROL.match, actions)):
        return False
    return "://" not in text and any("@" in each for each in literals)


def breaks_json(text: str) -> bool:
    """Whether a template puts a value between quotation marks of JSON as it is."""
    marks = 0
    literals, actions = _parts(text)
    for literal, action in zip(literals, actions, strict=False):
        marks += _quotation_marks(literal)
        if marks % 2 and not _CONTROL.match(action) and not _FITS_QUOTES.search(action):
            return True
    return False


def _quotation_marks(text: str) -> int:
    """How many there are that begin or end a text of JSON."""
    return len(re.findall(r'(?<!\\)"', text))


def _parts(text: str) -> tuple[list[str], list[str]]:
    """The texts around the actions, and what is in these."""
    parts = ACTION.split(text)
    return parts[::2], parts[1::2]


def _joined(literals: Sequence[str], values: Sequence[str]) -> str:
    return literals[0] + "".join(value + literal for value, literal in zip(values, literals[1:], strict=True))


def _problem_of_uri(literals: Sequence[str], actions: Sequence[str]) -> str:
    if any("[" in each or EXTRA_IN_QUERY in each for each in literals):
        return ""  # an address of IPv6, or JSON, of which a part is not known
    ordinary = [_IN_A_URI] * len(actions)
    variants = [ordinary]
    for position, action in enumerate(actions):
        if not _ESCAPED.search(action):
            variants += ([*ordinary[:position], each, *ordinary[position + 1 :]] for each in _INSTEAD)
    problem = ""
    for values in variants:
        found = objections(_joined(literals, values))
        if not are_from_everyone(found):
            return ""
        problem = problem or found[0].problem
    return problem


def _problem_of_json(literals: Sequence[str], actions: Sequence[str]) -> str:
    values = list(_values_in_json(literals, actions))
    if len(values) < len(actions):
        return ""
    text = _joined(literals, values)
    if re.search(rf'{_MARK}[^"]*"\s*:', text):
        return ""  # the name of a field is not known
    found = objections(text)
    # The place in the text is not that in the template.
    return re.sub(r" at line \d+, column \d+", "", found[0].problem) if are_from_everyone(found) else ""


def _values_in_json(literals: Sequence[str], actions: Sequence[str]) -> Iterator[str]:
    """A value for each action, up to the first one that can yield more than a value, or a part of one."""
    before = ""
    for literal, action, after in zip(literals, actions, literals[1:], strict=False):
        before += literal
        is_in_quotes = _quotation_marks(before) % 2 == 1
        field = re.search(r'"(\w*)"\s*:\s*"?$', before)
        name = field[1] if field is not None else ""
        if is_in_quotes:
            is_whole = field is not None and after.startswith('"')
            if not is_whole and re.search(r'"uri"\s*:\s*"[^"]*$', before):
                return
            value = _OF_FIELDS.get(name, _MARK) if is_whole else _MARK
        elif _IS_JSON.search(action) and (field is not None or re.search(r"[\[,]\s*$", before)):
            value = _OF_FIELDS.get(name, _MARK)
            value = value if name in ("port", "extra") else f'"{value}"'
        else:
            return
        before += value
        yield value
