"""The values that arguments of the commands accept. argparse calls these functions."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from pathlib import Path

_PREFIX = "system:serviceaccount"


def user_argument(text: str) -> str:
    """Return the name of a user that an HTTP header can carry.

    Raises:
        ArgumentTypeError: it is blank, or not printable ASCII, or a service account in another form than that of the
            API server.
    """
    if text.strip() and text.isascii() and text.isprintable():
        if (meant := _meant_account(text)) in (None, text):
            return text
        raise ArgumentTypeError(
            f"the name of a service account has the form {_PREFIX}:NAMESPACE:NAME"
            + (f"; write {meant}" if meant else "")
        )
    raise ArgumentTypeError("a user's name is printable ASCII, such as system:serviceaccount:airflow:airflow-worker")


def _meant_account(text: str) -> str | None:
    """Return the name of the service account that is meant; empty if that is unknown, ``None`` if none is meant."""
    is_named = re.match(r"(?:system:)?serviceaccount", text) is not None
    if not is_named and not re.fullmatch("[a-z0-9-]+/[a-z0-9.-]+", text):
        return None
    parts = re.split("[:/]", text)
    namespace, name = parts[-2:]
    is_complete = len(parts) >= 2 + is_named and all(re.fullmatch("[a-z0-9.-]+", each) for each in (namespace, name))
    return f"{_PREFIX}:{namespace}:{name}" if is_complete and "serviceaccount" not in namespace else ""


def path_argument(text: str) -> Path:
    """Return a path.

    Raises:
        ArgumentTypeError: it is empty. For Python, an empty path is the working directory.
    """
    if text:
        return Path(text)
    raise ArgumentTypeError("the path is empty. For the working directory, write .")


def team_argument(text: str) -> str | None:
    """Return the name of a team; ``None`` for an empty string, as from a variable of a script that is not set."""
    return text or None


def port_argument(text: str) -> int:
    """Return a TCP port, or 0.

    Raises:
        ArgumentTypeError: it is not a number up to 65535.
    """
    if text.isascii() and text.isdecimal() and int(text) < 65536:
        return int(text)
    raise ArgumentTypeError("a port is a number up to 65535")


def count_argument(text: str) -> int:
    """Return a number that is at least 1.

    Raises:
        ArgumentTypeError: it is not such a number.
    """
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise ArgumentTypeError("a count is a number of at least 1")
