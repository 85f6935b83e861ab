"""Names that forge output if they are printed unchanged, and checks of the output that contains them."""

from __future__ import annotations

import os
import unicodedata

# None contains a "/" or a NUL, so each can be a file name.
NAMES = {
    "a workflow command in a line of its own": "a\n::error file=x,line=1::forged",
    "a workflow command": "::error file=x,line=1::forged",
    "an older workflow command": "a##[error]forged",
    "a command of Azure Pipelines": "a##vso[task.complete result=Failed]",
    "a service message of TeamCity": "##teamcity[buildProblem description='forged']",
    "several lines": "a\nERROR forged\n\n  kubectl delete namespace forged",
    "a carriage return": "forged\rb",
    "both": "a\r\n::error::forged",
    "a colour": "a\x1b[31mb",
    "a cleared screen": "a\x1b[2J\x1b[Hb",
    "a link": "a\x1b]8;;example.com\x1b\\b\x1b]8;;\x1b\\",
    "the clipboard": "a\x1b]52;c;Zm9yZ2Vk\x07b",
    "the title of a window": "a\x1b]0;forged\x07b",
    "a bell": "a\x07b",
    "a backspace": "ab\x08c",
    "a tab": "a\tb",
    "DEL": "a\x7fb",
    "C1": "a\x9b31mb\x85c",
    "a line separator": "a\u2028::error::forged",
    "a paragraph separator": "a\u2029::error::forged",
    "a right-to-left override": "a\u202egpj.exe",
    "isolates": "a\u2067b\u2066c\u2069",
    "marks of direction": "a\u200fb\u061cc",
    "zero width": "a\u200bb\u200dc\u2060d\ufeffe",
    "a soft hyphen": "a\xadb",
    "tags": "a\U000e0041\U000e007f",
    "another space": "a\xa0b\u3000c",
    "invisible letters": "a\u3164b\u115fc\u17b4d",
    "variation selectors": "a\ufe0fb\U000e0100c",
    "private": "a\ue000b",
    "unassigned": "a\U0003fffeb",
    "quotes and what a shell does": "a'\"; touch forged; $(touch forged) `touch forged` #",
    "percents and braces": "a%0Ab%s{0}{x}",
    "markup": "[bold red]a[bold] :smile:",
}

# Bytes that are not valid Unicode text, which file names can contain.
BYTES = {
    "bytes that are no UTF-8": os.fsdecode(b"a\xff\x9b31m"),
    "half of a character": os.fsdecode(b"a\xe2\x80"),
}

FILE_NAMES = {**NAMES, **BYTES}

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# The letters and marks with the property Default_Ignorable_Code_Point:
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
_IGNORABLE = {
    *map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0)),
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
}


def is_seen(character: str) -> bool:
    """Return whether a character of a line is visible and has no other effect."""
    category = unicodedata.category(character)
    return character == " " or not (category in _UNSEEN or category == "Zs" or character in _IGNORABLE)


def assert_harmless(printed: str, *, commands: int = 0) -> None:
    """Assert that a terminal, a log and a build system treat the output as plain text.

    Args:
        commands: the number of lines that are expected to be workflow commands.
    """
    lines = printed.split("\n")
    for line in lines:
        assert all(map(is_seen, line)), ascii(line)
        assert not any(mark in line for mark in ("##[", "##vso[", "##teamcity[")), ascii(line)
    found = [line for line in lines if line.lstrip().startswith("::")]
    assert len(found) == commands, found


def assert_one_message(text: str) -> None:
    """Assert that the text is harmless, and that none of its lines looks like the beginning of another message."""
    assert_harmless(text)
    assert all(line.startswith("  ") for line in text.split("\n")[1:]), ascii(text)
