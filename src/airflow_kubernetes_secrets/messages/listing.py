"""Counts and lists in messages: the first items, and how many more there are.

A Secret can have thousands of keys, labels and annotations, and thousands of Secrets can have the same id. A message
that names them all is of no use, and would be built and logged again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

# The most problems of one sort that are reported for one Secret or lookup.
MOST_PROBLEMS = 5

# The most names in one list, and the most characters of one name. A key of a Secret's data has at most 253.
_MOST_NAMES = 10
LONGEST_NAME = 253

# How to see what the text of a command, or another text, omits.
SEE_JSON = "Add '--output json' to see all of them"
SEE_LIST = "'airflow-kubernetes-secrets list --output json' shows all of them"

Item = TypeVar("Item")


def number_of(count: int, word: str) -> str:
    """Return a count with its noun, such as ``1 file`` or ``2 files``.

    Args:
        word: the noun in the singular. Its plural ends with ``s``.
    """
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def quoted(name: str) -> str:
    """Return a name in quotation marks. One that is too long for a message is cut."""
    return _cut(repr(name))


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def first_names(names: Iterable[str], total: int, most: int = _MOST_NAMES) -> str:
    """Return the first names, separated by commas, and how many more there are.

    Args:
        total: how many names there are.
        most: how many of them are shown.
    """
    shown = [_cut(name) for name in islice(names, most)]
    more = total - len(shown)
    return f"{', '.join(shown)} and {more} more" if more > 0 else ", ".join(shown)


def first_texts(texts: Sequence[str], remedy: str) -> Iterator[str]:
    """Yield the first texts, and then a sentence that says how many more there are.

    Args:
        remedy: how to see all of them.
    """
    yield from texts[:MOST_PROBLEMS]
    if more := len(texts[MOST_PROBLEMS:]):
        yield more_text(more, remedy)


def more_text(more: int, remedy: str) -> str:
    """Return the sentence that so many more problems are not shown, and how to see them."""
    return f"{number_of(more, 'more problem')} of this kind {'is' if more == 1 else 'are'} not shown. {remedy}"


def first_items(items: Sequence[Item]) -> Iterator[tuple[Item, str]]:
    """Yield the first items, each with the words to append: for the last one how many more there are, else none."""
    last = min(len(items), MOST_PROBLEMS) - 1
    more = len(items) - MOST_PROBLEMS
    for position in range(last + 1):
        yield items[position], f" and {more} more" if position == last and more > 0 else ""
