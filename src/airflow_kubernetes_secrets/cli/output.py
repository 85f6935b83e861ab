"""Prints results: tables with colour on a terminal, plain columns in a pipe, JSON and YAML for programs.

Every command prints through this module, which escapes everything that is not printable; see
:mod:`airflow_kubernetes_secrets.messages.printable`.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from airflow_kubernetes_secrets.messages.printable import (
    printable,
    printable_document,
    printable_line,
    printable_lines,
)

# A pipe has no width, and its reader may need whole cells.
_WIDEST = 10_000

# The narrowest lines, in columns. If the terminal is narrower, or claims to have no columns, it wraps the lines itself.
# In less space, rich leaves out whole columns of a table, and then all text.
_NARROWEST = 20
_NARROWEST_TABLE = 60

# The widest column of plain output. Without this limit, one long id would pad every other row with as many spaces.
_WIDEST_COLUMN = 250

_ESCAPE = "\x1b"

# A part of a line, and its style.
Styled = tuple[str, str]

Thing = TypeVar("Thing")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise an error, which ``main.run`` handles for all commands. By default, rich exits with status 1."""
        raise BrokenPipeError


class Screen:
    """Standard output, with colour on a terminal unless ``NO_COLOR`` is set. No string is read as markup."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else _WIDEST
        soft_wrap = not sys.stdout.isatty()
        self._console = _Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=soft_wrap)
        self._widen(_NARROWEST)

    def print_line(self, *parts: Styled, soft_wrap: bool | None = None) -> None:
        """Print one line.

        Args:
            soft_wrap: whether the terminal wraps the line, so that it is copied as one line. ``None`` means yes in a
                pipe, and no on a terminal.
        """
        self._console.print(_line(*parts), soft_wrap=soft_wrap)

    def print_grid(self, rows: Sequence[tuple[str, Styled]]) -> None:
        """Print rows of a title and a string, which may have several lines."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for title, (text, style) in rows:
            grid.add_row(title, Text(printable_lines(text), style=style))
        self._print(grid)

    def print_table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table. A column may be empty."""
        table = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        self._widen(_NARROWEST_TABLE)
        self._print(table)

    def _widen(self, width: int) -> None:
        self._console.width = max(self._console.width, width)

    def _print(self, table: Table) -> None:
        with self._console.capture() as captured:
            self._console.print(table)
        for line in captured.get().splitlines():
            # Cells have the width of their column, and continue in the next line. Cells are printable already, so an
            # escape character can only be a colour of this package.
            text = line.rstrip()
            sys.stdout.write(f"{text if _ESCAPE in text else printable_line(text)}\n")


def print_line(text: str = "") -> None:
    """Print one line, without style and with the same text on terminals and in pipes."""
    sys.stdout.write(f"{printable_line(text)}\n")


def print_message(text: str) -> None:
    """Print a message on standard error, apart from the result."""
    sys.stderr.write(f"{printable_lines(text)}\n")


class UnreportedError(OSError):
    """The output cannot be written after a command has changed something.

    Attributes:
        done: what the command has done; empty if it has changed nothing.
    """

    def __init__(self, error: OSError, done: str) -> None:
        super().__init__(error.errno, error.strerror)
        self.done = done


@contextmanager
def reporting(done: str) -> Iterator[None]:
    """Write the output of this context at once, and add what was done before it to an error.

    Raises:
        UnreportedError: the output cannot be written.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnreportedError(error, done) from None


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error on standard error."""
    for part in traceback.format_exception(error):
        print_message(part.removesuffix("\n"))


def print_annotation(command: str, properties: Mapping[str, str], text: str) -> None:
    """Print a workflow command of GitHub Actions. Its arguments are escaped, so that they cannot form another command.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    given = ",".join(f"{name}={_property(each)}" for name, each in properties.items())
    sys.stdout.write(f"::{command} {given}::{_data(text)}\n")


def print_document(document: object, output: str) -> None:
    """Print a document for programs, as ``json`` in ASCII or as ``yaml``. Parsing it returns exactly the document."""
    if output == "json":
        sys.stdout.write(printable_document(json.dumps(document, indent=2) + "\n"))
    else:
        print_documents([document])


def print_documents(documents: Sequence[object]) -> None:
    """Print documents as YAML, in ASCII if standard output does not accept all of Unicode."""
    # This import loads PyYAML, which other outputs do not need.
    from airflow_kubernetes_secrets.manifests.yaml_text import yaml_text

    accepts_unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    sys.stdout.write(yaml_text(documents, ascii_only=not accepts_unicode))


def print_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], output: str | None) -> None:
    """Print rows as ``table`` or ``plain``. By default, a terminal gets a table and a pipe plain columns."""
    titles = [column.upper() for column in columns]
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    if output == "table" or (output is None and sys.stdout.isatty()):
        Screen().print_table(titles, cells)
        return
    widths = [min(max(map(len, column)), _WIDEST_COLUMN) for column in zip(titles, *cells, strict=True)]
    for line in (titles, *cells):
        print_line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show on a terminal what is running inside the block. It is removed afterwards."""
    err = Console(stderr=True, markup=False, highlight=False)
    if not err.is_terminal:
        yield
        return
    with err.status(_line((f"{what} …", ""))):
        yield


def counted(things: Iterable[Thing], done: str) -> Iterator[Thing]:
    """Yield the items, and show on a terminal how many are done. The count is removed afterwards."""
    if not sys.stderr.isatty():
        yield from things
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(f"{{task.completed}} {done}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(things, total=None)


def _line(*parts: Styled) -> Text:
    """Return a line of styled parts that is printable as a whole."""
    line = Text.assemble(*((printable(text), style) for text, style in parts))
    safe = printable_line(line.plain)
    return line if safe == line.plain else Text(safe)


def _cell(value: object) -> str:
    return "-" if value in (None, "") else printable(value)


def _data(text: str) -> str:
    """Return a printable string, escaped as https://github.com/actions/toolkit does it."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
