"""The values that the calls in a Python file pass as the parameters of functions, without running it.

A value is a string, which can refer to the parameters of the function around the call, and to constants of other files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import partial

from airflow_kubernetes_secrets.usage.called_functions import (
    CALLABLE,
    CONSTRUCTORS,
    PARTIAL,
    CalledFunctions,
    is_call_of_constructor,
    is_call_of_super,
    is_expanded,
)
from airflow_kubernetes_secrets.usage.calls import Function, Passed, Value
from airflow_kubernetes_secrets.usage.dotted_names import dotted
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.signatures import defaults_of
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Call, Syntax, keywords_of, partial_call

# The arguments of a task with the arguments of its function.
_POSITIONAL, _NAMED = "op_args", "op_kwargs"


class PassedValues:
    """The functions of one file, and the values that its calls pass."""

    def __init__(self, syntax: Syntax, strings: StringExpressions, called: CalledFunctions) -> None:
        self._syntax = syntax
        self._strings = strings
        self._called = called
        # The values of the last call that depend on a condition, each with its expression.
        self._conditional: list[tuple[Value, ast.expr]] = []

    def function(self, line: int) -> Function:
        """Return the function that is defined in a line. The strings of this file refer to it."""
        node, where = self._strings.functions[line]
        given, module = node.args, self._syntax.frames[0]
        positional = [each.arg for each in (*given.posonlyargs, *given.args)]
        # The object comes first in the parameters of a method, and not in the arguments.
        positional = positional[1:] if positional[:1] in (["self"], ["cls"]) else positional
        texts = {name: self._strings.text(default, where) for name, default in defaults_of(node)}
        defaults = {name: text for name, text in texts.items() if text is not None}
        names, outside, is_constructor = [node.name], where, False
        if isinstance(where.node, ast.ClassDef):
            is_constructor = node.name in CONSTRUCTORS
            names = [where.node.name, *([] if is_constructor else names)]
            outside = where.parent or module
        is_importable = outside.scope is module.scope and not self._syntax.bindings.is_set_again(names[0], module)
        others = frozenset(each.arg for each in given.kwonlyargs)
        return Function(line, ".".join(names) if is_importable else "", positional, others, defaults, is_constructor)

    def calls_of(self, line: int) -> Iterator[tuple[Passed, Frame]]:
        """Yield the arguments of each call in this file of the function that is defined in a line."""
        for call, forwarding in self._called.calls_of(self._strings.functions[line]):
            for each in self.passed(call):
                if forwarding is None:
                    yield each, call.frame
                else:
                    yield each.forwarded(forwarding.own, positional=forwarding.has_positional), call.frame

    def passed(self, call: Call) -> list[Passed]:
        """Return the arguments of a call; several, if it is in a loop, or expanded to several tasks.

        If an argument is one of several strings, the arguments with each of them follow.
        """
        self._conditional.clear()
        read = self._strings.alternatives.read
        found = [each for passed, _is_certain in read(partial(self._passed_at_once, call)) for each in passed]
        one_of_several: list[Passed] = []
        for node, value in {node: value for value, node in self._conditional}.items():
            texts = read(partial(self._strings.with_references, node, call.frame), conditions=True)
            passed = [each for each in found if each.has_value(value)][:1]
            one_of_several += (
                each.with_value(value, Value(text, value.line, is_certain=False))
                for each in passed
                for text, _is_certain in texts
                if text is not None
            )
        return found + one_of_several

    def _passed_at_once(self, call: Call) -> list[Passed]:
        node = call.node
        arguments: Sequence[ast.expr] = node.args
        keywords: Sequence[ast.keyword] = node.keywords
        if CALLABLE in call.keyword_names:
            arguments, keywords = _arguments_of_task(node)
        elif is_call_of_constructor(call):
            arguments = arguments[1:]
        elif call.dotted_name[-1:] == [PARTIAL]:
            arguments = arguments[1:]
            keywords = [*keywords, ast.keyword(None, node)]
        elif is_expanded(node):
            return self._expanded(call)
        return [self._passed(arguments, [(each.arg, each.value) for each in keywords], call)]

    def _expanded(self, call: Call) -> list[Passed]:
        """Return the arguments of a call of ``expand``, each with one element of its list."""
        inner = partial_call(call.node)
        fixed = [] if inner is None else [(each.arg, each.value) for each in inner.keywords]
        mapped = [(each.arg, elements(each.value)) for each in call.node.keywords]
        # How the elements are combined does not matter for the ids.
        count = max((len(values) for _name, values in mapped), default=1)
        return [
            self._passed(
                [], [*fixed, *((name, values[number % len(values)]) for name, values in mapped if values)], call
            )
            for number in range(count)
        ]

    def _passed(
        self, arguments: Sequence[ast.expr], keywords: Sequence[tuple[str | None, ast.expr]], call: Call
    ) -> Passed:
        line = call.node.lineno
        stars = [number for number, each in enumerate(arguments) if isinstance(each, ast.Starred)]
        has_more = bool(stars) or any(name is None for name, _value in keywords)
        is_forwarding = has_more and (is_call_of_constructor(call) or is_call_of_super(call))
        has_rest = bool(stars) and not is_forwarding
        given = arguments[: stars[0] + has_rest] if stars else arguments
        named = {name: self._value(value, call.frame) for name, value in keywords if name is not None}
        positional = [self._value(each, call.frame) for each in given]
        return Passed(positional, named, line, has_rest, has_more, is_forwarding)

    def _value(self, node: ast.expr, frame: Frame) -> Value:
        calls_before = self._strings.alternatives.choose_calls
        value = Value(self._strings.with_references(node, frame), node.lineno)
        if value.text is None and self._strings.alternatives.choose_calls != calls_before:
            self._conditional.append((value, node))
        return value


def elements(node: ast.expr) -> Sequence[ast.expr]:
    """Return the elements of a list in the code; the expression itself if it is none."""
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]


def _arguments_of_task(call: ast.Call) -> tuple[Sequence[ast.expr], Sequence[ast.keyword]]:
    """Return the arguments that a task passes to its function."""
    given = {each.arg: each.value for each in keywords_of(call)}
    arguments, keywords = given.get(_POSITIONAL), given.get(_NAMED)
    positional: Sequence[ast.expr] = []
    if arguments is not None:
        is_list = isinstance(arguments, (ast.List, ast.Tuple))
        positional = elements(arguments) if is_list else [ast.copy_location(ast.Starred(arguments), arguments)]
    if isinstance(keywords, ast.Dict):
        names = [each.value if isinstance(each, ast.Constant) else None for each in keywords.keys]
        pairs = zip(names, keywords.values, strict=True)
        return positional, [ast.keyword(name if isinstance(name, str) else None, value) for name, value in pairs]
    if isinstance(keywords, ast.Call) and dotted(keywords.func) == ["dict"]:
        return positional, keywords.keywords
    return positional, [] if keywords is None else [ast.keyword(None, keywords)]
