"""Which functions of a Python file its calls call."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import NamedTuple

from airflow_kubernetes_secrets.usage.dotted_names import dotted
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.string_expressions import FunctionInFile
from airflow_kubernetes_secrets.usage.syntax import Call, Syntax

# Dynamic task mapping, as in `load.partial(a=1).expand(b=[1, 2])` and `load.override(task_id="t")(1)`.
PARTIAL, _EXPAND, _OVERRIDE = "partial", "expand", "override"

# The argument of an operator with the function that its task calls.
CALLABLE = "python_callable"

CONSTRUCTORS = ("__init__", "__new__")


class Forwarding(NamedTuple):
    """The arguments of a subclass that reach a constructor through ``super().__init__(*args, **kwargs)``.

    Attributes:
        own: the parameters of the constructors in between. Arguments for them do not reach the constructor.
        has_positional: whether positional arguments reach the constructor.
    """

    own: Set[str]
    has_positional: bool


class CalledFunctions:
    """The calls of one file, and the functions and classes that they call."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        # `functools.cache` of a method would be a cycle, which keeps the whole parsed file in memory.
        self._bases: dict[Frame, Set[ast.AST]] = {}

    def names_in(self, call: Call) -> Sequence[str]:
        """Return the names in the function that a call calls, or that it has a task call; empty without names."""
        names, func = call.dotted_name, call.node.func
        if CALLABLE in call.keyword_names:
            return next(dotted(each.value) for each in call.node.keywords if each.arg == CALLABLE)
        if names and names[-1] == PARTIAL:
            # `functools.partial` calls its argument. `partial` of a task calls nothing until `expand`.
            return dotted(call.node.args[0]) if call.node.args else []
        if is_call_of_constructor(call):
            return names[:-1]
        if names and names[-1] != _EXPAND:
            return names
        if isinstance(func, ast.Attribute) and is_call_of_super(call):
            base = _base_of_super(call)
            return base if func.attr in CONSTRUCTORS or not base else [*base, func.attr]
        return _function_in(func.value if isinstance(func, ast.Attribute) and is_expanded(call.node) else func)

    def calls_of(self, function: FunctionInFile) -> Iterator[tuple[Call, Forwarding | None]]:
        """Yield the calls of a function, or of the class with this constructor.

        The calls of subclasses whose constructors pass all keyword arguments on to this one are included, each with the
        arguments that arrive. With any other call, ``None`` is yielded.
        """
        pending: list[tuple[FunctionInFile, Forwarding | None]] = [(function, None)]
        seen: set[ast.AST] = set()
        while pending:
            (node, where), forwarding = pending.pop()
            seen.add(node)
            found = [(node.name, where)]
            if isinstance(where.node, ast.ClassDef) and node.name in CONSTRUCTORS:
                classes = [where, *self._classes_without_constructor(where)]
                found = [
                    (each.node.name, each.parent or each) for each in classes if isinstance(each.node, ast.ClassDef)
                ]
            for name, outside in found:
                for names, call in self._calls_by_name.get(name, ()):
                    if self._may_call(names, call.frame, name, outside):
                        yield call, forwarding
                        further = None if forwarding is None else forwarding.own
                        pending += (each for each in _forwarded_by(call, further) if each[0].node not in seen)

    def _may_call(self, names: Sequence[str], frame: Frame, name: str, where: Frame) -> bool:
        """Return whether names call this function or class, and not one of another object or function with its name.

        Args:
            frame: the frame of the call.
            where: the frame in which the function is defined.
        """
        class_name = where.node.name if isinstance(where.node, ast.ClassDef) else ""
        if not class_name or len(names) == 1:
            scope = next((known for _scope, known in frame.scopes() if name in known), None)
            return not class_name and len(names) == 1 and scope is where.scope
        owner = names[-2]
        if owner in ("self", "cls"):
            return self._may_inherit(frame, name, where)
        if owner == class_name:
            return True
        made = self._syntax.bindings.value(ast.Name(names[0]), frame) if len(names) == 2 else None
        return isinstance(made, ast.Call) and dotted(made.func)[-1:] == [class_name]

    def _may_inherit(self, frame: Frame, name: str, where: Frame) -> bool:
        """Return whether ``self.name`` in a frame can be the method that the class of another frame defines."""
        around = next((each for each in frame.outwards() if isinstance(each.node, ast.ClassDef)), None)
        if around is None or around is where:
            return around is not None
        is_overridden = name in around.scope
        return (not is_overridden and where.node in self._bases_of(around)) or around.node in self._bases_of(where)

    def _classes_without_constructor(self, base: Frame) -> Iterator[Frame]:
        """Yield the classes of this file that have the constructor of another class."""
        for frame in self._syntax.classes.values():
            if frame.scope.keys().isdisjoint(CONSTRUCTORS) and base.node in self._bases_of(frame):
                yield frame

    def _bases_of(self, frame: Frame) -> Set[ast.AST]:
        """Return the base classes of a class that are in this file, and their base classes."""
        if frame in self._bases:
            return self._bases[frame]
        found: set[ast.AST] = set()
        pending = [frame]
        while pending:
            node = pending.pop().node
            names = {(dotted(base) or [""])[-1] for base in node.bases} if isinstance(node, ast.ClassDef) else set()
            new = [each for name in names for each in self._classes_of.get(name, ()) if each.node not in found]
            found.update(each.node for each in new)
            pending += new
        self._bases[frame] = found
        return found

    @cached_property
    def _classes_of(self) -> Mapping[str, Sequence[Frame]]:
        """The classes of this file, by their names."""
        found: dict[str, list[Frame]] = defaultdict(list)
        for node, frame in self._syntax.classes.items():
            found[node.name].append(frame)
        return found

    @cached_property
    def _calls_by_name(self) -> Mapping[str, Sequence[tuple[Sequence[str], Call]]]:
        """The calls of functions and classes of this file, each with the names in what it calls."""
        known = {function.name for function, _frame in self._syntax.functions}.union(self._classes_of)
        found: dict[str, list[tuple[Sequence[str], Call]]] = defaultdict(list)
        for call in self._syntax.calls:
            names = self.names_in(call)
            if names and names[-1] in known:
                found[names[-1]].append((names, call))
        return found


def is_call_of_super(call: Call) -> bool:
    """Return whether a call is ``super().method(…)``."""
    owner = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
    return isinstance(owner, ast.Call) and dotted(owner.func) == ["super"]


def is_call_of_constructor(call: Call) -> bool:
    """Return whether a call is ``Base.__init__(self, …)``, whose first argument is the object."""
    return (
        len(call.dotted_name) > 1
        and call.dotted_name[-1] in CONSTRUCTORS
        and call.dotted_name[0] not in ("self", "cls")
    )


def _base_of_super(call: Call) -> Sequence[str]:
    """Return the names in the base class whose method ``super().method(…)`` calls; empty if it is unknown."""
    node = next((each.node for each in call.frame.outwards() if isinstance(each.node, ast.ClassDef)), None)
    owner = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
    given = owner.args[:1] if isinstance(owner, ast.Call) else []
    # `super(Base, self)` calls a method of a base class of `Base`.
    if node is None or not node.bases or [dotted(each) for each in given] not in ([], [[node.name]]):
        return []
    return dotted(node.bases[0])


def _forwarded_by(call: Call, own: Set[str] | None) -> Iterator[tuple[FunctionInFile, Forwarding]]:
    """Yield the constructor that contains a call and passes its ``**kwargs`` on in it, and which arguments arrive.

    Args:
        own: if the called constructor passes its arguments on too, the parameters that it and those after it take.
    """
    function = next((scope for scope, _names in call.frame.scopes()), call.frame)
    node, where = function.node, function.parent
    if not isinstance(node, ast.FunctionDef) or node.name not in CONSTRUCTORS or where is None:
        return
    # The names in `**kwargs`.
    named = [each.value.id for each in call.node.keywords if each.arg is None and isinstance(each.value, ast.Name)]
    if node.args.kwarg is None or named != [node.args.kwarg.arg] or not isinstance(where.node, ast.ClassDef):
        return
    # The call passes the same positional arguments on if it begins with `*args`, and the constructor takes only `self`.
    rest = [each.value for each in call.node.args[:1] if isinstance(each, ast.Starred)]
    positional = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    has_same = node.args.vararg is not None and [dotted(each) for each in rest] == [[node.args.vararg.arg]]
    has_positional = has_same and len(positional) == 1 and own is None
    parameters = frozenset((*positional, *(each.arg for each in node.args.kwonlyargs)))
    yield FunctionInFile(node, where), Forwarding(parameters | (own or frozenset()), has_positional)


def is_expanded(call: ast.Call) -> bool:
    """Return whether a call makes a task for each element of its arguments, such as ``load.expand(…)``."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == _EXPAND


def _function_in(node: ast.expr) -> Sequence[str]:
    """Return the names in a function, also in ``load.override(…)``, ``task(load)`` and ``Client().load``."""
    names = dotted(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _function_in(node.func.value) if node.func.attr in (_OVERRIDE, PARTIAL) else []
    if isinstance(node, ast.Call):
        return dotted(node.args[0]) if dotted(node.func) == ["task"] and node.args else []
    if names or not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Call):
        return names
    made = dotted(node.value.func)
    return [*made, node.attr] if made and made[-1][:1].isupper() else []
