"""Text from outside, made visible: names, paths and words of a server cannot forge what this package prints or logs.

Such a text goes through :func:`printable` where it enters a message. Whatever leaves the process as a line goes through
:func:`printable_line` or :func:`printable_lines` once more, so that a text which was forgotten does no harm either.
"""

from __future__ import annotations

import re
import shlex

# Printable by Unicode's categories, and nothing to see all the same: the fillers, joiners and variation selectors among
# the letters and marks with the property Default_Ignorable_Code_Point.
_INVISIBLE = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"

# GitHub Actions, Azure Pipelines and TeamCity take what follows for a command, wherever it is in a line.
_MARK = r"##(?=(?:vso|teamcity)?\[)"

# GitHub Actions takes a line for a command that begins so.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
_COMMAND = "::"


def printable(value: object) -> str:
    r"""One line in which every character can be seen.

    Escaped as in a Python literal (``\n``, ``\x1b``, ``\u202e``) is each character that ``str.isprintable`` refuses:
    control characters (C0, DEL, C1), line and paragraph separators, white space other than the space, format characters
    such as those that change the direction of text, private and unassigned ones, and the surrogates that stand for
    bytes of a file name which are not UTF-8. So are invisible letters and marks. The marks of commands ``##[``,
    ``##vso[`` and ``##teamcity[`` become ``#\u0023[`` and so on. A double-quoted string of YAML means the same with all
    of these escapes, and JSON, which has no invisible character anyway, with the last.

    Everything else stays, backslashes included, so that a second time changes nothing. Letters that look like others,
    and marks on letters, stay too.
    """
    text = str(value)
    if not text.isprintable():
        text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    if not text.isascii():
        text = re.sub(_INVISIBLE, lambda found: ascii(found[0])[1:-1], text)
    return re.sub(_MARK, r"#\\u0023", text) if "##" in text else text


def printable_line(text: str) -> str:
    r"""A whole line: printable, and no workflow command of GitHub Actions; its first colon becomes ``\u003a``."""
    line = printable(text)
    start = line.lstrip(" ")
    return f"{line[: -len(start)]}\\u003a{start[1:]}" if start.startswith(_COMMAND) else line


def printable_lines(text: str) -> str:
    """A message whose line breaks are this package's own, such as the one before a command to run.

    Each line is a :func:`printable_line`, and all but the first are indented, so that none looks like the beginning of
    another message.
    """
    first, *others = text.split("\n")
    indented = (each if each.startswith("  ") else f"  {each}" for each in others)
    return "\n".join([printable_line(first), *map(printable_line, indented)])


def shell_word(value: object) -> str:
    """One word of a command that a message suggests, whatever the text holds."""
    return shlex.quote(printable(value))
