"""Lists in texts for people: the first few, and how many more there are.

A Secret can have thousands of keys, labels and annotations, and thousands of Secrets can have one id. A text that names
them all would be of no use to anybody, and would be made and logged again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

# Problems of one kind that are reported of one Secret or lookup.
MOST_PROBLEMS = 5

# Names in one list, and characters of one of them. A key of a Secret's data has 253 at most.
_MOST_NAMES = 10
_LONGEST_NAME = 253

Item = TypeVar("Item")


def few(names: Iterable[str], total: int) -> str:
    """The first names, with commas between them, and how many more there are.

    Args:
        total: how many names there are.
    """
    shown = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in islice(names, _MOST_NAMES)]
    more = total - len(shown)
    return f"{', '.join(shown)} and {more} more" if more > 0 else ", ".join(shown)


def first(items: Sequence[Item]) -> Iterator[tuple[Item, str]]:
    """The first items, each with what to say after its name: nothing, and for the last one how many more there are."""
    last = min(len(items), MOST_PROBLEMS) - 1
    more = len(items) - MOST_PROBLEMS
    for position in range(last + 1):
        yield items[position], f" and {more} more" if position == last and more > 0 else ""
