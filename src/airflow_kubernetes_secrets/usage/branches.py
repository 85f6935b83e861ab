"""The names that the branches of an ``if`` set, each with an expression that has the same values."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

# The most branches in each other, such as those of one `elif` after the other. Names in more are not read.
_DEEPEST = 20


class Before(ast.expr):
    """The value that a name has before an ``if`` that does not set it in each branch. It is not a part of the code.

    Attributes:
        value: that value; ``None`` if it is unknown.
    """

    _fields = ()

    def __init__(self) -> None:
        super().__init__()
        self.value: ast.expr | None = None


class Branches(NamedTuple):
    """How an ``if`` sets a name.

    Attributes:
        value: an expression with the same values. All names that the ``if`` sets have the same conditions in it.
        assignments: the assignments in the branches, each as the target in the code and the value.
        before: the value from before in the expression; ``None`` if each branch sets the name.
    """

    value: ast.expr
    assignments: tuple[tuple[ast.Name, ast.expr], ...]
    before: Before | None


class _TooDeepError(Exception):
    """The branches are in too many others."""


def branches_of(node: ast.If) -> tuple[Mapping[str, Branches], Collection[ast.If]]:
    """Return the names that the branches set, each by one assignment, and every further ``if`` in the branches."""
    pending = [node]
    inner: set[ast.If] = set()
    try:
        found = _set_by_if(node, {}, _DEEPEST)
    except _TooDeepError:
        return {}, inner
    while pending:
        outer = pending.pop()
        ifs = [each for each in (*outer.body, *outer.orelse) if isinstance(each, ast.If)]
        inner.update(ifs)
        pending += ifs
    return found, inner


def _set_by_if(node: ast.If, before: dict[str, Before], depth: int) -> dict[str, Branches]:
    if not depth:
        raise _TooDeepError
    body, orelse = (_set_in(branch, before, depth - 1) for branch in (node.body, node.orelse))
    found = {}
    for name in dict.fromkeys((*body, *orelse)):
        first, second = body.get(name), orelse.get(name)
        if first is None or second is None:
            unset = before.setdefault(name, Before())
            first, second = first or Branches(unset, (), unset), second or Branches(unset, (), unset)
        value = ast.IfExp(node.test, first.value, second.value, lineno=node.lineno, col_offset=node.col_offset)
        found[name] = Branches(value, first.assignments + second.assignments, first.before or second.before)
    return found


def _set_in(statements: Iterable[ast.stmt], before: dict[str, Before], depth: int) -> dict[str, Branches]:
    """Return the names that a branch sets once. Other names are read without the ``if``."""
    found: dict[str, Branches] = {}
    several: set[str] = set()
    for each in statements:
        if isinstance(each, ast.If):
            new = _set_by_if(each, before, depth)
        elif isinstance(each, (ast.Assign, ast.AnnAssign)) and each.value is not None:
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            names = [target for target in targets if isinstance(target, ast.Name)]
            new = {name.id: Branches(each.value, ((name, each.value),), None) for name in names}
        else:
            continue
        several |= found.keys() & new.keys()
        found |= new
    return {name: branches for name, branches in found.items() if name not in several}
