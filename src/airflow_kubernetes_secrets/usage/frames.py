"""The parts of a Python file in which names have a meaning: scopes, blocks and loops, each with the code around it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple, TypeAlias

# The names of one scope, each with the expression or class that sets it; ``None`` if there are several, or none that is
# known.
Definition: TypeAlias = ast.expr | ast.ClassDef
Names = dict[str, "Definition | None"]

Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = frozenset((ast.For, *COMPREHENSIONS))


class Frame:
    """Code that contains other code: the file, a class, a function, a block, or a call that makes a task.

    Blocks are those of ``with`` and ``for``, and those of ``if`` in a loop.

    Attributes:
        parent: the frame around it; ``None`` for the file.
        names: the names of its own scope; ``None`` if it has none.
        scope: the names of the scope that the frame belongs to.
        is_in_loop: whether its code runs during a loop. The code of a function can run after the loop around it.
    """

    __slots__ = ("is_in_loop", "names", "node", "parent", "scope")

    def __init__(self, node: ast.AST, parent: Frame | None, names: Names | None = None) -> None:
        self.node = node
        self.parent = parent
        self.names = names
        is_block_in_loop = names is None and parent is not None and parent.is_in_loop
        self.is_in_loop: bool = node.__class__ in _LOOPS or is_block_in_loop
        self.scope: Names
        if names is not None:
            self.scope = names
        else:
            self.scope = {} if parent is None else parent.scope

    def outwards(self) -> Iterator[Frame]:
        """Yield this frame and those around it, from the inside."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent

    def loops(self) -> Iterator[ast.AST]:
        """Yield the loops during which the code of this frame runs, from the inside."""
        for frame in self.outwards():
            if not frame.is_in_loop:
                return
            if frame.node.__class__ in _LOOPS:
                yield frame.node

    def is_in_condition(self) -> bool:
        """Return whether an ``if`` decides if this code runs for an element of the loop around it."""
        loop = next(self.loops(), None)
        return any(
            isinstance(each.node, ast.If) for each in takewhile(lambda each: each.node is not loop, self.outwards())
        )

    def scopes(self) -> Iterator[tuple[Frame, Names]]:
        """Yield the scopes in which Python searches a name, from the inside, each with its names."""
        is_innermost = True
        frame: Frame | None = self
        while frame is not None:
            if frame.names is not None:
                # Functions do not see the names of the class around them.
                if is_innermost or not isinstance(frame.node, ast.ClassDef):
                    yield frame, frame.names
                is_innermost = False
            frame = frame.parent


class Loop(NamedTuple):
    """How a loop or a comprehension sets a name.

    Attributes:
        node: the loop, or the comprehension.
        head: the part of it that sets the name: the loop itself, or one ``for`` of a comprehension.
        frame: the frame of what the loop goes through.
        indexes: the indexes of the name in an element: ``(1, 0)`` for ``b`` in ``for a, (b, c) in …``.
    """

    node: ast.For | Comprehension
    head: ast.For | ast.comprehension
    frame: Frame
    indexes: tuple[int, ...]


class LoopVariable(ast.expr):
    """What sets a name that only loops set: one element after the other. It is not a part of the code.

    Attributes:
        loops: the loops, by their nodes. None of them is in another one.
    """

    _fields = ()

    def __init__(self, line: int, loop: Loop) -> None:
        super().__init__()
        self.lineno = line
        self.loops: dict[ast.AST, Loop] = {loop.node: loop}

    def loop_around(self, frame: Frame) -> Loop | None:
        """Return the loop that sets the name for the code of a frame; ``None`` if the code may run after the loop."""
        return next((self.loops[each] for each in frame.loops() if each in self.loops), None)

    def add(self, other: LoopVariable, frame: Frame) -> bool:
        """Add the loops of another variable with this name; return whether its loop is separate from the others."""
        is_separate = self.loops.keys().isdisjoint(other.loops) and self.loops.keys().isdisjoint(frame.loops())
        if is_separate:
            self.loops |= other.loops
        return is_separate


def targets_of(target: ast.expr, indexes: tuple[int, ...] = ()) -> Iterator[tuple[ast.Name, tuple[int, ...]]]:
    """Yield the names in the target of a loop, each with its indexes in an element.

    The names in a target with ``*rest``, whose indexes depend on the element, are not included.
    """
    if isinstance(target, ast.Name):
        yield target, indexes
    elif isinstance(target, (ast.Tuple, ast.List)) and not any(isinstance(each, ast.Starred) for each in target.elts):
        for number, each in enumerate(target.elts):
            yield from targets_of(each, (*indexes, number))


def runs_for_each_element(loop: ast.For | Comprehension, frame: Frame) -> bool:
    """Return whether the code of a frame in a loop runs for each element."""
    if _can_skip(loop):
        return False
    for each in frame.outwards():
        if each.node is loop:
            break
        if isinstance(each.node, ast.If) and not _names_set_in(loop).isdisjoint(names_in(each.node.test)):
            return False
    return True


@lru_cache(maxsize=256)
def _can_skip(loop: ast.For | Comprehension) -> bool:
    """Return whether a loop can end early, or skip code for some elements without ``if``."""
    if not isinstance(loop, ast.For):
        return any(each.ifs for each in loop.generators)
    own = _names_set_in(loop)
    pending: list[ast.AST] = [*loop.body]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Break, ast.Continue, ast.Raise, ast.Return)):
            return True
        tests: list[ast.expr] = []
        if isinstance(node, ast.comprehension):
            tests = node.ifs
        elif isinstance(node, ast.While) or (isinstance(node, ast.IfExp) and _has_call(node)):
            tests = [node.test]
        elif isinstance(node, ast.Match):
            tests = [node.subject]
        if any(not own.isdisjoint(names_in(each)) for each in tests):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            pending += ast.iter_child_nodes(node)
    return False


@lru_cache(maxsize=256)
def _names_set_in(loop: ast.For | Comprehension) -> Set[str]:
    return {each.id for each in ast.walk(loop) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}


def names_in(node: ast.expr) -> set[str]:
    """Return the names in an expression."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _has_call(node: ast.IfExp) -> bool:
    return isinstance(node.body, ast.Call) or isinstance(node.orelse, ast.Call)
