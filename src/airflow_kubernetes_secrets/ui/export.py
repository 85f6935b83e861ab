"""The table as a file: CSV for spreadsheets, and JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from enum import Enum

from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.ui.row import Row

_COLUMNS = (
    "kind",
    "id",
    "team",
    "namespace",
    "secret",
    "conn_type",
    "host",
    "shape",
    "created",
    "owner",
    "problems",
    "used_by",
)
# A spreadsheet takes a cell that begins with one of these for a formula. Depending on its language, it also begins a
# new cell at each semicolon, even if the file uses commas, and drops quotation marks at the beginning of the cell.
_FORMULA = re.compile('(^|[;|])(?=[\\s"]*[=+\\-@\uff1d\uff0b\uff0d\uff20])')


class Format(str, Enum):
    """The formats of the file. The value is also the end of its name."""

    CSV = "csv"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """The media type of the file."""
        return "text/csv; charset=utf-8" if self is Format.CSV else "application/json"


def exported(rows: Sequence[Row], format: Format) -> str:
    """Return the rows as the text of a file, in ASCII except for ids and names."""
    if format is Format.JSON:
        return json.dumps([row.as_json() for row in rows], indent=2)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    writer.writerows(map(_cells, rows))
    return file.getvalue()


def _cells(row: Row) -> Iterable[str]:
    entry = row.as_json()
    owner = row.entry.owner
    texts = {
        **entry,
        "owner": str(owner) if owner is not None else "",
        "problems": " ".join(_codes(row)),
        "used_by": " ".join(row.dags),
    }
    return (_cell(str(texts[name] or "")) for name in _COLUMNS)


def _codes(row: Row) -> Iterable[str]:
    return dict.fromkeys(problem.code for problem in row.entry.problems)


def _cell(text: str) -> str:
    """Return a text as one line that no spreadsheet evaluates."""
    return printable(_FORMULA.sub(r"\1'", text))
