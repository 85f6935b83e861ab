"""Reads a value for ``put`` from the command line, a file, a terminal without echo, or standard input.

From standard input, one newline at the end is removed, because ``echo`` and most programs add it. A file is taken
exactly as it is.
"""

from __future__ import annotations

import os
import sys
import warnings
from getpass import GetPassWarning, getpass
from pathlib import Path
from typing import BinaryIO

from airflow_kubernetes_secrets.cli.output import print_message
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.manifests.given_values import FROM_FILE, STDIN, GivenValue, check_format
from airflow_kubernetes_secrets.manifests.secret_manifest import LARGEST_BYTES, NotWritableError

# A terminal cuts off lines after this many bytes. https://man7.org/linux/man-pages/man3/termios.3.html
_LONGEST_TYPED = 4095


def read_value(given: GivenValue) -> bytes:
    """Return the bytes of a value.

    Raises:
        NotWritableError: there is no value, it has the wrong format, or the terminal cannot hide what is typed.
        OneLineError: the file cannot be read.
    """
    if given.argument == FROM_FILE:
        return _read_standard_input() if given.text == STDIN else _file(Path(given.text))
    value = _read(given) if given.is_read else os.fsencode(given.text)
    check_format(given, value)
    return value


def is_a_terminal() -> bool:
    """Return whether standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file, FROM_FILE)
    except OSError as error:
        problem = error.strerror
    raise OneLineError(f"{FROM_FILE}: {path} cannot be read: {problem}. Correct the path, or its permissions")


def _bounded(stream: BinaryIO, argument: str) -> bytes:
    """Return the whole content of a stream. The size is limited, because a pipe or a device can be endless.

    Raises:
        NotWritableError: the content is larger than a Secret can be.
    """
    content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise NotWritableError(
            f"{argument}: the value has more than {LARGEST_BYTES} bytes, the most that a Secret can contain. Shorten it"
        )
    return content


def _read_standard_input() -> bytes:
    """Return standard input including the newline at its end, which the other arguments remove."""
    if sys.stdin is None:
        raise NotWritableError(
            "--from-file: there is no standard input to read it from. Connect it to a pipe or a terminal"
        )
    return _bounded(sys.stdin.buffer, FROM_FILE)


def _read(given: GivenValue) -> bytes:
    if sys.stdin is None:
        raise NotWritableError(
            f"{given.argument}: there is no standard input to read it from. Connect it to a pipe or a terminal"
        )
    value = _typed(given) if is_a_terminal() else _piped(given)
    if not value:
        remedy = "Omit the field if there is none" if given.field else "For an empty value: --from-file /dev/null"
        raise NotWritableError(f"{given.argument}: nothing was read, so nothing is written. {remedy}")
    return value


def _typed(given: GivenValue) -> bytes:
    """Prompt for a value on the terminal."""
    try:
        with warnings.catch_warnings():
            # Otherwise getpass would warn and show what is typed.
            warnings.simplefilter("error", GetPassWarning)
            value = os.fsencode(getpass(f"{given.field or given.argument.removeprefix('--')}: "))
    except EOFError:
        return b""
    except GetPassWarning:
        raise NotWritableError(f"{given.argument}: this terminal cannot hide the input; use a pipe") from None
    if len(value) >= _LONGEST_TYPED:
        raise NotWritableError(
            f"{given.argument}: a terminal cuts lines off at {_LONGEST_TYPED} bytes; use --from-file, or a pipe"
        )
    return value


def _piped(given: GivenValue) -> bytes:
    """Read a value from standard input, without one newline at its end."""
    piped = _bounded(sys.stdin.buffer, given.argument)
    value = piped.removesuffix(b"\n")
    if value != piped and given.argument not in ("--uri", "--json"):
        keeps = "" if given.field else "; --from-file keeps it"
        print_message(f"{given.argument}: one newline at the end of standard input was removed{keeps}")
    return value
