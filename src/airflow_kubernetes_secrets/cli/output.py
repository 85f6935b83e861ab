"""How results are shown: tables with colour on a terminal, plain columns in a pipe, JSON and YAML for programs.

Every command prints through this module, which makes each line printable; :mod:`airflow_kubernetes_secrets.printable`
says what that is.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from airflow_kubernetes_secrets.printable import printable, printable_line, printable_lines

# A pipe has no width; what reads it may need whole cells.
_WIDEST = 10_000

# One long id makes no column wider than this: each other row would get as many spaces.
_WIDEST_COLUMN = 250

_ESCAPE = "\x1b"

# A part of a line, and its style.
Styled = tuple[str, str]

Thing = TypeVar("Thing")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the command end as others do when nobody reads what they print."""
        raise BrokenPipeError


class Screen:
    """Standard output, with colour on a terminal unless ``NO_COLOR`` is set. Nothing in a text is taken for markup."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else _WIDEST
        soft_wrap = not sys.stdout.isatty()
        self._console = _Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=soft_wrap)

    def print_line(self, *parts: Styled, soft_wrap: bool | None = None) -> None:
        """Print one line.

        Args:
            soft_wrap: whether a terminal wraps it, so that it can be copied whole.
        """
        self._console.print(_line(*parts), soft_wrap=soft_wrap)

    def print_grid(self, rows: Sequence[tuple[str, Styled]]) -> None:
        """Print titles, and what belongs to each beside it, which may have several lines."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for title, (text, style) in rows:
            grid.add_row(title, Text(printable_lines(text), style=style))
        self._print(grid)

    def print_table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table; a column may have no row that says anything."""
        table = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        self._print(table)

    def _print(self, table: Table) -> None:
        with self._console.capture() as captured:
            self._console.print(table)
        for line in captured.get().splitlines():
            # Cells are as wide as their column, and a long one goes on in the next line. An escape character is this
            # package's own here, for colour.
            text = line.rstrip()
            sys.stdout.write(f"{text if _ESCAPE in text else printable_line(text)}\n")


def print_line(text: str = "") -> None:
    """Print one line, as it is on a terminal and in a pipe."""
    sys.stdout.write(f"{printable_line(text)}\n")


def say(text: str) -> None:
    """A message for the person, beside the result: on standard error."""
    sys.stderr.write(f"{printable_lines(text)}\n")


def say_traceback(error: BaseException) -> None:
    """The traceback of an error, on standard error."""
    for part in traceback.format_exception(error):
        say(part.removesuffix("\n"))


def print_annotation(command: str, properties: Mapping[str, str], text: str) -> None:
    """Print a command to a workflow of GitHub Actions; whatever is in it, it is that one.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    given = ",".join(f"{name}={_property(each)}" for name, each in properties.items())
    sys.stdout.write(f"::{command} {given}::{_data(text)}\n")


def print_document(document: object, output: str) -> None:
    """Print a document for programs, as ``json`` in ASCII or as ``yaml``. It means exactly what it holds."""
    if output == "json":
        sys.stdout.write(_printable_document(json.dumps(document, indent=2) + "\n"))
    else:
        print_documents([document])


def print_documents(documents: Sequence[object]) -> None:
    """Print documents as YAML."""
    sys.stdout.write(yaml_text(documents))


def yaml_text(documents: Sequence[object]) -> str:
    """Documents as YAML that means exactly what they hold, and in which what cannot be seen is escaped."""
    import yaml

    # Without a width, lines would be folded, and the words of a text could begin one.
    text: str = yaml.dump_all(documents, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=float("inf"))
    return _printable_document(text)


def print_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], output: str | None) -> None:
    """Print rows as a ``table`` or ``plain``: by default what suits where it goes."""
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
    """While something takes long, say so on a terminal; nothing of it stays there."""
    err = Console(stderr=True, markup=False, highlight=False)
    if not err.is_terminal:
        yield
        return
    with err.status(_line((f"{what} …", ""))):
        yield


def counted(things: Iterable[Thing], done: str) -> Iterator[Thing]:
    """With a count of what is done on a terminal; nothing of it stays there."""
    if not sys.stderr.isatty():
        yield from things
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(f"{{task.completed}} {done}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(things, total=None)


def _line(*parts: Styled) -> Text:
    """A line of styled parts, printable as a whole."""
    line = Text.assemble(*((printable(text), style) for text, style in parts))
    safe = printable_line(line.plain)
    return line if safe == line.plain else Text(safe)


def _cell(value: object) -> str:
    return "-" if value in (None, "") else printable(value)


def _data(text: str) -> str:
    """Escaped as https://github.com/actions/toolkit does it, and printable."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _printable_document(text: str) -> str:
    """Every line printable; line breaks are this package's own."""
    return "\n".join(map(printable, text.split("\n")))


@lru_cache(maxsize=1)
def _dumper() -> Any:
    import yaml

    from airflow_kubernetes_secrets.manifest_documents import is_text_for_kubectl

    class Dumper(yaml.SafeDumper):
        """Puts what is not printable into double quotes, where YAML knows the escapes of :func:`printable`.

        What kubectl would take for something else than a text gets quotation marks too: PyYAML knows fewer forms.
        """

    def represent(dumper: Dumper, text: str) -> yaml.Node:
        style = "'" if not is_text_for_kubectl(text) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style if printable_line(text) == text else '"')

    Dumper.add_representer(str, represent)
    return Dumper
