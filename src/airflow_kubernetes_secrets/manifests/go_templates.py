"""Whether a Go template can produce a connection that Airflow can use. No template is executed.

A harmless string replaces each action, and the rules of a lookup decide whether Airflow could use the result. An
action can yield anything, also a whole URI or a part of one. So an error is reported only if no output of the actions
could make the connection usable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from airflow_kubernetes_secrets.formats.known_formats import format_of_value
from airflow_kubernetes_secrets.formats.usability import EXTRA_IN_QUERY, are_from_everyone, objections
from airflow_kubernetes_secrets.formats.value_parsers import problem_of_json
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping

# An action, together with the white space that it trims.
ACTION = re.compile(r"(?:(?<!\s)\s*\{\{-(?=\s)|\{\{)([^{}]*?)(?:(?<=\s)-\}\}\s*|\}\})")

# Actions that yield nothing by themselves, or control what follows.
_CONTROL = re.compile(r"\s*(?:(?:if|else|end|range|with|define|template|block|break|continue)\b|/\*|\$\w*\s*(?::?=|,))")
# Actions whose output has no character with a meaning in a URI or in JSON.
_ESCAPED = re.compile(r"\|\s*(?:urlquery|b64enc|sha256sum)\s*$|^\s*urlquery\b")
# Actions whose output is exactly one value of JSON.
_IS_JSON = re.compile(r"\|\s*(?:toJson|toRawJson|mustToJson|quote)\s*$|^\s*(?:toJson|toRawJson|mustToJson|quote)\b")
# Actions whose output is encoded or in quotation marks, and therefore neither a URI nor a JSON object.
_IS_ENCODED = re.compile(r"\|\s*(urlquery|b64enc|sha256sum|quote|squote)\s*$|^\s*(urlquery|quote|squote)\b[^|]*$")
_FITS_QUOTES = re.compile(r"\b(?:toJson|quote|js|squote|b64enc|urlquery)\b")
_STRING = re.compile(r'\s*(?:"([^"\\]*)"|`([^`]*)`)\s*')
_PRINTF = re.compile(r'\s*(?:\(\s*)?printf\s+(?:"([^"\\]*)"|`([^`]*)`)')

# The first string replaces every action of a URI, and is valid as a port too. The others are then tried, one at a time,
# for each action that is not escaped.
_REPLACEMENT = "1"
_OTHER_REPLACEMENTS = ("x", "", "/1", "1/", "//h", "://h")

# The most actions in the template of a connection. The time grows with their number, because each is tried by itself.
_MOST_ACTIONS = 30

# What replaces an action in JSON, by the name of the field, and for all other fields. With this type or this kind, a
# lookup converts JSON.
_REPLACEMENTS_IN_JSON = {
    "port": "1",
    "extra": "{}",
    "uri": "a://b",
    "type": "service_account",
    "kind": "Config",
}
_PLACEHOLDER = "x9y8z7"


def values_without_actions(template: object) -> dict[str, str]:
    """Return the values in the data of a template that contain no actions."""
    data = mapping(template, "data")
    return {key: text for key, text in data.items() if isinstance(text, str) and "{{" not in text}


def values_with_actions(template: object) -> dict[str, str]:
    """Return the values in the data of a template that contain actions, unchanged."""
    data = mapping(template, "data")
    return {key: text for key, text in data.items() if isinstance(text, str) and "{{" in text}


def literal_text(text: str) -> str:
    r"""Return a template with the strings that its actions contain, and ``\0`` for each value that is not escaped."""

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


def problem_of_template(text: str) -> str:
    """Return why no part of Airflow can use the connection of a template, whatever its actions yield.

    Returns:
        An empty string if the connection may be usable, or if too little of it is known.
    """
    literals, actions = _parts(text)
    if not _are_values(literals, actions):
        return ""
    start = literals[0].lstrip()
    if start.startswith("{"):
        return _problem_of_json(literals, actions)
    if start:
        return _problem_of_uri(literals, actions)
    encoded = _IS_ENCODED.search(actions[0]) if not "".join(literals).strip() and len(actions) == 1 else None
    if encoded is None:
        return ""
    return f"{encoded[1] or encoded[2]} encodes the whole connection, which is then no longer a URI or JSON. Remove it"


def example_of(text: str) -> str:
    """Return a template in which harmless values replace the actions.

    Returns:
        An empty string if the actions can change the form of the whole, or if that is not known.
    """
    literals, actions = _parts(text)
    if not _are_values(literals, actions):
        return ""
    if literals[0].lstrip().startswith("{"):
        return _example_of_json(literals, actions)
    # Nothing before the end of the scheme is unknown, or the text is no connection whatever the actions yield.
    has_form = "://" in literals[0] or bool(problem_of_template(text))
    return _joined(literals, [_REPLACEMENT] * len(actions)) if has_form else ""


def has_no_type(text: str) -> bool:
    """Return whether a template begins with a value, seems to be a URI, and contains no ``://``."""
    literals, actions = _parts(text)
    if literals[0].strip() or any(map(_CONTROL.match, actions)):
        return False
    return "://" not in text and any("@" in each for each in literals)


def breaks_json(text: str) -> bool:
    """Return whether a template puts a value unescaped between quotation marks of JSON."""
    marks = 0
    literals, actions = _parts(text)
    for literal, action in zip(literals, actions, strict=False):
        marks += _quotation_marks(literal)
        if marks % 2 and not _CONTROL.match(action) and not _FITS_QUOTES.search(action):
            return True
    return False


def _quotation_marks(text: str) -> int:
    """Return how many quotation marks begin or end a string of JSON."""
    return len(re.findall(r'(?<!\\)"', text))


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Return the text around the actions, and the content of the actions."""
    parts = ACTION.split(text)
    return parts[::2], parts[1::2]


def _joined(literals: Sequence[str], values: Sequence[str]) -> str:
    """Return a template in which a value replaces each action."""
    return literals[0] + "".join(value + literal for value, literal in zip(values, literals[1:], strict=True))


def _are_values(literals: Sequence[str], actions: Sequence[str]) -> bool:
    """Return whether each action yields a value. There are not too many to try each, and all were understood."""
    is_understood = not any("{{" in each for each in literals)
    return is_understood and 0 < len(actions) <= _MOST_ACTIONS and not any(map(_CONTROL.match, actions))


def _problem_of_uri(literals: Sequence[str], actions: Sequence[str]) -> str:
    """Return why no output of the actions makes a usable URI; empty if one may."""
    if any("[" in each or EXTRA_IN_QUERY in each for each in literals):
        return ""  # a part of an IPv6 address or of JSON may be unknown
    ordinary = [_REPLACEMENT] * len(actions)
    variants = [ordinary]
    for position, action in enumerate(actions):
        if not _ESCAPED.search(action):
            variants += ([*ordinary[:position], each, *ordinary[position + 1 :]] for each in _OTHER_REPLACEMENTS)
    problem = ""
    for values in variants:
        found = objections(_joined(literals, values))
        if not are_from_everyone(found):
            return ""
        problem = problem or found[0].problem
    # A lookup converts some values. To look for their forms takes longer than all the rest.
    return problem if format_of_value("", _joined(literals, ordinary)) is None else ""


def _problem_of_json(literals: Sequence[str], actions: Sequence[str]) -> str:
    """Return why no output of the actions makes a usable connection as JSON; empty if one may."""
    text = _example_of_json(literals, actions)
    found = objections(text) if text else ()
    if not are_from_everyone(found) or format_of_value("", text) is not None:
        return ""
    # The position in the result is not the position in the template.
    return problem_of_json(text) or re.sub(r" at line \d+, column \d+", "", found[0].problem)


def _example_of_json(literals: Sequence[str], actions: Sequence[str]) -> str:
    """Return JSON in which values replace the actions; empty if an action may yield more or less than one value."""
    values = list(_values_in_json(literals, actions))
    if len(values) < len(actions):
        return ""
    text = _joined(literals, values)
    # If the name of a field is unknown, so is the whole.
    return "" if re.search(rf'{_PLACEHOLDER}[^"]*"\s*:', text) else text


def _values_in_json(literals: Sequence[str], actions: Sequence[str]) -> Iterator[str]:
    """Yield a value for each action, up to the first action that can yield more, or less, than one value."""
    before = ""
    for literal, action, after in zip(literals, actions, literals[1:], strict=False):
        before += literal
        is_in_quotes = _quotation_marks(before) % 2 == 1
        field = re.search(r'"(\w*)"\s*:\s*"?$', before)
        name = field[1] if field is not None else ""
        if is_in_quotes:
            is_whole = field is not None and after.startswith('"')
            if not is_whole and re.search(r'"(?:uri|port|extra)"\s*:\s*"[^"]*$', before):
                return
            value = _REPLACEMENTS_IN_JSON.get(name, _PLACEHOLDER) if is_whole else _PLACEHOLDER
        elif _IS_JSON.search(action) and (field is not None or re.search(r"[\[,]\s*$", before)):
            value = _REPLACEMENTS_IN_JSON.get(name, _PLACEHOLDER)
            value = value if name in ("port", "extra") else f'"{value}"'
        else:
            return
        before += value
        yield value
