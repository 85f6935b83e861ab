"""The values that the calls in a Python file pass as the parameters of its functions, without running it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache, cached_property
from itertools import chain, cycle, takewhile

from airflow_kubernetes_secrets.usage.signatures import defaults_of
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Call, Frame, Syntax, dotted


class PassedValues:
    """The values of the parameters of one file's functions."""

    def __init__(self, syntax: Syntax, strings: StringExpressions) -> None:
        self._syntax = syntax
        self._strings = strings
        self._bases_of = cache(self._find_bases_of)

    def of(self, name: str, frame: Frame) -> Iterator[tuple[ast.expr | str, int, Frame]]:
        """Yield the values that calls pass as a parameter, each with its line and frame.

        If a call does not pass the parameter, its default is used.
        """
        found = next((scope for scope, names in frame.scopes() if name in names), None)
        owner = None if found is None else found.node
        if found is None or found.parent is None or not isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        positional = [each.arg for each in (*owner.args.posonlyargs, *owner.args.args)]
        if name not in positional and name not in [each.arg for each in owner.args.kwonlyargs]:
            return
        if self._syntax.is_set_again(name, frame):
            return
        default = self._strings.text(dict(defaults_of(owner))[name], found.parent)
        for call in self._calls_of.get(owner.name, ()):
            if not self._may_call(call, owner.name, found.parent):
                continue
            # The object comes first in the parameters of a method, and not in the arguments.
            given = positional[1:] if positional[:1] in (["self"], ["cls"]) else positional
            # It is unknown how many arguments `*values` passes, so it counts as all that follow.
            before = list(takewhile(lambda each: not isinstance(each, ast.Starred), call.node.args))
            values = chain(before, cycle(call.node.args[len(before) :][:1]))
            arguments: dict[str, ast.expr] = dict(zip(given, values, strict=False))
            arguments |= {each.arg: each.value for each in call.node.keywords if each.arg is not None}
            if name in arguments:
                value = arguments[name]
                yield value, value.lineno, call.frame
            elif default is not None and not _may_pass_more(call.node):
                yield default, call.node.lineno, call.frame

    def _may_call(self, call: Call, name: str, where: Frame) -> bool:
        """Return whether a call calls a function of this file, and not one of another object or function.

        Args:
            where: the frame in which the function is defined.
        """
        class_name = where.node.name if isinstance(where.node, ast.ClassDef) else ""
        if not class_name or len(call.names) == 1:
            scope = next((names for _scope, names in call.frame.scopes() if name in names), None)
            return not class_name and len(call.names) == 1 and scope is where.scope
        owner = call.names[-2]
        if owner in ("self", "cls"):
            return self._may_inherit(call.frame, name, where)
        if owner == class_name:
            return True
        made = self._syntax.value(ast.Name(call.names[0]), call.frame) if len(call.names) == 2 else None
        return isinstance(made, ast.Call) and dotted(made.func)[-1:] == [class_name]

    def _may_inherit(self, frame: Frame, name: str, where: Frame) -> bool:
        """Return whether ``self.name`` in a frame can be the method that the class of another frame defines."""
        around = next((each for each in frame.outwards() if isinstance(each.node, ast.ClassDef)), None)
        if around is None or around is where:
            return around is not None
        is_overridden = name in around.scope
        return (not is_overridden and where.node in self._bases_of(around)) or around.node in self._bases_of(where)

    def _find_bases_of(self, frame: Frame) -> Set[ast.AST]:
        """Return the base classes of a class that are in this file, and their base classes."""
        found: set[ast.AST] = set()
        pending = [frame]
        while pending:
            node = pending.pop().node
            names = {(dotted(base) or [""])[-1] for base in node.bases} if isinstance(node, ast.ClassDef) else set()
            new = [each for name in names for each in self._classes_of.get(name, ()) if each.node not in found]
            found.update(each.node for each in new)
            pending += new
        return found

    @cached_property
    def _classes_of(self) -> Mapping[str, Sequence[Frame]]:
        """The classes of this file, by their names."""
        found: dict[str, list[Frame]] = defaultdict(list)
        for node, frame in self._syntax.classes.items():
            found[node.name].append(frame)
        return found

    @cached_property
    def _calls_of(self) -> Mapping[str, Sequence[Call]]:
        """The calls of each function of this file."""
        functions = {function.name for function, _frame in self._syntax.functions}
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self._syntax.calls:
            if call.names and call.names[-1] in functions:
                found[call.names[-1]].append(call)
        return found


def _may_pass_more(call: ast.Call) -> bool:
    """Return whether a call passes arguments that are only known when the code runs."""
    return any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords)
