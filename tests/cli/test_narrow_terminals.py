"""Output on terminals that are too narrow for it, or whose width is unknown."""

from __future__ import annotations

import re
import sys

import pytest

from support.commands import on_a_terminal

COLUMNS = [f"C{number}" for number in range(10)]
CELLS = [f"r{number}" for number in range(9)]
SENTENCE = "a sentence with a-word-of-some-length-that-is-broken"

PROGRAM = f"""
from airflow_kubernetes_secrets.cli.output import Screen, print_rows
columns = {COLUMNS!r}
print_rows(columns, [dict(zip(columns, [*{CELLS!r}, {"long" * 100!r}]))], None)
screen = Screen()
screen.print_line(({SENTENCE!r}, "bold"))
screen.print_grid([("Title", ({SENTENCE!r}, "green"))])
"""


# A program that could not find out the size of its terminal sets COLUMNS to 0.
@pytest.mark.parametrize("columns", ["0", "1", "19", "20", "59", "60", "200"])
def test_terminals_of_every_width_show_the_whole_text(columns: str) -> None:
    printed = on_a_terminal([sys.executable, "-c", PROGRAM], {"COLUMNS": columns, "TERM": "dumb"}).out

    assert set(printed.split()) >= {*COLUMNS, *CELLS, "Title"}
    without_spaces = re.sub(r"\s", "", printed)
    assert without_spaces.replace("Title", "").count(SENTENCE.replace(" ", "")) == 2
    assert without_spaces.count("long") == 100
