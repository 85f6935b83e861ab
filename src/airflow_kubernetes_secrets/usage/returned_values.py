"""What the functions and methods of a Python file return, without running them."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import NamedTuple

from airflow_kubernetes_secrets.usage.dotted_names import dotted
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.signatures import defaults_of
from airflow_kubernetes_secrets.usage.syntax import Syntax

# With these decorators, a call returns what the function returns.
_TRANSPARENT = frozenset(("cache", "classmethod", "lru_cache", "staticmethod"))

_PROPERTIES = ([["property"]], [["cached_property"]])


class Returned(NamedTuple):
    """What the call of a function returns.

    Attributes:
        line: the line in which the function is defined.
        values: the values; ``None`` if it may return without one. The call returns one of them, if they are known.
        inside: the frame in which names in the values are searched.
        arguments: the values of the parameters, each with the frame in which its names are searched.
    """

    line: int
    values: Sequence[ast.expr | None]
    inside: Frame
    arguments: Mapping[str, tuple[ast.expr, Frame]]


class ReturnedValues:
    """The functions of one file that return values."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self._values_of: dict[ast.FunctionDef, Sequence[ast.expr | None]] = {}

    def of(self, call: ast.Call, frame: Frame) -> Returned | None:
        """Return what a call returns; ``None`` if it is unknown which function is called, or what it returns.

        Args:
            frame: the frame of the call.
        """
        names = dotted(call.func)
        owner = self._owner(names, frame) if 1 <= len(names) <= 2 else None
        function = None if owner is None else self._functions.get((id(owner.scope), names[-1]))
        if owner is None or function is None or not _is_transparent(function):
            return None
        values = self._returned_by(function)
        arguments = self._arguments(call, frame, function, owner, is_method=len(names) > 1)
        if arguments is None:
            return None
        return Returned(function.lineno, values, self._inside[function], arguments)

    def of_property(self, node: ast.Attribute, frame: Frame) -> Returned | None:
        """Return what a property such as ``self.id`` returns; ``None`` for any other attribute."""
        names = dotted(node)
        owner = self._owner(names, frame) if names[:1] == ["self"] and len(names) == 2 else None
        function = None if owner is None else self._functions.get((id(owner.scope), node.attr))
        if function is None or [dotted(each)[-1:] for each in function.decorator_list] not in _PROPERTIES:
            return None
        return Returned(function.lineno, self._returned_by(function), self._inside[function], {})

    def _returned_by(self, function: ast.FunctionDef) -> Sequence[ast.expr | None]:
        if function not in self._values_of:
            self._values_of[function] = _returned_by(function)
        return self._values_of[function]

    def _owner(self, names: Sequence[str], frame: Frame) -> Frame | None:
        """Return the frame in which the function ``g``, ``self.g`` or ``Class.g`` is defined; ``None`` if unknown."""
        bindings = self._syntax.bindings
        if len(names) == 1:
            owner = next((scope for scope, known in frame.scopes() if names[0] in known), None)
        elif names[0] in ("self", "cls"):
            owner = next((each for each in frame.outwards() if isinstance(each.node, ast.ClassDef)), None)
        else:
            node, _where = bindings.definition(names[0], frame) or (None, frame)
            owner = self._syntax.classes.get(node) if isinstance(node, ast.ClassDef) else None
        is_ambiguous = len(names) > 1 and (names[1] in self._of_several_classes or names[1] in self._syntax.changed)
        if owner is None or is_ambiguous or bindings.is_set_again(names[-1], owner):
            return None
        return owner

    def _arguments(
        self, call: ast.Call, frame: Frame, function: ast.FunctionDef, where: Frame, *, is_method: bool
    ) -> Mapping[str, tuple[ast.expr, Frame]] | None:
        """Return the values of the parameters; ``None`` if some are only known when the code runs."""
        if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
            return None
        parameters = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        is_static = any(dotted(each)[-1:] == ["staticmethod"] for each in function.decorator_list)
        found = {name: (default, where) for name, default in defaults_of(function) if default is not None}
        found |= {
            name: (value, frame)
            for name, value in zip(parameters[is_method and not is_static :], call.args, strict=False)
        }
        return found | {each.arg: (each.value, frame) for each in call.keywords if each.arg is not None}

    @cached_property
    def _functions(self) -> Mapping[tuple[int, str], ast.FunctionDef]:
        """The functions, by the identity of the names of the scope that they are defined in."""
        functions = ((node, frame) for node, frame in self._syntax.functions if isinstance(node, ast.FunctionDef))
        return {(id(frame.scope), node.name): node for node, frame in functions}

    @cached_property
    def _inside(self) -> Mapping[ast.AST, Frame]:
        """The frames of the code in functions."""
        return {each.node: each for each in self._syntax.frames if each.names is not None}

    @cached_property
    def _of_several_classes(self) -> Set[str]:
        """The methods that several classes define. A subclass may have another one."""
        methods = (node.name for node, frame in self._syntax.functions if isinstance(frame.node, ast.ClassDef))
        return {name for name, count in Counter(methods).items() if count > 1}


def _is_transparent(function: ast.FunctionDef) -> bool:
    decorators = (each.func if isinstance(each, ast.Call) else each for each in function.decorator_list)
    return all(_TRANSPARENT.issuperset(dotted(each)[-1:] or [""]) for each in decorators)


def _returned_by(function: ast.FunctionDef) -> Sequence[ast.expr | None]:
    """Return the values that a function can return, with ``None`` if it may end without one; empty for a generator."""
    nodes = list(_own_nodes(function))
    if any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in nodes):
        return []
    found = [each.value for each in nodes if isinstance(each, ast.Return)]
    return found if not found or _always_ends(function.body) else [*found, None]


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes in a function in their order, without those of functions in it."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            pending += reversed(list(ast.iter_child_nodes(node)))


def _always_ends(body: Sequence[ast.stmt]) -> bool:
    """Return whether statements always return a value or raise an error."""
    last = body[-1] if body else None
    # The stack does not suffice for recursion over a long chain of `elif`.
    while isinstance(last, ast.If):
        if not _always_ends(last.body):
            return False
        last = last.orelse[-1] if last.orelse else None
    if isinstance(last, ast.Try):
        blocks = [last.orelse or last.body, *(each.body for each in last.handlers)]
        return _always_ends(last.finalbody) or all(map(_always_ends, blocks))
    return isinstance(last, (ast.Return, ast.Raise))
