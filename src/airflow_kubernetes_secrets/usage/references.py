"""References in a string: to the constant of another file, or to a parameter that the callers of a function pass.

A string with references is an ordinary string in which each reference stands between two marks. So all code that puts
strings together also works with references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from airflow_kubernetes_secrets.usage.templates import UNKNOWN

# Unicode assigns no character to these two code points, so text contains neither. The second one begins the string of
# an enumeration's member.
_MARK = "\ufdd0"
_MEMBER = "\ufdd1"

_FORMATTED = "!s"
_REFERENCE = re.compile(
    rf"""
    {_MARK}
    (?: (?P<line>\d+)\((?P<parameter>\w+)\) | (?P<path>[^{_MARK}!]*) )
    (?P<formatted>{_FORMATTED})?
    {_MARK}
    """,
    re.VERBOSE,
)


def constant(path: str) -> str:
    """Return a reference to a constant of another file, such as ``config.Ids.DB``."""
    return f"{_MARK}{path}{_MARK}"


def parameter(line: int, name: str) -> str:
    """Return a reference to a parameter of the function that is defined in a line of the same file."""
    return f"{_MARK}{line}({name}){_MARK}"


def literal(text: str) -> str:
    """Return a string from code, without what looks like a reference."""
    return text if text.isascii() else text.replace(_MARK, UNKNOWN).replace(_MEMBER, UNKNOWN)


def has_reference(text: str) -> bool:
    """Return whether a string contains a reference."""
    return _MARK in text


def member(text: str) -> str:
    """Return the string of a member of an enumeration."""
    return text if text.startswith(_MEMBER) else _MEMBER + text


def value(text: str) -> str:
    """Return a string, also if it is that of a member of an enumeration."""
    return text.removeprefix(_MEMBER)


def formatted(text: str) -> str | None:
    """Return what formatting makes of a string; ``None`` if it is only known when the code runs.

    Most enumerations format a member as its name, and some Python versions format it as its value.
    """
    if text.startswith(_MEMBER):
        return None
    return _REFERENCE.sub(
        lambda match: f"{match[0].removesuffix(_MARK).removesuffix(_FORMATTED)}{_FORMATTED}{_MARK}", text
    )


def refers_to(text: str, reference: str) -> bool:
    """Return whether a string contains a reference, also if it is formatted."""
    return reference.removesuffix(_MARK) in text


def without_references(text: str) -> str:
    """Return a string in which each reference is :data:`UNKNOWN`."""
    return _REFERENCE.sub(UNKNOWN, text) if _MARK in text else text


def constants_in(text: str) -> Iterator[str]:
    """Yield the paths of the constants of other files."""
    if _MARK in text:
        yield from (match["path"] for match in _REFERENCE.finditer(text) if match["path"] is not None)


def only_constant(text: str) -> str:
    """Return the path of the constant of another file if a string is only a reference to it; empty if not."""
    match = _REFERENCE.fullmatch(text)
    return "" if match is None else match["path"] or ""


def lines_of_functions(text: str) -> set[int]:
    """Return the lines of the functions whose parameters a string contains."""
    return {int(match["line"]) for match in _REFERENCE.finditer(text) if match["line"]} if _MARK in text else set()


def parameters_in(text: str, line: int) -> set[str]:
    """Return the parameters of a function in a string."""
    return {match["parameter"] for match in _REFERENCE.finditer(text) if match["line"] == str(line)}


def with_constants(text: str, value_of: Callable[[str], str | None]) -> str | None:
    """Return a string with the values of the constants of other files; ``None`` if one of them has no value."""
    return _replaced(text, lambda match: match[0] if match["path"] is None else value_of(match["path"]))


def with_parameters(text: str, line: int, values: Mapping[str, str | None]) -> str | None:
    """Return a string with values for the parameters of a function; ``None`` if one of them has no value."""
    return _replaced(text, lambda match: values[match["parameter"]] if match["line"] == str(line) else match[0])


def _replaced(text: str, replacement: Callable[[re.Match[str]], str | None]) -> str | None:
    if _MARK not in text:
        return text
    parts: list[str] = []
    position = 0
    for match in _REFERENCE.finditer(text):
        found = replacement(match)
        if found is not None and found != match[0]:
            found = formatted(found) if match["formatted"] else found if match[0] == text else value(found)
        if found is None:
            return None
        parts += [text[position : match.start()], found]
        position = match.end()
    return "".join([*parts, text[position:]])
