"""What the names, attributes, items and loop variables of a Python file are set to, without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from weakref import WeakMethod

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.alternatives import Alternatives
from airflow_kubernetes_secrets.usage.attributes import Attributes
from airflow_kubernetes_secrets.usage.bindings import DEEPEST
from airflow_kubernetes_secrets.usage.branches import Before, OneOf
from airflow_kubernetes_secrets.usage.dotted_names import dotted
from airflow_kubernetes_secrets.usage.elements import Element, ElementReader
from airflow_kubernetes_secrets.usage.frames import Definition, Frame, Loop, LoopVariable, runs_for_each_element
from airflow_kubernetes_secrets.usage.syntax import Syntax
from airflow_kubernetes_secrets.usage.templates import UNKNOWN
from airflow_kubernetes_secrets.usage.text_limits import TextLimits

# Returns the text of an expression; ``None`` if it has none.
_TextOf = Callable[[ast.expr, Frame, int], "str | None"]


class Definitions:
    """The definitions in one file. Each is returned with the frame in which the names in it are searched.

    In all methods, ``depth`` is how many names and operators are followed.
    """

    def __init__(self, syntax: Syntax, alternatives: Alternatives, limits: TextLimits, text_of: _TextOf) -> None:
        """Create the definitions.

        Args:
            alternatives: chooses one of several elements, items or branches.
            text_of: a method that returns the text of the key of an item.
        """
        self._syntax = syntax
        self._bindings = syntax.bindings
        self._attributes = Attributes(syntax)
        self._alternatives = alternatives
        self._limits = limits
        # The owner of this method owns the definitions. A cycle would keep the parsed file in memory until the garbage
        # collector runs.
        self._text_of = WeakMethod(text_of)
        # By the heads of loops.
        self._elements_of: dict[ast.AST, list[Element] | None] = {}

    def of(self, node: ast.expr, frame: Frame, depth: int) -> tuple[Definition, Frame] | None:
        """Return what a name, an attribute or an item is set to, and where names in it are searched."""
        if not depth:
            return None
        if isinstance(node, ast.Name):
            found = self.in_branch(self._bindings.definition(node.id, frame))
            if found is not None and isinstance(found[0], LoopVariable):
                return self.element(found[0], frame, depth - 1)
            if found is None or not isinstance(found[0], (ast.Name, ast.Attribute, ast.Subscript)):
                return found
            return self.of(found[0], found[1], depth - 1)
        if isinstance(node, ast.Subscript):
            return self._item(node, frame, depth - 1)
        return self._attribute(node, frame, depth) if isinstance(node, ast.Attribute) else None

    def in_branch(self, found: tuple[Definition, Frame] | None) -> tuple[Definition, Frame] | None:
        """Return what a name is set to in the branch that is read at the moment."""
        for _ in range(DEEPEST):
            if found is None or not isinstance(found[0], (OneOf, Before)):
                return found
            value = self.value_in_branch(found[0])
            found = None if value is None else (value, found[1])
        return None

    def value_in_branch(self, node: OneOf | Before) -> ast.expr | None:
        """Return the value that a name has in the branch that is read at the moment; ``None`` if it has none."""
        if isinstance(node, Before):
            return node.value
        number = self._alternatives.choose(node.statement, node.count, is_certain=False)
        return None if number is None else node.values.get(number, node.before)

    def _attribute(self, node: ast.Attribute, frame: Frame, depth: int) -> tuple[Definition, Frame] | None:
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            return self._attributes.of_self(node.attr, frame)
        owner = None if node.attr in self._syntax.changed else self._class(node.value, frame, depth - 1)
        return None if owner is None else self._attributes.of_class(node.attr, owner)

    def _class(self, node: ast.expr, frame: Frame, depth: int) -> Frame | None:
        """Return the frame of a class of this file; ``None`` for any other expression."""
        found = self.of(node, frame, depth)
        return None if found is None or not isinstance(found[0], ast.ClassDef) else self._syntax.classes.get(found[0])

    def _item(self, node: ast.Subscript, frame: Frame, depth: int) -> tuple[ast.expr, Frame] | None:
        """Return the value of a key in a mapping that no code changes, or an element of such a list."""
        owner, where = self._resolved(node.value, frame, depth) or (None, frame)
        literal = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(owner, (ast.List, ast.Tuple)):
            has_rest = any(isinstance(each, ast.Starred) for each in owner.elts)
            is_known = isinstance(literal, int) and literal < len(owner.elts) and not has_rest
            return (owner.elts[literal], where) if isinstance(literal, int) and is_known else None
        if not isinstance(owner, ast.Dict) or not all(isinstance(each, ast.Constant) for each in owner.keys):
            return None
        self._limits.count("", len(owner.keys))
        pairs = zip(owner.keys, owner.values, strict=True)
        values = {name.value: value for name, value in pairs if isinstance(name, ast.Constant)}
        if isinstance(node.slice, ast.Constant):
            return (values[literal], where) if literal in values else None
        text_of = self._text_of()
        text = None if text_of is None else text_of(node.slice, frame, depth + 1)
        key = references.without_references(text or UNKNOWN)
        if UNKNOWN not in key:
            return (values[key], where) if key in values else None
        found = [value for name, value in values.items() if isinstance(name, str) and _may_be(key, name)]
        if any(not isinstance(each, str) for each in values):
            # The key may be a number, which can be known.
            return None
        # The code reads one of the items.
        number = self._alternatives.choose((owner, ast.dump(node.slice)), len(found), is_certain=False)
        return None if number is None else (found[number], where)

    def element(self, variable: LoopVariable, frame: Frame, depth: int) -> tuple[Definition, Frame] | None:
        """Return the element that the loop around a frame sets a name to, and where names in it are searched."""
        loop = variable.loop_around(frame)
        found = None if loop is None else self._elements_of_loop(loop)
        if loop is None or not found:
            return None
        number = self._alternatives.choose(loop.head, len(found), is_certain=runs_for_each_element(loop.node, frame))
        if number is None:
            return None
        element: tuple[Definition, Frame] | None = found[number]
        for index in loop.indexes:
            element = None if element is None else self._resolved(*element, depth)
            inner = None if element is None else element[0]
            if element is None or not isinstance(inner, (ast.List, ast.Tuple)) or index >= len(inner.elts):
                return None
            element = inner.elts[index], element[1]
        return element

    def elements(self, node: ast.expr, frame: Frame) -> list[Element] | None:
        """Return the elements of a list or another iterable; ``None`` if they are only known when the code runs."""
        return ElementReader(self._resolved, self._limits).read(node, frame, DEEPEST)

    def _elements_of_loop(self, loop: Loop) -> list[Element] | None:
        if loop.head not in self._elements_of:
            calls_before = self._alternatives.choose_calls
            found = self.elements(loop.head.iter, loop.frame)
            if self._alternatives.choose_calls != calls_before:
                # Another loop decides which elements there are.
                return found
            self._elements_of[loop.head] = found
        return self._elements_of[loop.head]

    def _resolved(self, node: Definition, frame: Frame, depth: int) -> tuple[Definition, Frame] | None:
        """Return what a name, an attribute or an item is set to; any other expression is returned unchanged.

        The result is ``None`` for a list or mapping that the code changes.
        """
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return node, frame
        is_changed = not self._syntax.changed.isdisjoint(dotted(node))
        return None if is_changed else self.of(node, frame, depth)


def _may_be(text: str, string: str) -> bool:
    """Return whether a text with :data:`UNKNOWN` parts can be a string."""
    first, *others, last = text.split(UNKNOWN)
    position = len(first)
    for each in others:
        position = string.find(each, position) + len(each)
        if position < len(each):
            return False
    return string.startswith(first) and string.endswith(last) and position + len(last) <= len(string)
