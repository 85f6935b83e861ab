"""Writes docs/reference/corpus.md from the corpus: ``python docs/make_corpus.py``. A test keeps it current."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parent
CORPUS = DOCS.parent / "tests" / "formats" / "corpus"
PAGE = DOCS / "reference" / "corpus.md"

INTRODUCTION = """\
# Secrets of other software

<!-- Made by docs/make_corpus.py of the files in tests/formats/corpus. Change those. -->

This page lists Secrets as other software writes them, and what each needs before Airflow can read it. [Secret
formats](formats.md) has the rules. [Labels and annotations](annotations.md) lists the annotations, which begin with
`airflow.apache.org/`.

Each Secret also needs the label with its id, or a reference in the options. Replace the host, login and database in an
annotation with your own. A row without the name of a software shows another connection that the Secret above it can
provide. If your software is missing, [add a file](../../CONTRIBUTING.md#add-a-secret-of-other-software).

| what the Secrets need | count |
| --- | --- |
"""

NEEDS = {
    "nothing": "no annotation",
    "type": "only the annotation `connection-type`",
    "connection-type": "`connection-type`, and annotations for what the Secret does not contain",
    "annotations": "annotations for what the Secret does not contain, or for keys without a known name",
    "other": "another form: they cannot be one connection",
}


def page() -> str:
    """Return the whole page."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(CORPUS.glob("*.yaml"))]
    files.sort(key=lambda file: (file["software"].lower(), file["creates"].lower()))
    counts = [f"| {text} | {sum(_need(file) == need for file in files)} |" for need, text in NEEDS.items()]
    rows = (row for file in files for row in _rows(file))
    return "\n".join(
        [f"{INTRODUCTION}{counts[0]}", *counts[1:], "", "## All Secrets", "", *_HEAD, *rows, ""],
    )


_HEAD = ("| software | Secret | type | needs |", "| --- | --- | --- | --- |")


def _need(file: Mapping[str, Any]) -> str:
    is_type_only = file.get("annotations", {}).keys() == {"connection-type"}
    return "type" if is_type_only else str(file["needs"])


def _rows(file: Mapping[str, Any]) -> Iterator[str]:
    source = file["source"]
    link = source if isinstance(source, str) else source[0]
    conn_type = f"`{file['connection']['conn_type']}`" if "connection" in file else ""
    yield f"| {file['software']} | [{escape(file['creates'], quote=False)}]({link}) | {conn_type} | {_needs(file)} |"
    for each in file.get("alternatives", []):
        purpose = escape(each["purpose"], quote=False)
        yield f"| | {purpose} | `{each['connection']['conn_type']}` | {_annotations(each['annotations'])} |"


def _needs(file: Mapping[str, Any]) -> str:
    if file["needs"] == "other":
        return f"cannot be one connection. {escape(file['note'], quote=False)}"
    return _annotations(file.get("annotations", {})) or "nothing"


def _annotations(annotations: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}: {_scalar(value)}`" for name, value in annotations.items())


def _scalar(value: str) -> str:
    """Return an annotation's value as YAML: annotations are strings, so others need quotes."""
    is_string = isinstance(yaml.safe_load(value), str)
    return value if is_string else f"'{value}'" if "'" not in value else json.dumps(value)


if __name__ == "__main__":
    PAGE.write_text(page())
