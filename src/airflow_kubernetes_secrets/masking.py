"""What Airflow's masker of logs is told, where ``mask_values`` asks for it.

By itself Airflow masks the passwords of connections, and what a name such as ``token`` gives away:
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

from airflow_kubernetes_secrets import notices
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.compat import maskers
from airflow_kubernetes_secrets.process import importing, on_new_process

# Shorter texts stand everywhere in a log. Airflow 3 has the same by default (``[logging] min_length_masked_secret``),
# and Airflow 2 would mask every single letter.
SHORTEST = 5

# What is registered of one Secret at most, in texts and characters. With each text Airflow's masker compiles one
# pattern of all that it has, and it looks for all of them in every line of a log.
MOST_TEXTS = 50
MOST_CHARACTERS = 16_384

# What registering one Secret may have the masker compile, in characters: the pattern grows with every Secret of the
# process. A million take up to two seconds, in each of two maskers; and Airflow 2.11's refuses a pattern of 400,000.
_MOST_COMPILED = 400_000


class _Registered:
    """What this process has registered: no text, only how long they are together, and their hashes."""

    def __init__(self) -> None:
        self.characters = 0
        self.hashes: set[int] = set()

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            if hash(text) not in self.hashes:
                self.hashes.add(hash(text))
                self.characters += len(text)


# A task's process is forked from one whose masker has been emptied, and has its parent's Secrets in memory.
_process = _Registered()


def _forget() -> None:
    global _process  # noqa: PLW0603  # what belongs to the process is a variable of a module
    _process = _Registered()


on_new_process(_forget)


def mask(secret: Secret, wanted: Any) -> None:
    """Register what came of a Secret: a text, or a Connection of Airflow's with all its parts, as far as they fit.

    A Secret that is kept in memory is registered once in a process. It raises nothing: that something cannot be
    registered is said in the log, once.
    """
    process = _process
    done = (process, _form(secret, wanted))
    if done in secret.masked:
        return
    try:
        pieces = list(_pieces(secret, wanted))
        texts, is_all = _fitting(pieces, process)
        with importing.lock:
            registers = maskers()
        for register in registers:
            register(texts)
    except Exception as error:  # its text can hold a value
        problem = type(error).__name__
        notices.once(
            logging.WARNING,
            ("unmasked", problem),
            f"mask_values: Airflow's masker did not take what is in Secret {secret} ({problem}), so a log may show it",
        )
        return
    if not is_all:
        notices.once(logging.WARNING, ("masked in part", str(secret)), _in_part(secret, len(texts), pieces, process))
    process.add(texts)
    secret.masked = {done, *(each for each in secret.masked if each[0] is process)}


def _form(secret: Secret, wanted: Any) -> str:
    """In which form it was asked for; of one Secret different ones show different texts."""
    if not isinstance(wanted, str):
        return "connection"
    return "text of a connection" if wanted is secret.connection else "variable"


class _Piece(NamedTuple):
    """A text to register. They are sorted: the most important first.

    Attributes:
        rank: 0 for the password, 1 for login, host and schema, which are short and say the most, 2 for all others.
        minus_length: of the text as it is.
        in_uri: whether the form is registered that it has in a URI.
    """

    rank: int
    minus_length: int
    text: str
    in_uri: bool


def _fitting(pieces: Iterable[_Piece], before: _Registered) -> tuple[list[str], bool]:
    """The texts that are registered, in the order in which that costs the least; and whether these are all."""
    chosen: dict[str, None] = {}
    characters = compiled = 0
    is_all = True
    for piece in sorted(set(pieces)):
        fits = characters - piece.minus_length <= MOST_CHARACTERS
        text = quote(piece.text, safe="", errors="surrogatepass") if fits and piece.in_uri else piece.text
        if text in chosen or len(text) < SHORTEST:
            continue
        # The last one is registered first, so it is compiled with each of the others.
        more = 0 if hash(text) in before.hashes else before.characters + len(text) * (len(chosen) + 1)
        fits = fits and characters + len(text) <= MOST_CHARACTERS and compiled + more <= _MOST_COMPILED
        if len(chosen) == MOST_TEXTS:
            return [*reversed(chosen)], False
        if fits:
            chosen[text] = None
            characters, compiled = characters + len(text), compiled + more
        is_all = is_all and fits
    return [*reversed(chosen)], is_all


def _in_part(secret: Secret, count: int, pieces: Iterable[_Piece], before: _Registered) -> str:
    """The warning that not all texts of a Secret are registered: the Secret has too many, or the process has."""
    if _fitting(pieces, _Registered())[1]:
        return (
            f"mask_values: this process has registered {before.characters} characters, and Airflow's masker has no "
            f"time for all of Secret {secret} as well: {count} of its texts are registered, and a log can show the "
            "others. Do not print them, or restart the process"
        )
    return (
        f"mask_values: Secret {secret} holds more than Airflow's masker has time for: {count} of its texts are "
        "registered, the longest that fit, and a log can show the others. Do not print them, or store them in smaller "
        "Secrets"
    )


def _pieces(secret: Secret, wanted: Any) -> Iterator[_Piece]:
    """The texts, and what remains of them in a URI and in lines: a log has each line that is printed for itself."""
    for rank, text in _texts(secret, wanted):
        if not (text.isascii() and text.isalnum()):
            yield _Piece(rank, -len(text), text, in_uri=True)
        # JSON can spell lone surrogates. No message takes one, to the process that writes the log, nor does a log.
        for part in (text,) if text.isascii() else re.split("[\ud800-\udfff]", text):
            yield _Piece(rank, -len(part), part, in_uri=False)
            if "\n" in part:
                for line in map(str.strip, part.splitlines()):
                    yield _Piece(rank, -len(line), line, in_uri=False)


def _texts(secret: Secret, wanted: Any) -> Iterator[tuple[int, str]]:
    if isinstance(wanted, str):
        texts, document = (wanted,), wanted
    else:
        if wanted.password:
            yield 0, wanted.password
        yield from ((1, text) for text in (wanted.login, wanted.host, wanted.schema) if text)
        texts, document = tuple(filter(None, (secret.connection, wanted.extra))), wanted.extra or "null"
    yield from ((2, text) for text in (*texts, *_leaves(document)))


def _leaves(text: str) -> Iterator[str]:
    """The texts in a JSON document, if it is one, and in the documents that are texts in it."""
    documents = [text]
    # It ends, since a text in a document is shorter than that, and soon, since each level doubles the backslashes.
    while documents:
        for leaf in _leaves_of(documents.pop()):
            yield leaf
            if leaf.lstrip().startswith(("{", "[")):
                documents.append(leaf)


def _leaves_of(text: str) -> Iterator[str]:
    with suppress(ValueError, RecursionError):
        open_ones = [json.loads(text)]
        while open_ones:
            each = open_ones.pop()
            if isinstance(each, str):
                yield each
            elif isinstance(each, dict):
                open_ones += each.values()
            elif isinstance(each, list):
                open_ones += each
