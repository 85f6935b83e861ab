"""The value that ``put`` is given: one whole value, or fields of a connection; and what is refused.

A value on the command line is visible in the shell history and the process list, so secret values are refused there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as value_field
from difflib import get_close_matches

from airflow_kubernetes_secrets.formats.aliases import ALIASES, URI, folded
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.manifests.secret_manifest import NotWritableError
from airflow_kubernetes_secrets.messages.listing import first_names

STDIN = "-"
FROM_FILE = "--from-file"

# Fields that are a password, or may contain one.
_SECRET_FIELDS = (URI, "password", "extra")
_FIELDS = {name: field for field, names in ALIASES.items() for name in names}
_CONNECTION_ARGUMENTS = "--uri, --json, --from-file or --field"


@dataclass(frozen=True)
class GivenValue:
    """One value from the command line. Its ``repr`` does not show the value.

    Attributes:
        argument: the argument without its value.
        text: the value, ``-`` to read it, or the path of a file.
        field: the field of a connection that it sets; empty if it is the whole value.
    """

    argument: str
    text: str = value_field(repr=False)
    field: str = ""

    @property
    def is_read(self) -> bool:
        """Whether the value is read from a terminal or standard input, without a newline at the end."""
        return self.text == STDIN and self.argument != FROM_FILE

    @property
    def is_secret_argument(self) -> bool:
        """Whether the value is on the command line and may be secret."""
        if self.argument == FROM_FILE or self.text == STDIN:
            return False
        # A host may be a whole URL with login and password.
        return self.field in ("", *_SECRET_FIELDS) or (self.field == "host" and "@" in self.text)


def given_values(kind: Kind, whole: Mapping[str, str | None], fields: Sequence[str]) -> Sequence[GivenValue]:
    """Return the values from the command line: one whole value, or several fields.

    Args:
        whole: for each argument that takes a whole value, its value; ``None`` if the argument is missing.
        fields: the values of ``--field``.

    Raises:
        NotWritableError: there is no value, there are several, or an argument does not fit.
    """
    given = [GivenValue(name, text) for name, text in whole.items() if text is not None]
    is_connection = kind is Kind.CONNECTION
    wrong = ("--value",) if is_connection else ("--uri", "--json")
    possible = _CONNECTION_ARGUMENTS if is_connection else "--value or --from-file"
    if any(each.argument in wrong for each in given) or (fields and not is_connection):
        raise NotWritableError(f"pass a {kind.word} with {possible}")
    ways = len(given) + bool(fields)
    if ways != 1:
        raise NotWritableError(
            f"{'there is no value to write' if not ways else 'the value is passed in two ways'}: use {possible}"
        )
    return given or _fields(fields)


def _fields(arguments: Sequence[str]) -> Sequence[GivenValue]:
    """Return the fields of a connection from the ``--field`` arguments."""
    found: dict[str, GivenValue] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            raise NotWritableError("--field must be NAME=VALUE, or NAME=- to read the value; one has no '='")
        field = _FIELDS.get(folded(name.strip()))
        if field is None:
            raise NotWritableError(f"--field: {_unknown(name)} The fields are {', '.join(ALIASES)}")
        if field in found:
            raise NotWritableError(f"--field: {field} is given twice. Remove one of them")
        found[field] = GivenValue(f"--field {field}", text, field)
    return list(found.values())


def _unknown(name: str) -> str:
    """Return the message for an unknown field."""
    # If the name was omitted, the text before the '=' can be a part of a password.
    nearest = get_close_matches(folded(name), _FIELDS, n=1) if re.fullmatch("[A-Za-z_.-]{1,30}", name) else []
    return (
        f"{name!r} is not a field; did you mean {nearest[0]!r}?"
        if nearest
        else "the name before the '=' is not a field."
    )


def check_given(given: Sequence[GivenValue], *, allow_secret_arguments: bool, is_terminal: bool) -> None:
    """Refuse secret values on the command line, and more than one value from standard input.

    Args:
        allow_secret_arguments: whether secret values on the command line are allowed.
        is_terminal: whether standard input is a terminal, which can prompt for several values.

    Raises:
        NotWritableError: a value is refused.
    """
    for each in given:
        if not allow_secret_arguments and each.is_secret_argument:
            of_it = f"{each.argument}=-" if each.field else f"{each.argument} -"
            other = "" if each.field else " or --from-file"
            raise NotWritableError(
                f"{each.argument} has its value on the command line, where the shell history and "
                f"the process list show it. Use {of_it}{other}, or --allow-secret-arguments"
            )
    read = [each.argument for each in given if each.is_read]
    if len(read) > 1 and not is_terminal:
        raise NotWritableError(
            f"{first_names(read, len(read))} cannot all be read from standard input; use a terminal, or --json -"
        )


def check_format(given: GivenValue, value: bytes) -> None:
    """Refuse JSON for ``--uri``, and anything else for ``--json``.

    Raises:
        NotWritableError: the value has the wrong format.
    """
    if given.argument in ("--uri", "--json"):
        is_json = value.lstrip().startswith(b"{")
        if is_json != (given.argument == "--json"):
            right = "JSON ({…}); use --json" if is_json else "not JSON ({…}); for a URI use --uri"
            raise NotWritableError(f"the value of {given.argument} is {right}")
