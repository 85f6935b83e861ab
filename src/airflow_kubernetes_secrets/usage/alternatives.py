"""Reads an expression once for each combination of its alternatives, such as the elements of the loops around it."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TypeVar

_Value = TypeVar("_Value")

# An expression with more combinations counts as computed, and so do all expressions with alternatives after so many
# combinations in one file.
_MOST = 1_000
_MOST_IN_FILE = 50_000


class Alternatives:
    """The alternatives of the expression that is read at the moment.

    :meth:`read` calls a function that reads the expression. Wherever the expression has alternatives, the function
    calls :meth:`choose`. ``read`` repeats the call until each combination was chosen once.

    Attributes:
        choose_calls: how often :meth:`choose` was called. An expression has no alternatives if reading it did not
            change this number.
    """

    def __init__(self) -> None:
        # The number of the chosen alternative and the count of all, by key, in the order of the calls of `choose`.
        self._choices: dict[object, tuple[int, int]] | None = None
        self._with_conditions = False
        self._is_certain = True
        self._read = 0
        self.choose_calls = 0

    def read(self, read: Callable[[], _Value], *, conditions: bool = False) -> list[tuple[_Value, bool]]:
        """Return what ``read`` returns for each combination, and whether the code uses each of them.

        Args:
            conditions: whether to include alternatives of which the code uses only some.
        """
        found: list[tuple[_Value, bool]] = []
        choices: dict[object, tuple[int, int]] = {}
        self._choices = choices
        self._with_conditions = conditions
        try:
            while True:
                self._is_certain = True
                found.append((read(), self._is_certain))
                # The last alternatives change first, so that each combination occurs once.
                self._read += bool(choices)
                while choices:
                    key, (number, count) = choices.popitem()
                    if number + 1 < count:
                        choices[key] = number + 1, count
                        break
                if not choices:
                    return found
        finally:
            self._choices = None

    def choose(self, key: object, count: int, *, is_certain: bool) -> int | None:
        """Return the number of the alternative to read; ``None`` if the alternatives are not to be read.

        Args:
            key: what has the alternatives. Everything with the same key has the same alternative.
            count: the number of alternatives.
            is_certain: whether the code uses all of them.
        """
        self.choose_calls += 1
        if self._choices is None or not (is_certain or self._with_conditions):
            return None
        if key not in self._choices:
            is_late = self._read > _MOST_IN_FILE
            if is_late or not count or count * prod(each for _number, each in self._choices.values()) > _MOST:
                return None
            self._choices[key] = 0, count
        self._is_certain = self._is_certain and is_certain
        return self._choices[key][0]
