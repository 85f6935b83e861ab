"""Documents as YAML in which every character is visible, and which kubectl reads as they were written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from airflow_kubernetes_secrets.kubernetes.kubectl_yaml import is_text_for_kubectl
from airflow_kubernetes_secrets.messages.printable import printable_document, printable_line

# Base64, and most names. No character of such a word requires quotation marks. Whether PyYAML or kubectl would read the
# whole word as something other than a string is decided elsewhere.
_WORD = re.compile("[A-Za-z0-9][A-Za-z0-9+/=._-]*")


def yaml_text(documents: Sequence[object], *, ascii_only: bool = False) -> str:
    """Return documents as YAML, with invisible characters escaped. Parsing it returns exactly the documents.

    Args:
        ascii_only: whether to escape all characters that are not ASCII.
    """
    # At its default width, PyYAML folds lines. A line of the output could then begin with any word of a value.
    text: str = yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, allow_unicode=not ascii_only, width=float("inf")
    )
    return printable_document(text)


class _Dumper(yaml.SafeDumper):
    """Writes strings that are not printable in double quotes, where YAML has the escapes of :func:`printable`.

    A string that kubectl would read as another type is quoted too. PyYAML alone does not recognise all of these.

    PyYAML examines strings one character at a time. That would take most of the time for a long value, so this class
    passes it only the first character of a word.
    """

    def analyze_scalar(self, text: str) -> Any:
        """Return the styles in which a string can be written."""
        base: Any = super()  # PyYAML's stubs lack its methods
        analysis = base.analyze_scalar(text[0] if _WORD.fullmatch(text) else text)
        analysis.scalar = text
        return analysis

    def write_plain(self, text: str, split: bool = True) -> None:
        """Write a string without quotation marks."""
        writer: Any = self
        base: Any = super()
        if not _WORD.fullmatch(text):
            base.write_plain(text, split)
            return
        base.write_plain(text[0], split)
        writer.stream.write(text[1:])
        writer.column += len(text) - 1


def _represent(dumper: _Dumper, text: str) -> yaml.Node:
    style = "'" if not is_text_for_kubectl(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style if printable_line(text) == text else '"')


_Dumper.add_representer(str, _represent)
