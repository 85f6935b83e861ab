"""The values that the calls in a Python file pass as the parameters of functions, without running it.

A value is a string, which can refer to the parameters of the function around the call, and to constants of other files.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property, partial
from itertools import chain, cycle
from typing import NamedTuple

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.dotted_names import dotted
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.signatures import defaults_of
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Call, Syntax, keywords_of, partial_call

# Dynamic task mapping, as in `load.partial(a=1).expand(b=[1, 2])` and `load.override(task_id="t")(1)`.
_PARTIAL, _EXPAND, _OVERRIDE = "partial", "expand", "override"

# The argument with the function that a task calls, and those with its arguments.
CALLABLE, _POSITIONAL, _NAMED = "python_callable", "op_args", "op_kwargs"

_CONSTRUCTORS = ("__init__", "__new__")


class Value(NamedTuple):
    """The value of an argument.

    Attributes:
        text: a string; ``None`` if it is only known when the code runs.
        line: the line of the argument.
        is_certain: whether the call always passes this string.
    """

    text: str | None
    line: int
    is_certain: bool = True


class Passed(NamedTuple):
    """The arguments of a call.

    Attributes:
        has_rest: whether the last positional argument is ``*values``.
        has_more: whether the call can pass arguments that are only known when the code runs.
    """

    positional: Sequence[Value]
    named: Mapping[str, Value]
    line: int
    has_rest: bool = False
    has_more: bool = False

    def texts(self) -> Iterator[str]:
        """Yield the strings that the call passes."""
        for each in chain(self.positional, self.named.values()):
            if each.text is not None:
                yield each.text

    def is_alternative(self) -> bool:
        """Return whether the call passes only one of several strings as one argument, of which this is one."""
        return not all(each.is_certain for each in chain(self.positional, self.named.values()))

    def has_value(self, value: Value) -> bool:
        """Return whether a value is one of the arguments, and not only equal to one."""
        return any(each is value for each in chain(self.positional, self.named.values()))

    def with_value(self, old: Value, new: Value) -> Passed:
        """Return the arguments with another value in place of one of them."""
        positional = [new if each is old else each for each in self.positional]
        return self._replace(
            positional=positional, named={name: new if each is old else each for name, each in self.named.items()}
        )

    def lines_of_functions(self) -> set[int]:
        """Return the lines of the functions whose parameters the call passes on."""
        return {line for text in self.texts() for line in references.lines_of_functions(text)}


class Function(NamedTuple):
    """A function, method or constructor of a file.

    Attributes:
        line: the line in which it is defined.
        name: its name for other files, such as ``load`` or ``Client.load``, or the name of the class for a constructor;
            empty if other files cannot import it.
        positional: its positional parameters, without ``self``.
        others: its other parameters.
        defaults: the defaults that are strings.
        is_constructor: whether it is a constructor, so that ``default_args`` of a DAG can set its parameters.
    """

    line: int
    name: str
    positional: Sequence[str]
    others: Set[str]
    defaults: Mapping[str, str]
    is_constructor: bool = False

    def values(self, passed: Passed, default_arguments: Set[str] | None) -> dict[str, Value]:
        """Return the values that a call passes. If it does not pass a parameter, its default is used.

        Args:
            default_arguments: the arguments that ``default_args`` of a DAG may set; ``None`` if they may set any.
        """
        # It is unknown how many arguments `*values` passes, so it counts as all that follow.
        rest = cycle(passed.positional[-1:] if passed.has_rest else ())
        found = dict(zip(self.positional, chain(passed.positional, rest), strict=False))
        parameters = self.others | set(self.positional)
        found |= {name: value for name, value in passed.named.items() if name in parameters}
        if passed.has_more:
            return found
        omitted = {name: Value(text, passed.line) for name, text in self.defaults.items() if name not in found}
        if self.is_constructor:
            omitted = (
                {} if default_arguments is None else {k: v for k, v in omitted.items() if k not in default_arguments}
            )
        return found | omitted


class PassedValues:
    """The functions of one file, and the values that its calls pass."""

    def __init__(self, syntax: Syntax, strings: StringExpressions) -> None:
        self._syntax = syntax
        self._strings = strings
        # The values of the last call that depend on a condition, each with its expression.
        self._conditional: list[tuple[Value, ast.expr]] = []
        # `functools.cache` of a method would be a cycle, which keeps the whole parsed file in memory.
        self._bases: dict[Frame, Set[ast.AST]] = {}

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
            is_constructor = node.name in _CONSTRUCTORS
            names = [where.node.name, *([] if is_constructor else names)]
            outside = where.parent or module
        is_importable = outside.scope is module.scope and not self._syntax.names.is_set_again(names[0], module)
        others = frozenset(each.arg for each in given.kwonlyargs)
        return Function(line, ".".join(names) if is_importable else "", positional, others, defaults, is_constructor)

    def calls_of(self, line: int) -> Iterator[tuple[Passed, Frame]]:
        """Yield the arguments of each call in this file of the function that is defined in a line."""
        node, where = self._strings.functions[line]
        found = [(node.name, where)]
        if isinstance(where.node, ast.ClassDef) and node.name in _CONSTRUCTORS:
            classes = [where, *self._classes_without_constructor(where)]
            found = [(each.node.name, each.parent or each) for each in classes if isinstance(each.node, ast.ClassDef)]
        for name, outside in found:
            for names, call in self._calls_by_name.get(name, ()):
                if self._may_call(names, call.frame, name, outside):
                    yield from ((each, call.frame) for each in self.passed(call))

    def called(self, call: Call) -> Sequence[str]:
        """Return the names in the function that a call calls, or that it has a task call; empty without names."""
        names, func = call.names, call.node.func
        if CALLABLE in call.keyword_names:
            return next(dotted(each.value) for each in call.node.keywords if each.arg == CALLABLE)
        if names and names[-1] == _PARTIAL:
            # That of a task has no effect without `expand`, and that of `functools` is a call of its argument.
            return dotted(call.node.args[0]) if call.node.args else []
        if names and names[-1] != _EXPAND:
            return names
        return _function_in(func.value if isinstance(func, ast.Attribute) and is_expanded(call.node) else func)

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
        elif call.names[-1:] == [_PARTIAL]:
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
        given = arguments[: stars[0] + 1] if stars else arguments
        named = {name: self._value(value, call.frame) for name, value in keywords if name is not None}
        has_more = bool(stars) or any(name is None for name, _value in keywords)
        return Passed([self._value(each, call.frame) for each in given], named, line, bool(stars), has_more)

    def _value(self, node: ast.expr, frame: Frame) -> Value:
        asked = self._strings.alternatives.asked
        value = Value(self._strings.with_references(node, frame), node.lineno)
        if value.text is None and self._strings.alternatives.asked != asked:
            self._conditional.append((value, node))
        return value

    def _may_call(self, names: Sequence[str], frame: Frame, name: str, where: Frame) -> bool:
        """Return whether names call a function or class of this file, and not that of another object or function.

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
        made = self._syntax.names.value(ast.Name(names[0]), frame) if len(names) == 2 else None
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
            if frame.scope.keys().isdisjoint(_CONSTRUCTORS) and base.node in self._bases_of(frame):
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
            names = self.called(call)
            if names and names[-1] in known:
                found[names[-1]].append((names, call))
        return found


def is_expanded(call: ast.Call) -> bool:
    """Return whether a call makes a task for each element of its arguments, such as ``load.expand(…)``."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == _EXPAND


def elements(node: ast.expr) -> Sequence[ast.expr]:
    """Return the elements of a list in the code; the expression itself if it is none."""
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]


def _function_in(node: ast.expr) -> Sequence[str]:
    """Return the names in a function, also in ``load.override(…)``, ``task(load)`` and ``Client().load``."""
    names = dotted(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _function_in(node.func.value) if node.func.attr in (_OVERRIDE, _PARTIAL) else []
    if isinstance(node, ast.Call):
        return dotted(node.args[0]) if dotted(node.func) == ["task"] and node.args else []
    if names or not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Call):
        return names
    made = dotted(node.value.func)
    return [*made, node.attr] if made and made[-1][:1].isupper() else []


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
