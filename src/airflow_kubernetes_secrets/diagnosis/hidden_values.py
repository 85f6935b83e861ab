"""Hides the values of a connection in a message of its hook, in each encoding in which a message can contain them.

A driver shows a password as it was given, or as a part of a URL, of a document in JSON or HTML, or of the ``repr`` of
an exception that contains the ``repr`` of another. So the message is decoded step by step, and the values are searched
in each result.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from airflow_kubernetes_secrets.backend.masking import SHORTEST
from airflow_kubernetes_secrets.formats.single_key import fields_of_whole
from airflow_kubernetes_secrets.inventory.visible_fields import shown_address, shown_type

_LONGEST_MESSAGE = 500  # in characters

_HIDDEN = "***"

# A longer value is searched by its beginning, and everything behind that is hidden.
_LONGEST_VALUE = 2_000  # in characters

# A longer message is not searched to its end. A value could be cut off there, so the last part is not shown.
_MOST_SEARCHED = 50_000  # in characters
_LONGEST_ENCODED = 12 * _LONGEST_VALUE  # a character has up to 12 in an encoding
_MOST_SHOWN = _MOST_SEARCHED - _LONGEST_ENCODED

# Encodings in each other: a URL in the `repr` of an exception in the `repr` of another.
_DEPTH = 3
_MOST_READINGS = 40

_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}


@dataclass(frozen=True)
class _Reading:
    """A message, decoded.

    Attributes:
        text: the decoded text.
        starts: for each character, where it starts in the message.
        ends: for each character, where it ends in the message.
    """

    # The message can contain the values of the connection, and error reports show local variables.
    text: str = field(repr=False)
    starts: Sequence[int]
    ends: Sequence[int]


def hidden_in(message: str, stored: str) -> str:
    """Return a message without values of the connection, and with at most 500 characters.

    A value of fewer than five characters is hidden only where it is a whole word. The host is shown, as ``explain``
    shows it.

    Args:
        stored: the connection as Airflow gets it: a URI or JSON.
    """
    searched = message[:_MOST_SEARCHED]
    hidden = bytearray(len(searched))
    values = set(_forms(_values(stored)))
    for reading in _readings(searched):
        for start, end in _occurrences(values, reading.text):
            first, last = reading.starts[start], reading.ends[end - 1]
            hidden[first:last] = b"\x01" * (last - first)
    if len(message) > _MOST_SEARCHED:
        searched, hidden = searched[:_MOST_SHOWN], hidden[:_MOST_SHOWN]
    # The hidden characters are bytes of 1, so each match is a part to hide.
    shown, position = [], 0
    for part in re.finditer(rb"\x01+", hidden):
        shown += [searched[position : part.start()], _HIDDEN]
        position = part.end()
    text = "".join((*shown, searched[position:]))
    is_whole = len(text) <= _LONGEST_MESSAGE and len(message) <= _MOST_SEARCHED
    return text if is_whole else f"{text[:_LONGEST_MESSAGE]}…"


def _occurrences(values: Iterable[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield where the values occur in a text: start and end."""
    for value in values:
        if len(value) < SHORTEST:
            yield from (found.span() for found in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text))
            continue
        beginning = value[:_LONGEST_VALUE]
        start = text.find(beginning)
        while start >= 0:
            end = start + len(beginning) if beginning == value else len(text)
            yield start, end
            start = text.find(beginning, end)


def _readings(message: str) -> list[_Reading]:
    """Return the message as it is, and as each sequence of decodings reads it."""
    readings = newest = [_Reading(message, range(len(message)), range(1, len(message) + 1))]
    texts = {message}
    for _ in range(_DEPTH):
        decoded = []
        for reading in newest:
            for pattern, decode in _ENCODINGS:
                found = _decoded(reading, pattern, decode) if pattern.search(reading.text) else reading
                if found.text not in texts and len(texts) < _MOST_READINGS:
                    texts.add(found.text)
                    decoded.append(found)
        newest = decoded
        readings = readings + decoded
    return readings


def _decoded(reading: _Reading, pattern: re.Pattern[str], decode: Callable[[str], str]) -> _Reading:
    """Return a reading in which each match of a pattern is decoded."""
    texts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    for match in pattern.finditer(reading.text):
        start, end = match.span()
        text = decode(match[0])
        texts += [reading.text[position:start], text]
        # The characters of a match are hidden together.
        starts += [*reading.starts[position:start], *[reading.starts[start]] * len(text)]
        ends += [*reading.ends[position:start], *[reading.ends[end - 1]] * len(text)]
        position = end
    texts.append(reading.text[position:])
    starts += reading.starts[position:]
    ends += reading.ends[position:]
    return _Reading("".join(texts), starts, ends)


def _text_of(encoded: bytes) -> str:
    """Return bytes as text, in UTF-8 if they are that."""
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        return encoded.decode("latin-1")


def _unescaped(escape: str) -> str:
    r"""Return what ``\n``, ``\'``, ``\u00e4`` or several ``\xc3`` mean in Python and JSON."""
    kind = escape[1]
    if kind == "x":
        return _text_of(bytes.fromhex(escape.replace("\\x", "")))
    if kind == "u" and len(escape) > 2:
        return bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be", "surrogatepass")
    return _CONTROLS.get(kind, kind)


_ENCODINGS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"(?:%[0-9A-Fa-f]{2})+"), lambda found: _text_of(unquote_to_bytes(found))),
    (re.compile(r"\+"), lambda _found: " "),
    (re.compile(r"(?:\\x[0-9A-Fa-f]{2})+|(?:\\u[0-9A-Fa-f]{4})+|\\.", re.DOTALL), _unescaped),
    (re.compile(r"&#?\w{1,10};"), html.unescape),
    # In SQL, and in the connection strings of ODBC.
    (re.compile(r"''|\"\"|}}"), lambda found: found[0]),
)


def _values(stored: str) -> Iterator[str]:
    """Yield the values of a connection that must not be shown."""
    yield stored
    fields = fields_of_whole(stored)
    host, port, conn_type = (str(fields.get(name) or "") for name in ("host", "port", "conn_type"))
    shown = {shown_type(conn_type), port if port.isdecimal() else "", ""}
    if shown_address(host)[0] == host.strip():
        shown.add(host)
    yield from (text for text in _strings(fields) if text not in shown)
    # The password may be equal to a value that is shown, such as the port.
    if fields.get("password"):
        yield str(fields["password"])
        login_and_password = f"{fields.get('login') or ''}:{fields['password']}"
        # HTTP sends both in a header.
        yield b64encode(login_and_password.encode(errors="surrogatepass")).decode()


def _strings(value: object) -> Iterator[str]:
    """Yield all strings and numbers in a JSON document, also in documents that are strings in it.

    The query of a URI can be a credential, which is then a name without a value. So such names are included.
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield from (str(name) for name, inner in each.items() if not str(inner or "").strip("= "))
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif each is not None and not isinstance(each, bool):
            yield str(each)
            if str(each).lstrip().startswith(("{", "[")):
                with suppress(ValueError, RecursionError):
                    waiting.append(json.loads(str(each)))


def _forms(texts: Iterable[str]) -> Iterator[str]:
    """Yield each text, as a whole and by lines, with and without the white space around it.

    A text can itself contain what looks encoded, and a library can encode only the other characters. Decoding the
    message then decodes more than the library has encoded, so each text is yielded decoded too.
    """
    for text in texts:
        for whole in (text, *text.splitlines()):
            each = whole[:_LONGEST_ENCODED]
            if each.strip():
                yield from (each, each.strip())
                yield from (decoded for pattern, decode in _ENCODINGS if (decoded := _in_full(each, pattern, decode)))


def _in_full(text: str, pattern: re.Pattern[str], decode: Callable[[str], str]) -> str:
    """Return a text in which each match of a pattern is decoded; empty if that leaves only white space."""
    return pattern.sub(lambda found: decode(found[0]), text).strip()
