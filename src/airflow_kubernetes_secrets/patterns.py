"""What a lookup pattern can cost, which depends on the ids that it meets: Python goes through every way to match.

``(a+)+$`` takes minutes for thirty letters, and an id can come from anybody's DAG. So the ways are counted beforehand,
from the tree that ``re`` itself makes of the pattern, as if any part could match anything.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from math import comb
from typing import Any

# Each takes 3 to 6 ns.
_MOST_STEPS = 100_000_000

# A pattern has to be good for ids of this length: a label's value can be as long.
_SHORTEST_LIMIT = 63

# A repeat of something that can match in several ways multiplies them each time.
_MOST_REPEATS = 16

_UNLIMITED = sys.maxsize


class _Cost:
    """What matching takes at most.

    Attributes:
        parts: of the pattern, which are tried in each way.
        ways: to match the parts that do not depend on the length of an id.
        repeats: without an end, which share out the characters of an id.
        refers: to a group; what that has matched can be nearly all of an id, and is compared in each way.
    """

    def __init__(self, parts: int = 0, ways: int = 1, repeats: int = 0, *, refers: bool = False) -> None:
        self.parts = parts
        self.ways = ways
        self.repeats = repeats
        self.refers = refers

    def steps(self, length: int) -> int:
        """For an id of this length."""
        tried = self.parts * (length if self.refers else 1)
        return tried * self.ways * comb(length + self.repeats, self.repeats)


@lru_cache(maxsize=64)
def longest_id(pattern: str) -> int:
    """How many characters an id may have, so that matching takes less than a second; 0 if the pattern is too costly.

    Args:
        pattern: one that can be compiled.
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
        # Several are alternatives.
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
    # Each that there has to be is tried in each way.
    parts, refers = cost.parts * max(least, 1), cost.refers
    if cost.ways == 1 and not cost.repeats:
        ways, repeats = (1, 1) if most == tree.MAXREPEAT else (most - least + 1, 0)
        return _Cost(parts, ways, repeats, refers=refers)
    if most > _MOST_REPEATS:
        return _Cost(parts, _MOST_STEPS + 1)
    return _Cost(parts, cost.ways**most * (most - least + 1), cost.repeats * most, refers=refers)


def _sequences_in(argument: Any, tree: Any) -> list[Any]:
    """The parts of a pattern that belong to an operation: the group, what is repeated, or each alternative."""
    if isinstance(argument, tree.SubPattern):
        return [argument]
    if isinstance(argument, (tuple, list)):
        return [found for each in argument for found in _sequences_in(each, tree)]
    return []
