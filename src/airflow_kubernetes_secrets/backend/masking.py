"""Registration of values with Airflow's log maskers, if the option ``mask_values`` is on.

By itself, Airflow masks the passwords of connections, and values with a name such as ``token``:
https://airflow.apache.org/docs/apache-airflow/stable/security/secrets/mask-sensitive-values.html
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

from airflow_kubernetes_secrets.backend.airflow_versions import maskers
from airflow_kubernetes_secrets.formats.reading import connection_text
from airflow_kubernetes_secrets.kubernetes.objects import DerivedValues, Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.process import importing, on_new_process

# Shorter strings occur everywhere in a log. Airflow 3 has the same default (``[logging] min_length_masked_secret``);
# Airflow 2 would mask every single letter.
SHORTEST = 5

# Limits for one Secret, in strings and characters. With each string, Airflow's masker compiles one pattern of all its
# strings. It searches every line of a log for all of them.
MOST_TEXTS = 50
MOST_CHARACTERS = 16_384

# Limit for the characters that the masker compiles to register one Secret: the pattern grows with every Secret of the
# process. A million take up to two seconds, in each of two maskers, and Airflow 2.11 refuses a pattern of 400,000.
_MOST_COMPILED = 400_000


class _Registered:
    """What this process has registered: not the strings, but their total length and their hashes.

    Attributes:
        forms: the forms in which each Secret was registered: the kind of the lookup, and whether its result was a
            string. Different forms of one Secret contain different strings.
        characters: the total length of the strings.
        hashes: the hashes of the strings.
    """

    def __init__(self) -> None:
        self.forms: DerivedValues[Secret, frozenset[tuple[Kind, bool]]] = DerivedValues()
        self.characters = 0
        self.hashes: set[int] = set()

    def add(self, texts: Iterable[str]) -> None:
        """Add strings that have been registered."""
        for text in texts:
            if hash(text) not in self.hashes:
                self.hashes.add(hash(text))
                self.characters += len(text)


# The process of a task starts with an empty masker, but inherits the Secrets in its parent's memory.
_process = _Registered()


def _forget() -> None:
    global _process  # noqa: PLW0603  # state of the process is a variable of a module
    _process = _Registered()


on_new_process(_forget)


def mask(kind: Kind, secret: Secret, key: str, result: Any) -> None:
    """Register the values of a Secret with Airflow's maskers, as far as the limits allow.

    A Secret in memory is registered once per process and form. A failure is logged once and never raised.

    Args:
        kind: the kind of the lookup.
        secret: the selected Secret.
        key: the key of the Secret that the lookup read, or ``IN_FIELDS``.
        result: the result of the lookup: a string, or a ``Connection`` of Airflow, of which all parts are registered.
    """
    process = _process
    form = (kind, isinstance(result, str))
    done = process.forms.get(secret) or frozenset()
    if form in done:
        return
    try:
        pieces = list(_pieces(result, result if isinstance(result, str) else connection_text(secret, key)))
        texts, is_all = _fitting(pieces, process)
        with importing.lock:
            registers = maskers()
        for register in registers:
            register(texts)
    except Exception as error:  # its message can contain a value
        problem = type(error).__name__
        notices.once(
            logging.WARNING,
            ("unmasked", problem),
            f"mask_values: Airflow's masker did not accept the values of {secret.full_name} ({problem}), so logs may "
            "show them",
        )
        return
    if not is_all:
        notices.once(
            logging.WARNING, ("masked in part", str(secret)), _incomplete_warning(secret, len(texts), pieces, process)
        )
    process.add(texts)
    process.forms.put(secret, done | {form})


class _Piece(NamedTuple):
    """A string to register. Pieces sort by importance, the most important first.

    Attributes:
        rank: 0 for the password; 1 for login, host and schema, which are short and reveal the most; 2 for all others.
        minus_length: the negative length of the string.
        in_uri: whether to register the percent-encoded form that the string has in a URI.
    """

    rank: int
    minus_length: int
    text: str
    in_uri: bool


def _fitting(pieces: Iterable[_Piece], before: _Registered) -> tuple[list[str], bool]:
    """Return the strings to register, in the order that costs the least, and whether these are all.

    Args:
        before: what the process has registered before.
    """
    chosen: dict[str, None] = {}
    characters = compiled = 0
    is_all = True
    for piece in sorted(set(pieces)):
        fits = characters - piece.minus_length <= MOST_CHARACTERS
        text = quote(piece.text, safe="", errors="surrogatepass") if fits and piece.in_uri else piece.text
        if text in chosen or len(text) < SHORTEST:
            continue
        # The last string is registered first, so the masker compiles it again with each of the others.
        more = 0 if hash(text) in before.hashes else before.characters + len(text) * (len(chosen) + 1)
        fits = fits and characters + len(text) <= MOST_CHARACTERS and compiled + more <= _MOST_COMPILED
        if len(chosen) == MOST_TEXTS:
            return [*reversed(chosen)], False
        if fits:
            chosen[text] = None
            characters, compiled = characters + len(text), compiled + more
        is_all = is_all and fits
    return [*reversed(chosen)], is_all


def _incomplete_warning(secret: Secret, count: int, pieces: Iterable[_Piece], before: _Registered) -> str:
    """Return the warning that not all strings are registered: the Secret has too many, or the process has.

    Args:
        count: the number of strings that are registered.
        pieces: all strings of the Secret.
        before: what the process had registered before.
    """
    if _fitting(pieces, _Registered())[1]:
        return (
            f"mask_values: this process has registered {before.characters} characters, and Airflow's masker has no "
            f"time for all of {secret.full_name} as well: only some of its values are registered ({count}), and logs "
            "can show the others. Do not print them, or restart the process"
        )
    return (
        f"mask_values: {secret.full_name} contains more than Airflow's masker has time for: only the most "
        f"important values that fit are registered ({count}), and logs can show the others. Do not print them, or "
        "store them in smaller Secrets"
    )


def _pieces(result: Any, stored: str) -> Iterator[_Piece]:
    """Yield the strings: whole, percent-encoded, and line by line, since a log contains each line separately."""
    for rank, text in _texts(result, stored):
        if not (text.isascii() and text.isalnum()):
            yield _Piece(rank, -len(text), text, in_uri=True)
        # JSON can contain lone surrogates. Neither a log nor a message to the process that writes it can.
        for part in (text,) if text.isascii() else re.split("[\ud800-\udfff]", text):
            yield _Piece(rank, -len(part), part, in_uri=False)
            if "\n" in part:
                for line in map(str.strip, part.splitlines()):
                    yield _Piece(rank, -len(line), line, in_uri=False)


def _texts(result: Any, stored: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a result, each with its rank.

    Args:
        stored: the result as a string. Of a ``Connection``, it is the string from which Airflow parsed it.
    """
    if isinstance(result, str):
        texts, document = (result,), result
    else:
        if result.password:
            yield 0, result.password
        yield from ((1, text) for text in (result.login, result.host, result.schema) if text)
        texts, document = tuple(filter(None, (stored, result.extra))), result.extra or "null"
    yield from ((2, text) for text in (*texts, *_leaves(document)))


def _leaves(text: str) -> Iterator[str]:
    """Yield the strings in a JSON document, and in documents that are strings in it; none if it is not JSON."""
    documents = [text]
    # This ends, since a string in a document is shorter than the document. It ends soon, since each level doubles the
    # backslashes.
    while documents:
        for leaf in _leaves_of(documents.pop()):
            yield leaf
            if leaf.lstrip().startswith(("{", "[")):
                documents.append(leaf)


def _leaves_of(text: str) -> Iterator[str]:
    with suppress(ValueError, RecursionError):
        waiting = [json.loads(text)]
        while waiting:
            each = waiting.pop()
            if isinstance(each, str):
                yield each
            elif isinstance(each, dict):
                waiting += each.values()
            elif isinstance(each, list):
                waiting += each
