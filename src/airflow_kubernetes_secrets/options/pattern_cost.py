"""The cost of a lookup pattern. Python tries every way to match, so the cost depends on the ids that it matches.

``(a+)+$`` takes minutes for thirty letters, and an id can come from any DAG. So the ways to match are counted in
advance, in the syntax tree that ``re`` makes of the pattern. The count assumes that any part can match any character.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from math import comb
from typing import Any

# Each step takes 3 to 6 ns.
_MOST_STEPS = 100_000_000

# A pattern must be fast for ids up to this length, which is that of the longest label value.
_SHORTEST_LIMIT = 63

# The most repetitions of a part that can match in several ways. Each repetition multiplies the ways.
_MOST_REPEATS = 16

_UNLIMITED = sys.maxsize


class _Cost:
    """An upper bound for the work of matching a pattern.

    Attributes:
        parts: the number of parts of the pattern, which are tried in each way.
        ways: the number of ways to match the parts that do not depend on the length of an id.
        repeats: the number of unlimited repeats, among which the characters of an id are divided.
        refers: whether the pattern refers to a group. What the group matched can be nearly all of an id, and it is
            compared in each way.
    """

    def __init__(self, parts: int = 0, ways: int = 1, repeats: int = 0, *, refers: bool = False) -> None:
        self.parts = parts
        self.ways = ways
        self.repeats = repeats
        self.refers = refers

    def steps(self, length: int) -> int:
        """Return the number of steps for an id with ``length`` characters."""
        tried = self.parts * (length if self.refers else 1)
        return tried * self.ways * comb(length + self.repeats, self.repeats)


@lru_cache(maxsize=64)
def longest_id(pattern: str) -> int:
    """Return the longest id, in characters, that is matched in less than a second; 0 if the pattern is too costly.

    Args:
        pattern: a valid regular expression.
    """
    tree = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
    cost = _cost_of(tree.parse(pattern, re.IGNORECASE), tree)
    if cost.steps(_SHORTEST_LIMIT) > _MOST_STEPS:
        return 0
    if not cost.repeats and not cost.refers:
        return _UNLIMITED
    least, most = _SHORTEST_LIMIT, _MOST_STEPS
    while least < most:
        length = (least + most + 1) // 2
        least, most = (length, most) if cost.steps(length) <= _MOST_STEPS else (least, length - 1)
    return least


def _cost_of(sequence: Iterable[Any], tree: Any) -> _Cost:
    total = _Cost()
    for operation, argument in sequence:
        name = str(operation)
        # If there are several, they are alternatives.
        inner = [_cost_of(each, tree) for each in _sequences_in(argument, tree)]
        found = _Cost(
            1 + sum(each.parts for each in inner),
            sum(each.ways for each in inner) or 1,
            max((each.repeats for each in inner), default=0),
            refers="GROUPREF" in name or any(each.refers for each in inner),
        )
        if name.endswith("_REPEAT"):
            found = _repeated(found, argument[0], argument[1], tree)
        total = _Cost(
            total.parts + found.parts,
            total.ways * found.ways,
            total.repeats + found.repeats,
            refers=total.refers or found.refers,
        )
    return total


def _repeated(cost: _Cost, least: int, most: int, tree: Any) -> _Cost:
    # Every required repetition is tried in each way.
    parts, refers = cost.parts * max(least, 1), cost.refers
    if cost.ways == 1 and not cost.repeats:
        ways, repeats = (1, 1) if most == tree.MAXREPEAT else (most - least + 1, 0)
        return _Cost(parts, ways, repeats, refers=refers)
    if most > _MOST_REPEATS:
        return _Cost(parts, _MOST_STEPS + 1)
    return _Cost(parts, cost.ways**most * (most - least + 1), cost.repeats * most, refers=refers)


def _sequences_in(argument: Any, tree: Any) -> list[Any]:
    """Return the parts of a pattern in an operation: the group, what is repeated, or each alternative."""
    if isinstance(argument, tree.SubPattern):
        return [argument]
    if isinstance(argument, (tuple, list)):
        return [found for each in argument for found in _sequences_in(each, tree)]
    return []
