"""What Airflow's masker of logs is told, where ``mask_values`` asks for it.

By itself Airflow masks the passwords of connections, and what a name such as ``token`` gives away:
https://airflow.apache.org/docs/apache-airflow/stable/security/secrets/mask-sensitive-values.html
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from airflow_kubernetes_secrets import notices
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.compat import maskers
from airflow_kubernetes_secrets.process import ForkGuard, on_new_process

# Shorter texts stand everywhere in a log. Airflow 3 has the same by default (``[logging] min_length_masked_secret``),
# and Airflow 2 would mask every single letter.
SHORTEST = 5

# A child that is forked while another thread imports inherits a lock that nobody opens.
_importing = ForkGuard()

# A task's process is forked from one whose masker has been emptied, and has its parent's Secrets in memory.
_process = object()


def _forget() -> None:
    global _process  # noqa: PLW0603  # what belongs to the process is a variable of a module
    _process = object()


on_new_process(_forget)


def mask(secret: Secret, wanted: Any) -> None:
    """Register what came of a Secret: a text, or a Connection of Airflow's with all its parts.

    A Secret that is kept in memory is registered once in a process. It raises nothing: that something cannot be
    registered is said in the log, once.
    """
    done = (_process, _form(secret, wanted))
    if done in secret.masked:
        return
    try:
        texts = sorted({text for text in _pieces(secret, wanted) if len(text) >= SHORTEST})
        with _importing:
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
    secret.masked = {done, *(each for each in secret.masked if each[0] is _process)}


def _form(secret: Secret, wanted: Any) -> str:
    """In which form it was asked for; of one Secret different ones show different texts."""
    if not isinstance(wanted, str):
        return "connection"
    return "text of a connection" if wanted is secret.connection else "variable"


def _pieces(secret: Secret, wanted: Any) -> Iterator[str]:
    """The texts, and what remains of them in a URI and in lines: a log has each line that is printed for itself."""
    for text in _texts(secret, wanted):
        yield quote(text, safe="", errors="surrogatepass")
        # JSON can spell lone surrogates. No message takes one, to the process that writes the log, nor does a log.
        for piece in re.split("[\ud800-\udfff]", text):
            yield piece
            if "\n" in piece:
                yield from map(str.strip, piece.splitlines())


def _texts(secret: Secret, wanted: Any) -> Iterator[str]:
    if isinstance(wanted, str):
        yield wanted
        yield from _leaves(wanted)
        return
    stored = (secret.connection, wanted.login, wanted.password, wanted.host, wanted.schema, wanted.extra)
    yield from filter(None, stored)
    yield from _leaves(wanted.extra or "null")


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
