"""How results are shown: tables with colour on a terminal, plain columns in a pipe, JSON and YAML for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A pipe has no width; what reads it may need whole cells.
_WIDEST = 10_000


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the command end as others do when nobody reads what they print."""
        raise BrokenPipeError


def console() -> Console:
    """Standard output, with colour on a terminal unless ``NO_COLOR`` is set. Nothing in a text is taken for markup."""
    width = None if sys.stdout.isatty() else _WIDEST
    return _Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def print_grid(rows: Sequence[tuple[str, Text]]) -> None:
    """Print titles, and what belongs to each beside it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for title, text in rows:
        grid.add_row(title, text)
    out = console()
    with out.capture() as captured:
        out.print(grid)
    # Cells are as wide as their column.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def say(line: str) -> None:
    """A line for the person, beside the result: on standard error."""
    sys.stderr.write(f"{line}\n")


def print_document(document: object, output: str) -> None:
    """Print a document for programs, as ``json`` or ``yaml``."""
    if output == "json":
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    import yaml

    yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=True)


def print_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], output: str | None) -> None:
    """Print rows as a ``table`` or ``plain``: by default what suits where it goes."""
    if output == "table" or (output is None and sys.stdout.isatty()):
        table = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column.upper(), overflow="fold")
        for row in rows:
            table.add_row(*(Text(shown(row[column])) for column in columns))
        console().print(table)
        return
    cells = [
        [shown(column).upper() for column in columns],
        *([shown(row[column]) for column in columns] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def shown(value: object) -> str:
    """A cell: one line, with what a terminal would obey made visible."""
    text = "-" if value in (None, "") else str(value)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """While something takes long, say so on a terminal; nothing of it stays there."""
    err = Console(stderr=True, markup=False, highlight=False)
    if not err.is_terminal:
        yield
        return
    with err.status(Text(f"{what} …")):
        yield
