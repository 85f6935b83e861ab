"""The ids that the code of a task reads from its context, as in ``context["conn"].get("x")``."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.called_functions import CALLABLE, CalledFunctions
from airflow_kubernetes_secrets.usage.dotted_names import dotted, is_airflow
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.mention import Mention
from airflow_kubernetes_secrets.usage.passed_values import PassedValues
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Call, ContextItem, Syntax

# The parameters of the function of a task that Airflow passes if they are not passed.
_CONTEXT_KEYS = ("conn", "var")


class TaskContext:
    """Finds the places in one file that read the context of a task."""

    def __init__(
        self, syntax: Syntax, strings: StringExpressions, called: CalledFunctions, passed: PassedValues
    ) -> None:
        self._syntax = syntax
        self._strings = strings
        self._called = called
        self._passed = passed

    def find(self) -> Iterator[Mention]:
        """Yield the ids in ``context["var"]["value"].get("x")`` and ``context["conn"].get("x")``."""
        found = [each for each in self._syntax.context_items if _is_context(each.owner, each.frame)]
        found += self._context_parameters()
        if not found:
            return
        parents = {child: node for node in ast.walk(self._syntax.tree) for child in ast.iter_child_nodes(node)}
        for node, _owner, name, frame in found:
            kind, how = (Kind.CONNECTION if name == "conn" else Kind.VARIABLE), name
            member, key, has_default = _member(node, parents)
            if kind is Kind.VARIABLE and (part := self._strings.text(key, frame)) is not None:
                how = f"var.{part}"
                member, key, has_default = _member(member, parents)
            yield Mention(kind, f"context {how}", key, node.lineno, frame, has_default)

    def _context_parameters(self) -> Iterator[ContextItem]:
        """Yield where the function of a task reads its parameter ``conn`` or ``var``, which Airflow passes to it."""
        for frame in self._syntax.frames:
            function = frame.node
            if frame.names is None or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            parameters = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
            from_airflow = {name for name in _CONTEXT_KEYS if name in parameters}
            if from_airflow and (passed := self._passed_to_task(function)) is not None:
                bindings = self._syntax.bindings
                from_airflow -= {
                    name
                    for name in from_airflow
                    if name in passed
                    or bindings.is_set_again(name, frame)
                    or bindings.definition(name, frame) is not None
                }
                for each in ast.walk(function):
                    if isinstance(each, ast.Name) and each.id in from_airflow:
                        yield ContextItem(each, each, each.id, frame)

    def _passed_to_task(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Set[str] | None:
        """Return the parameters that calls pass to the function of a task; ``None`` if no task has the function."""
        is_task = any(self._is_task_decorator(each) for each in function.decorator_list)
        passed: set[str] = set()
        for call in self._calls_by_name[function.name]:
            is_task = is_task or CALLABLE in call.keyword_names
            for each in self._passed.passed(call):
                passed.update(each.named)
                passed.update(parameter.arg for parameter in function.args.args[: len(each.positional)])
        return passed if is_task else None

    @cached_property
    def _calls_by_name(self) -> Mapping[str, Sequence[Call]]:
        """The calls by the last part of the name of the function, which can be an argument of an operator."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self._syntax.calls:
            for name in list(self._called.names_in(call))[-1:]:
                found[name].append(call)
        return found

    def _is_task_decorator(self, node: ast.expr) -> bool:
        path = self._syntax.bindings.imported(dotted(node.func if isinstance(node, ast.Call) else node))
        return is_airflow(path) and "task" in path.split(".")[-2:]


def _is_context(node: ast.expr, frame: Frame) -> bool:
    """Return whether an expression is the context of a task, judging by its name."""
    if isinstance(node, ast.Call):
        return (dotted(node.func) or [""])[-1] in ("get_current_context", "get_template_context")
    if not isinstance(node, ast.Name):
        return False
    functions = (
        each.node for each in frame.outwards() if isinstance(each.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    rest = {each.args.kwarg.arg for each in functions if each.args.kwarg is not None}
    return node.id in rest or node.id in ("context", "ctx")


def _member(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> tuple[ast.AST, ast.expr | None, bool]:
    """Return the expression ``a.x``, ``a["x"]`` or ``a.get("x")`` around ``a``; the name; and whether it has a default.

    The name is ``None`` if it is computed.
    """
    outer = parents[node]
    if isinstance(outer, ast.Subscript) and outer.value is node:
        return outer, outer.slice, False
    if not isinstance(outer, ast.Attribute):
        return node, None, False
    call = parents[outer]
    if outer.attr == "get" and isinstance(call, ast.Call) and call.func is outer:
        return call, call.args[0] if call.args else None, len(call.args) + len(call.keywords) > 1
    return outer, ast.copy_location(ast.Constant(outer.attr), outer), False
