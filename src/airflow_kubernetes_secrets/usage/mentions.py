"""The places in the code of one file that name a connection or variable."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence, Set
from functools import cached_property, partial
from sys import stdlib_module_names
from typing import TypeGuard

from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.called_functions import CalledFunctions, is_expanded
from airflow_kubernetes_secrets.usage.dotted_names import dotted, is_airflow
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.mention import Mention
from airflow_kubernetes_secrets.usage.signatures import (
    ENDS_OF_ARGUMENTS,
    Signatures,
    defaults_of,
    names_connection,
    names_list_of_connections,
)
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Call, Syntax
from airflow_kubernetes_secrets.usage.task_context import TaskContext
from airflow_kubernetes_secrets.usage.templates import UNKNOWN, uses_in_template

# The functions of Airflow that read an entry. The first argument is the id, and the second a default.
_READERS = {
    "Connection.async_get": Kind.CONNECTION,
    "Connection.get": Kind.CONNECTION,
    "Connection.get_connection_from_secrets": Kind.CONNECTION,
    "Variable.get": Kind.VARIABLE,
    "Variable.get_variable_from_secrets": Kind.VARIABLE,
    "Variable.setdefault": Kind.VARIABLE,
}
# The methods of hooks that read the connection with the id in their first argument.
_HOOK_READERS = ("get_connection", "aget_connection", "get_connections", "get_hook", "aget_hook")

# The ends of the names of arguments and keys with ids.
_ENDS = (*ENDS_OF_ARGUMENTS, "conn_ids", "connection_id")

# The operators of these packages take the id as this argument. For those of other packages, such as Airbyte's, it is
# the id of something else.
_CONNECTION_ID = "connection_id"
_TAKES_CONNECTION_ID = ("airflow.providers.yandex.", "cosmos.")

# The methods of a mapping that take the name of an argument, and a default for it.
_TAKES_DEFAULT = ("get", "pop", "setdefault")

# A mapping or call with this key defines a connection, so the ids in it are not uses.
_DEFINES = "conn_type"

# The attribute of a SQL hook with the id that it uses by default.
_HOOK_DEFAULT = "default_conn_name"

# The ends of the names of classes of providers that use connections, and of other names of notifiers.
_CLASSES = ("Hook", "Notifier", "Operator", "Sensor", "Trigger", "_notification")

# ObjectStoragePath("s3://aws_default@bucket/key") names a connection before the '@'.
_STORAGE_CONNECTION = re.compile(r"[\w+.-]+://(?P<id>[^/@:]+)@")


class Mentions:
    """Finds the places in one file."""

    def __init__(
        self,
        syntax: Syntax,
        strings: StringExpressions,
        called: CalledFunctions,
        context: TaskContext,
        signatures: Signatures,
    ) -> None:
        self._syntax = syntax
        self._strings = strings
        self._called = called
        self._context = context
        self._signatures = signatures

    def find(self) -> Iterator[Mention]:
        """Yield all places, in no particular order."""
        for call in self._syntax.calls:
            yield from self._in_call(call)
            if call.dotted_name and call.dotted_name[-1] in _TAKES_DEFAULT:
                yield from self._in_default(call)
        for node, frame in self._syntax.dicts:
            yield from self._in_dict(node, frame)
        for function, frame in self._syntax.functions:
            yield from _in_parameters(function, frame)
        yield from self._in_assignments()
        for key, value, frame in self._syntax.items_set:
            yield from self._in_item(key, value, frame)
        yield from self._without_call()
        yield from self._context.find()
        for text, frame in self._syntax.templates:
            yield from self._in_template(text, frame)

    def _in_assignments(self) -> Iterator[Mention]:
        """Yield the ids in constants and attributes."""
        for name, line, value, frame in self._syntax.assigned:
            # Another file may import the name, or a function may take it by position.
            if names_connection(name.lower()) or name == _HOOK_DEFAULT:
                for each in _defaults_in(value):
                    for text, _is_certain in self._strings.alternatives.read(
                        partial(self._strings.text, each, frame), conditions=True
                    ):
                        if text is not None:
                            yield Mention(Kind.CONNECTION, f"value of {name}", text, line, frame, has_default=True)

    def _in_default(self, call: Call) -> Iterator[Mention]:
        """Yield the id in ``kwargs.get("conn_id", "x")``."""
        if len(call.node.args) == 2:
            name, default = call.node.args
            argument = name.value if isinstance(name, ast.Constant) else None
            if isinstance(argument, str) and names_connection(argument):
                id = self._strings.text(default, call.frame)
                if id is not None:
                    yield Mention(Kind.CONNECTION, argument, id, default.lineno, call.frame, has_default=True)

    def _without_call(self) -> Iterator[Mention]:
        """Yield the functions that code passes on, such as ``map(Variable.get, keys)``. Their ids are computed."""
        called = {call.node.func for call in self._syntax.calls if isinstance(call.node.func, ast.Attribute)}
        for method, frame in self._syntax.methods:
            reader = None if method in called else self._reader(dotted(method), frame)
            if reader is not None and method not in self._called_by_name:
                yield Mention(*reader, None, method.lineno, frame)

    @cached_property
    def _called_by_name(self) -> Set[ast.expr]:
        """The functions of assignments such as ``get = Variable.get``, if the code only calls the name."""
        methods = {method for method, _frame in self._syntax.methods}
        names = {
            name: value
            for name, _line, value, frame in self._syntax.assigned
            if value in methods and (self._syntax.bindings.definition(name, frame) or (None,))[0] is value
        }
        if not names:
            return frozenset()
        loads = Counter(each.id for each in ast.walk(self._syntax.tree) if _is_loaded(each, names))
        calls = Counter(call.dotted_name[0] for call in self._syntax.calls if len(call.dotted_name) == 1)
        return {value for name, value in names.items() if loads[name] == calls[name] > 0}

    def _in_call(self, call: Call) -> Iterator[Mention]:
        """Yield the ids in the arguments of a call."""
        node, frame, names, keyword_names = call
        defines = _DEFINES in keyword_names and "task_id" not in keyword_names
        if keyword_names and not defines and not (names and names[-1] == "Connection"):
            yield from self._in_keywords(call)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _HOOK_READERS:
            if node.args and self._is_hook(node.func.value, frame):
                how = ".".join(names[-2:]) or node.func.attr
                id, is_guarded = node.args[0], node in self._syntax.guarded
                yield Mention(Kind.CONNECTION, how, id, id.lineno, frame, has_default=is_guarded)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            yield from self._in_base_constructor(call)
        elif (reader := self._reader(names, frame)) is not None:
            yield from _in_reader(*reader, node, frame, is_guarded=node in self._syntax.guarded)
        elif is_airflow(path := self._syntax.bindings.imported(names, frame)):
            yield from self._in_airflow_call(node, path, frame)
        elif names and names[-1].endswith("Hook") and self._may_take_id(node, frame):
            # By convention, hooks take the connection first. It is only certain for a SQL hook of this file.
            value = node.args[0] if names[-1] in self._sql_hooks else None
            yield Mention(Kind.CONNECTION, names[-1], value, node.lineno, frame)

    def _in_keywords(self, call: Call) -> Iterator[Mention]:
        """Yield the ids in keyword arguments. A task that is expanded has one of each element."""
        for keyword in call.node.keywords:
            if keyword.arg is None or not keyword.arg.endswith(_ENDS):
                continue
            if names_list_of_connections(keyword.arg):
                yield from self._in_list(keyword.arg, keyword.value, call.frame)
            elif names_connection(keyword.arg) or (keyword.arg == _CONNECTION_ID and self._takes_connection_id(call)):
                found = self._strings.elements(keyword.value, call.frame) if is_expanded(call.node) else None
                for each, where in found or [(keyword.value, call.frame)]:
                    if _can_be_id(each):
                        id = each if where is call.frame else self._strings.with_references(each, where)
                        yield Mention(Kind.CONNECTION, keyword.arg, id, each.lineno, call.frame)

    def _takes_connection_id(self, call: Call) -> bool:
        """Return whether ``connection_id`` of a called operator is the id of a connection of Airflow."""
        return self._syntax.bindings.imported(call.dotted_name, call.frame).startswith(_TAKES_CONNECTION_ID)

    def _in_list(self, name: str, value: ast.expr, frame: Frame) -> Iterator[Mention]:
        """Yield the ids in a list of connections, such as ``fallback_conn_ids=["a", "b"]``."""
        found = self._strings.elements(value, frame)
        if found is None and _can_be_id(value) and not _is_empty(value):
            yield Mention(Kind.CONNECTION, name, None, value.lineno, frame)
        for each, where in found or ():
            if _can_be_id(each):
                id = each if where is frame else self._strings.with_references(each, where)
                yield Mention(Kind.CONNECTION, name, id, each.lineno, frame)

    def _may_take_id(self, call: ast.Call, frame: Frame) -> bool:
        return bool(call.args) and _can_be_id(call.args[0]) and not self._is_hook(call.args[0], frame)

    @cached_property
    def _sql_hooks(self) -> Set[str]:
        """The hooks of this file that take the connection as their only positional argument."""
        classes = {frame.node for frame in self._syntax.frames if isinstance(frame.node, ast.ClassDef)}
        return {
            node.name
            for node in classes
            if any(isinstance(name, ast.Name) and name.id == "conn_name_attr" for name in ast.walk(node))
            and not any(isinstance(each, ast.FunctionDef) and each.name == "__init__" for each in node.body)
        }

    def _reader(self, names: Sequence[str], frame: Frame) -> tuple[Kind, str] | None:
        """Return what a function of Airflow reads; ``None`` for other functions.

        The user's own module may import the class from the Airflow version that is installed.
        """
        path = self._syntax.bindings.imported(names, frame)
        function = ".".join(path.split(".")[-2:])
        owner, _, method = function.rpartition(".")
        if path.partition(".")[0] in stdlib_module_names:
            return None
        if owner.endswith("Hook") and method in _HOOK_READERS:
            return Kind.CONNECTION, function
        return (_READERS[function], function) if function in _READERS else None

    def _in_airflow_call(self, call: ast.Call, path: str, frame: Frame) -> Iterator[Mention]:
        """Yield the ids that a function or class of Airflow or a provider takes by position or by default."""
        if path.endswith(".ObjectStoragePath"):
            urls = (
                self._strings.alternatives.read(partial(self._strings.pattern, call.args[0], frame))
                if call.args
                else ()
            )
            for url, _is_certain in urls:
                if match := _STORAGE_CONNECTION.match(url):
                    identifier = None if UNKNOWN in match["id"] else match["id"]
                    yield Mention(Kind.CONNECTION, "ObjectStoragePath", identifier, call.lineno, frame)
        else:
            yield from self._by_signature(call, path, frame)

    def _by_signature(self, call: ast.Call, path: str, frame: Frame) -> Iterator[Mention]:
        """Yield the ids that a hook or operator takes by position or by default, as its source says."""
        path = path.removesuffix(".partial")
        name = path.rpartition(".")[2]
        if not name.endswith(_CLASSES):
            return
        signature = self._signatures.signature_of(path)
        if signature is None:
            # The provider is not installed here. Hooks take the connection first.
            if name.endswith("Hook") and call.args:
                yield Mention(Kind.CONNECTION, name, None, call.lineno, frame)
            return
        first = signature.first if call.args else ""
        if first and _can_be_id(call.args[0]) and not isinstance(call.args[0], ast.Starred):
            yield Mention(Kind.CONNECTION, f"{name} {first}", call.args[0], call.args[0].lineno, frame)
        given = {first, *(each.arg for each in call.keywords)}
        if None in given or any(isinstance(each, ast.Starred) for each in call.args):
            return
        for argument, default in signature.defaults.items():
            is_given = not given.isdisjoint((argument, signature.instead.get(argument, argument)))
            is_used = default is not None and not is_given
            if is_used and (name.endswith("Hook") or not self._may_be_default_argument(argument)):
                yield Mention(Kind.CONNECTION, f"default {argument} of {name}", default, call.lineno, frame)

    def _in_base_constructor(self, call: Call) -> Iterator[Mention]:
        """Yield the id in ``super().__init__("x")``, if the base class is a hook that takes it by position."""
        path = self._syntax.bindings.imported(self._called.names_in(call), call.frame)
        signature = self._signatures.signature_of(path) if is_airflow(path) else None
        # Without `super`, the object comes first.
        given = call.node.args[len(call.dotted_name) > 0 :][:1]
        if signature is not None and signature.first:
            how = f"{path.rpartition('.')[2]} {signature.first}"
            for each in given:
                if _can_be_id(each) and not isinstance(each, ast.Starred):
                    yield Mention(Kind.CONNECTION, how, each, each.lineno, call.frame)

    @cached_property
    def default_arguments(self) -> Set[str] | None:
        """The arguments that ``default_args`` of a DAG in this file may set; ``None`` if they may set any argument."""
        found = {key.value for node, _frame in self._syntax.dicts for key in node.keys if isinstance(key, ast.Constant)}
        for call in self._syntax.calls:
            is_mapping = call.dotted_name[-1:] == ["dict"]
            if not is_mapping and "default_args" not in call.keyword_names:
                continue
            for keyword in call.node.keywords:
                if is_mapping and keyword.arg is not None:
                    found.add(keyword.arg)
                elif keyword.arg == "default_args":
                    value = self._syntax.bindings.value(keyword.value, call.frame)
                    if not isinstance(value, ast.Dict) or None in value.keys:
                        return None
        return {each for each in found if isinstance(each, str)}

    def _may_be_default_argument(self, argument: str) -> bool:
        return self.default_arguments is None or argument in self.default_arguments

    def _is_hook(self, node: ast.expr, frame: Frame) -> bool:
        """Return whether an expression is a hook, judging by its name."""
        if isinstance(node, ast.Call):
            names = dotted(node.func)
            if names == ["super"]:
                return _is_in_hook(frame)
        else:
            names = dotted(node)
        if names in (["self"], ["cls"]):
            return _is_in_hook(frame)
        if self._syntax.bindings.imported(names, frame).endswith("Hook"):
            return True
        return bool(names) and names[-1].lower().endswith("hook")

    def _in_dict(self, node: ast.Dict, frame: Frame) -> Iterator[Mention]:
        """Yield the ids in a mapping, such as ``default_args`` or arguments of a task."""
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if _DEFINES in keys:
            return
        for key, value in zip(keys, node.values, strict=True):
            # Most keys do not name a connection, and a generator for each would take long.
            if isinstance(key, str) and key.endswith(_ENDS):
                yield from self._in_item(key, value, frame)

    def _in_item(self, key: str, value: ast.expr, frame: Frame) -> Iterator[Mention]:
        """Yield the ids that an item of a mapping has."""
        if names_list_of_connections(key):
            yield from self._in_list(key, value, frame)
        elif names_connection(key) and _can_be_id(value):
            yield Mention(Kind.CONNECTION, key, value, value.lineno, frame)

    def _in_template(self, node: ast.expr, frame: Frame) -> Iterator[Mention]:
        is_one_line = node.lineno == node.end_lineno or not isinstance(node, ast.Constant)
        for text, _is_certain in self._strings.alternatives.read(partial(self._strings.template, node, frame)):
            for each in uses_in_template(text):
                line = node.lineno + (0 if is_one_line else each.line)
                yield Mention(each.kind, each.how, each.id, line, frame, each.has_default)


def _in_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Iterator[Mention]:
    """Yield the ids that are defaults of parameters. Whether one is used depends on the callers."""
    for name, default in defaults_of(function):
        if default is not None and names_connection(name) and _can_be_id(default):
            how = f"default of {name} in {function.name}"
            if function.name == "__init__" and isinstance(frame.node, ast.ClassDef):
                how = f"default of {name} in {frame.node.name}"
            yield Mention(Kind.CONNECTION, how, default, default.lineno, frame, has_default=True)


def _in_reader(kind: Kind, function: str, call: ast.Call, frame: Frame, *, is_guarded: bool) -> Iterator[Mention]:
    """Yield the id that a function reads.

    Args:
        is_guarded: whether the code continues if the entry does not exist.
    """
    keywords = {each.arg: each.value for each in call.keywords}
    mapping = keywords.pop(None, None)
    if isinstance(mapping, ast.Dict):
        names = (each.value if isinstance(each, ast.Constant) else None for each in mapping.keys)
        keywords |= {name: value for name, value in zip(names, mapping.values, strict=True) if isinstance(name, str)}
    key = call.args[0] if call.args else keywords.get("key")
    if key is not None:
        has_default = is_guarded or len(call.args) > 1 or bool(keywords.keys() & {"default", "default_var"})
        yield Mention(kind, function, key, key.lineno, frame, has_default)
    elif mapping is not None:
        yield Mention(kind, function, None, call.lineno, frame)


def _defaults_in(value: ast.expr) -> Sequence[ast.expr]:
    """Return the default in ``field(default="a")``; the expression itself if it is another one."""
    keywords = value.keywords if isinstance(value, ast.Call) else []
    return [each.value for each in keywords if each.arg == "default"] or [value]


def _is_loaded(node: ast.AST, names: Container[str]) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names


def _can_be_id(node: ast.expr) -> bool:
    """Return whether an expression can be an id. ``None`` and numbers cannot."""
    return not isinstance(node, ast.Constant) or isinstance(node.value, str)


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, (ast.List, ast.Tuple)) and not node.elts


def _is_in_hook(frame: Frame) -> bool:
    """Return whether code is in the class of a hook."""
    classes = (each.node for each in frame.outwards() if isinstance(each.node, ast.ClassDef))
    return any((dotted(base) or [""])[-1].endswith("Hook") for node in classes for base in node.bases)
