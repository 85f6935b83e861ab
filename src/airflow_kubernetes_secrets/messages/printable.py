"""Make input visible, so that names, paths and a server's messages cannot forge what this package prints or logs.

Input goes through :func:`printable` where it enters a message. Every line that leaves the process also goes through
:func:`printable_line` or :func:`printable_lines`, so that input which was overlooked does no harm.
"""

from __future__ import annotations

import re
import shlex

# Characters that Unicode counts as printable although they are invisible: the fillers, joiners and variation selectors
# among the letters and marks with the property Default_Ignorable_Code_Point.
_INVISIBLE = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"

# GitHub Actions, Azure Pipelines and TeamCity read what follows as a command, anywhere in a line.
_MARK = r"##(?=(?:vso|teamcity)?\[)"

# GitHub Actions reads a line that begins with this as a command.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
_COMMAND = "::"


def printable(value: object) -> str:
    r"""Return one line in which every character is visible.

    Every character that ``str.isprintable`` refuses is escaped as in a Python literal (``\n``, ``\x1b``, ``\u202e``):

    - control characters (C0, DEL, C1)
    - line and paragraph separators, and white space other than the space
    - format characters, such as those that change the direction of text
    - private and unassigned characters
    - the surrogates that represent bytes of a file name which are not UTF-8

    Invisible letters and marks are escaped too. The marks of commands ``##[``, ``##vso[`` and ``##teamcity[`` become
    ``#\u0023[`` and so on. All these escapes keep their meaning in a double-quoted string of YAML. In JSON, the
    last one does, and the others do not occur.

    Everything else stays, including backslashes, so a second call changes nothing. Letters that look like others, and
    marks on letters, stay too.
    """
    text = str(value)
    if not text.isprintable():
        text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    if not text.isascii():
        text = re.sub(_INVISIBLE, lambda found: ascii(found[0])[1:-1], text)
    return re.sub(_MARK, r"#\\u0023", text) if "##" in text else text


def printable_line(text: str) -> str:
    r"""Return a printable line. If it begins like a command of GitHub Actions, its first colon becomes ``\u003a``."""
    line = printable(text)
    start = line.lstrip(" ")
    return f"{line[: -len(start)]}\\u003a{start[1:]}" if start.startswith(_COMMAND) else line


def printable_lines(text: str) -> str:
    """Return a printable message whose line breaks this package has written, such as the one before a command to run.

    Each line goes through :func:`printable_line`. All lines but the first are indented, so that none looks like the
    beginning of another message.
    """
    first, *others = text.split("\n")
    indented = (each if each.startswith("  ") else f"  {each}" for each in others)
    return "\n".join([printable_line(first), *map(printable_line, indented)])


def printable_document(text: str) -> str:
    """Return a document in which every line is printable. All line breaks come from this package."""
    return "\n".join(map(printable, text.split("\n")))


def shell_word(value: object) -> str:
    """Return one word of a shell command that a message suggests, whatever ``value`` contains."""
    word = shlex.quote(printable(value))
    # zsh replaces a word that begins with this by the path of a program.
    return f"'{word}'" if word.startswith("=") else word
