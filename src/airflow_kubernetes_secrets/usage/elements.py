"""The elements of lists, mappings and other iterables in the code of a Python file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence

from airflow_kubernetes_secrets.usage.frames import Definition, Frame
from airflow_kubernetes_secrets.usage.text_limits import TextLimits

# These functions return the elements of their argument, in any order.
_SAME_ELEMENTS = frozenset(("list", "reversed", "set", "sorted", "tuple"))

# An element of a list, with the frame in which its names are searched.
Element = tuple[ast.expr, Frame]

# Returns what an expression is set to, with the frame in which its names are searched; ``None`` if it is unknown.
_Resolve = Callable[[Definition, Frame, int], "tuple[Definition, Frame] | None"]


class ElementReader:
    """Reads the elements of iterables. ``resolve`` finds the lists and mappings that names are set to."""

    def __init__(self, resolve: _Resolve, limits: TextLimits) -> None:
        self._resolve = resolve
        self._limits = limits

    def read(self, node: ast.expr, frame: Frame, depth: int) -> list[Element] | None:
        """Return the elements of an iterable; ``None`` if there are none, or they are only known when the code runs.

        Args:
            depth: how many names and operators are followed.
        """
        found = self._resolve(node, frame, depth) if depth else None
        if found is None:
            return None
        iterable, where = found
        if isinstance(iterable, ast.Call):
            return self._of_call(iterable, where, depth - 1)
        if isinstance(iterable, ast.BinOp) and isinstance(iterable.op, ast.Add):
            return _all(self.read(each, where, depth - 1) for each in (iterable.left, iterable.right))
        parts = _parts(iterable)
        self._limits.count("", len(parts))
        return (
            _all(
                self.read(each.value, where, depth - 1) if isinstance(each, ast.Starred) else [(each, where)]
                for each in parts
            )
            or None
        )

    def _of_call(self, node: ast.Call, frame: Frame, depth: int) -> list[Element] | None:
        """Return the elements of ``mapping.items()``, ``sorted(…)`` and other functions of Python."""
        func = node.func
        if isinstance(func, ast.Attribute):
            return None if node.args else self._of_mapping(func, frame, depth)
        name = func.id if isinstance(func, ast.Name) else ""
        is_own = any(name in names for _scope, names in frame.scopes())
        if is_own or not node.args or (name not in _SAME_ELEMENTS and name != "enumerate"):
            return None
        found = self.read(node.args[0], frame, depth)
        if found is None or name in _SAME_ELEMENTS:
            return found
        return [
            (ast.Tuple([ast.Constant(number), each], ast.Load()), where) for number, (each, where) in enumerate(found)
        ]

    def _of_mapping(self, method: ast.Attribute, frame: Frame, depth: int) -> list[Element] | None:
        """Return the elements of ``mapping.items()``, ``mapping.keys()`` or ``mapping.values()``."""
        mapping, where = self._resolve(method.value, frame, depth) or (None, frame)
        if not isinstance(mapping, ast.Dict) or None in mapping.keys:
            return None
        self._limits.count("", len(mapping.keys))
        made: Mapping[str, Callable[[ast.expr, ast.expr], ast.expr]] = {
            "items": lambda key, value: ast.Tuple([key, value], ast.Load()),
            "keys": lambda key, _value: key,
            "values": lambda _key, value: value,
        }
        keys = [each for each in mapping.keys if each is not None]
        pairs = zip(keys, mapping.values, strict=True)
        return [(made[method.attr](*pair), where) for pair in pairs] if method.attr in made else None


def _parts(iterable: Definition) -> Sequence[ast.expr]:
    """Return the elements in a list or a mapping; none for any other expression, and for a mapping with ``**other``."""
    if isinstance(iterable, (ast.List, ast.Set, ast.Tuple)):
        return iterable.elts
    keys = iterable.keys if isinstance(iterable, ast.Dict) else []
    return [] if None in keys else [each for each in keys if each is not None]


def _all(parts: Iterable[list[Element] | None]) -> list[Element] | None:
    """Return the elements of several lists; ``None`` if those of one are not known."""
    found: list[Element] = []
    for each in parts:
        if each is None:
            return None
        found += each
    return found
