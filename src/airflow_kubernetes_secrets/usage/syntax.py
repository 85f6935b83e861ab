"""The parts of a Python file that can name ids, each with the functions and blocks around it, found in one pass."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Final, NamedTuple

from airflow_kubernetes_secrets.usage.bindings import Bindings
from airflow_kubernetes_secrets.usage.branches import Branching, handles_missing, is_never_run, values_of
from airflow_kubernetes_secrets.usage.dotted_names import dotted, imported_paths
from airflow_kubernetes_secrets.usage.frames import (
    COMPREHENSIONS,
    Comprehension,
    Frame,
    Loop,
    Names,
    targets_of,
)
from airflow_kubernetes_secrets.usage.templates import FILE_SUFFIXES, is_template

# Airflow shows these arguments and attributes of DAGs and tasks, and does not render them as templates.
DOCUMENTATION = frozenset(("description", "doc", "doc_json", "doc_md", "doc_rst", "doc_yaml"))

# Arguments that show which DAG or task the other arguments of a call belong to.
_OF_A_TASK = frozenset(("dag", "dag_id", "group_id", "task_id"))

# Nodes without code in them, and fields that never contain code.
_WITHOUT_CODE = (ast.boolop, ast.cmpop, ast.expr_context, ast.operator, ast.unaryop, ast.type_ignore)
_FIELDS_WITHOUT_CODE = frozenset(
    ("arg", "attr", "conversion", "ctx", "decorator_list", "id", "kind", "module", "op", "ops", "type_comment")
)

# The fields of each class of nodes that can contain code. Their order decides which of two equal lines comes first.
_FIELDS: Final[Mapping[type, tuple[str, ...]]] = {
    each: tuple(name for name in each._fields if name not in _FIELDS_WITHOUT_CODE)
    for each in vars(ast).values()
    if isinstance(each, type) and issubclass(each, ast.AST) and not issubclass(each, _WITHOUT_CODE)
}


# The methods that change a mapping, a list or a set.
_CHANGES = frozenset(("add", "append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"))

# The methods that read an entry. Code can also pass them on without a call.
READING_METHODS = frozenset(
    (
        "aget_connection",
        "aget_hook",
        "async_get",
        "get",
        "get_connection",
        "get_connection_from_secrets",
        "get_connections",
        "get_hook",
        "get_variable_from_secrets",
        "setdefault",
    )
)


class Call(NamedTuple):
    """A call.

    Attributes:
        dotted_name: the parts of the name ``a.b.c`` of the function; empty for any other expression.
        keyword_names: the names of the keyword arguments; ``None`` for ``**options``.
    """

    node: ast.Call
    frame: Frame
    dotted_name: Sequence[str]
    keyword_names: Set[str | None]


class ContextItem(NamedTuple):
    """An expression that may read ``conn`` or ``var`` of the context of a task.

    Attributes:
        owner: what may be the context.
        key: ``conn`` or ``var``.
    """

    node: ast.expr
    owner: ast.expr
    key: str
    frame: Frame


class Syntax:
    """A parsed file.

    Attributes:
        frames: all frames; the file is the first.
        bindings: what sets the names.
        calls: the calls.
        dicts, functions: the mappings and functions, each with its frame.
        assigned: the names and attributes that assignments set, each with its line, value and frame.
        methods: the names of methods that read an entry, such as ``Variable.get``, each with its frame.
        context_items: the expressions that may read ``conn`` or ``var`` of a task's context.
        templates: the strings that may be templates with connections or variables, each with its frame.
        file_names: the strings that may name files with templates, each with its line and frame.
        items_set: the items that assignments such as ``args["conn_id"] = "x"`` set, each with its key, value and frame.
        classes: the classes, each with the frame of the code in it.
        changed: the names of mappings that code changes, and of attributes that it sets.
        attributes_set: how often the code sets an attribute of this name.
        own_set: the attributes of ``self`` that assignments set, each with its value and frame.
        guarded: the calls in blocks of ``try`` and ``with suppress``, if the code continues without the entries that
            they read.
    """

    def __init__(self, text: str | bytes) -> None:
        """Parse a file.

        Raises:
            SyntaxError, ValueError, RecursionError, MemoryError: it cannot be parsed.
        """
        tree = ast.parse(text)
        self.frames = [Frame(tree, None, {})]
        self.bindings = Bindings(self.frames[0])
        self.calls: list[Call] = []
        self.dicts: list[tuple[ast.Dict, Frame]] = []
        self.functions: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Frame]] = []
        self.assigned: list[tuple[str, int, ast.expr, Frame]] = []
        self.templates: list[tuple[ast.expr, Frame]] = []
        self.file_names: list[tuple[str, int, Frame]] = []
        self.methods: list[tuple[ast.Attribute, Frame]] = []
        self.context_items: list[ContextItem] = []
        self.items_set: list[tuple[str, ast.expr, Frame]] = []
        self.tree = tree
        self.classes: dict[ast.ClassDef, Frame] = {}
        self.changed: set[str] = set()
        self.attributes_set: Counter[str] = Counter()
        self.own_set: list[tuple[str, ast.expr, Frame]] = []
        self.guarded: set[ast.Call] = set()
        self._pending: list[tuple[ast.AST, Frame]] = []
        self._handled: set[ast.AST] = set()
        self._documentation: list[ast.expr] = []
        self._walk(tree)
        self.bindings.finish()
        documentation = values_of([self.bindings.value(each, self.frames[0]) for each in self._documentation])
        no_templates = self._handled.union(*map(ast.walk, documentation))
        self.templates = [(node, frame) for node, frame in self.templates if node not in no_templates]

    def forget_names(self) -> None:
        """Forget the names of all scopes, so that the parsed file leaves memory without the garbage collector.

        The variable of a loop and the scope that contains it refer to each other.
        """
        for frame in self.frames:
            frame.scope.clear()

    def _walk(self, tree: ast.Module) -> None:
        # A loop, since recursion is slower and ends at deeply nested code. It visits millions of nodes, so it does not
        # visit those that only read a name, and calls no function for nodes without a handler.
        pending = self._pending = [(tree, self.frames[0])]
        name_class, load_class, fields_of, handler_of = ast.Name, ast.Load, _FIELDS, _HANDLERS.get
        while pending:
            node, frame = pending.pop()
            handler = handler_of(node.__class__)
            if handler is not None:
                inside = handler(self, node, frame)
                if inside is None:
                    continue
                frame = inside
            for name in fields_of[node.__class__]:
                child = getattr(node, name)
                for each in child if child.__class__ is list else (child,):
                    if each.__class__ is name_class:
                        if each.ctx.__class__ is not load_class:
                            pending.append((each, frame))
                    elif each.__class__ in fields_of:
                        pending.append((each, frame))

    def _enter(self, node: ast.AST, parent: Frame | None, names: Names | None = None) -> Frame:
        frame = Frame(node, parent, names)
        self.frames.append(frame)
        return frame

    # Each handler notes what a node contributes, and returns the frame of the nodes in it; ``None`` to skip them.

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Frame:
        self.bindings.bind(frame, node.name, None)
        self.functions.append((node, frame))
        self._decorators(node, frame)
        return self._lambda(node, frame)

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, frame: Frame) -> None:
        if node.decorator_list:
            # They belong to the function, and do not see its names.
            outside = self._enter(node, frame)
            self._pending += ((each, outside) for each in node.decorator_list)

    def _arguments(self, node: ast.arguments, frame: Frame) -> Frame:
        # Defaults do not see the names of their function either.
        return self._enter(frame.node, frame.parent) if node.defaults or node.kw_defaults else frame

    def _lambda(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, frame: Frame) -> Frame:
        given = node.args
        rest = [each for each in (given.vararg, given.kwarg) if each is not None]
        names: Names = dict.fromkeys(each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest))
        return self._enter(node, frame, names)

    def _class(self, node: ast.ClassDef, frame: Frame) -> Frame:
        self.bindings.bind(frame, node.name, node)
        self._decorators(node, frame)
        inside = self.classes[node] = self._enter(node, frame, {})
        return inside

    def _with(self, node: ast.With | ast.AsyncWith, frame: Frame) -> Frame:
        self._guard(node)
        self.bindings.bind_branches(node, frame)
        for item in node.items:
            if isinstance(item.optional_vars, ast.Name):
                self._set(item.optional_vars, item.context_expr, frame)
        return self._enter(node, frame)

    def _for(self, node: ast.For, frame: Frame) -> None:
        inside = self._enter(node, frame)
        for name, indexes in targets_of(node.target):
            self._handled.add(name)
            self.bindings.bind_loop_variable(name, frame, Loop(node, node, frame, indexes))
        self._pending += ((each, frame) for each in (node.target, node.iter))
        self._pending += ((each, inside) for each in node.body)
        self._pending += ((each, frame) for each in node.orelse)

    def _comprehension(self, node: Comprehension, frame: Frame) -> None:
        inside = self._enter(node, frame, {})
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._pending += ((each, inside) for each in parts)
        # Python evaluates the first iterable outside.
        outside = frame
        for head in node.generators:
            for name, indexes in targets_of(head.target):
                self._handled.add(name)
                self.bindings.bind_loop_variable(name, inside, Loop(node, head, outside, indexes))
            self._pending += ((head.target, inside), (head.iter, outside))
            self._pending += ((each, inside) for each in head.ifs)
            outside = inside

    def _assign(self, node: ast.Assign, frame: Frame) -> Frame:
        for target in node.targets:
            self._set(target, node.value, frame)
        return frame

    def _assign_one(self, node: ast.AnnAssign | ast.NamedExpr, frame: Frame) -> Frame:
        if node.value is None:
            self._handled.add(node.target)
        else:
            outside = frame
            # `:=` in a comprehension sets a name outside.
            while isinstance(outside.node, COMPREHENSIONS) and outside.parent is not None:
                outside = outside.parent
            self._set(node.target, node.value, outside)
        return frame

    def _set(self, target: ast.expr, value: ast.expr, frame: Frame) -> None:
        if isinstance(target, ast.Name):
            self._handled.add(target)
            self.assigned.append((target.id, target.lineno, value, frame))
            self.bindings.assign(target, value, frame)
        elif isinstance(target, ast.Attribute):
            self.assigned.append((target.attr, target.lineno, value, frame))
            if isinstance(target.value, ast.Name) and target.value.id == "self":
                self.own_set.append((target.attr, value, frame))
            if target.attr in DOCUMENTATION:
                self._documentation.append(value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            # A target with `*rest` is not read, and neither is a value that is not written as elements.
            values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            if len(values) == len(target.elts) and not any(isinstance(e, ast.Starred) for e in (*values, *target.elts)):
                for each, its_value in zip(target.elts, values, strict=True):
                    self._set(each, its_value, frame)
        elif isinstance(target, ast.Subscript):
            key = target.slice.value if isinstance(target.slice, ast.Constant) else None
            if isinstance(key, str):
                self.items_set.append((key, value, frame))

    def _try(self, node: ast.Try, frame: Frame) -> Frame:
        self._guard(node)
        return self._branching(node, frame)

    def _guard(self, node: ast.Try | ast.With | ast.AsyncWith) -> None:
        """Note the calls in a block if the code continues without the entries that they read."""
        if handles_missing(node):
            self.guarded.update(call for each in node.body for call in ast.walk(each) if isinstance(call, ast.Call))

    def _name(self, node: ast.Name, frame: Frame) -> None:
        if not isinstance(node.ctx, ast.Load) and node not in self._handled:
            self.bindings.bind(frame, node.id, None)

    def _named(self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar, frame: Frame) -> Frame:
        if node.name is not None:
            self.bindings.bind(frame, node.name, None)
        return frame

    def _rest(self, node: ast.MatchMapping, frame: Frame) -> Frame:
        if node.rest is not None:
            self.bindings.bind(frame, node.rest, None)
        return frame

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Frame:
        if not isinstance(node.ctx, ast.Load):
            self.changed.add(node.attr)
            self.attributes_set[node.attr] += 1
        elif node.attr in READING_METHODS:
            self.methods.append((node, frame))
        return frame

    def _subscript(self, node: ast.Subscript, frame: Frame) -> Frame:
        if key := context_key([node.slice]):
            self.context_items.append(ContextItem(node, node.value, key, frame))
        if not isinstance(node.ctx, ast.Load):
            self._change(node.value)
        return frame

    def _change(self, node: ast.expr) -> None:
        """Note that code changes a mapping, or a mapping in it."""
        while isinstance(node, ast.Subscript):
            node = node.value
        self.changed.update(dotted(node)[-1:])

    def _operator(self, node: ast.BinOp, frame: Frame) -> Frame:
        if node not in self._handled and isinstance(node.op, (ast.Add, ast.Mod)):
            parts = parts_of_sum(node) if isinstance(node.op, ast.Add) else [node.left]
            self._joined_templates(node, parts, frame)
            # The sums in a sum have no other parts. If each were read again, long sums would take too long.
            inner: ast.expr = node
            while isinstance(inner, ast.BinOp):
                inner = inner.left
                self._handled.add(inner)
        return frame

    def _joined_templates(self, node: ast.expr, parts: Sequence[ast.expr], frame: Frame) -> None:
        """Note an expression whose parts are one template. None of these parts is a template of its own."""
        if any(isinstance(each, (ast.BinOp, ast.JoinedStr)) or _has_brace(each) for each in parts):
            self.templates.append((node, frame))
            self._handled.update(parts)

    def _global(self, node: ast.Global | ast.Nonlocal, frame: Frame) -> None:
        self.bindings.share(node.names, frame)

    def _import(self, node: ast.Import, frame: Frame) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            self.bindings.bind_import(alias, alias.asname or first, alias.name if alias.asname else first, frame)

    def _import_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        for alias, path in imported_paths(node):
            if alias.name != "*":
                self.bindings.bind_import(alias, alias.asname or alias.name, path, frame)
            else:
                self.bindings.bind_star("." * node.level + (node.module or ""), frame, node.lineno)

    def _statement(self, node: ast.Expr, frame: Frame) -> Frame | None:
        # A string alone is a docstring or a comment.
        return None if isinstance(node.value, ast.Constant) else frame

    def _if(self, node: ast.If, frame: Frame) -> Frame | None:
        if is_never_run(node.test):
            self._pending += ((each, frame) for each in node.orelse)
            return None
        self.bindings.bind_branches(node, frame)
        return self._enter(node, frame) if frame.is_in_loop else frame

    def _branching(self, node: Branching, frame: Frame) -> Frame:
        self.bindings.bind_branches(node, frame)
        return frame

    def _call(self, node: ast.Call, frame: Frame) -> Frame:
        names = dotted(node.func)
        given = {each.arg for each in node.keywords}
        inner = partial_call(node)
        all_given = given if inner is None else given.union(each.arg for each in inner.keywords)
        if not all_given.isdisjoint(DOCUMENTATION):
            self._documentation += (each.value for each in node.keywords if each.arg in DOCUMENTATION)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join"):
            given_list = node.args[0] if len(node.args) == 1 else None
            elements = given_list.elts if isinstance(given_list, (ast.List, ast.Tuple)) else None
            if node.func.attr == "format" or elements is not None:
                joined = elements if elements is not None and node.func.attr == "join" else []
                self._joined_templates(node, [node.func.value, *joined], frame)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            self._change(node.func.value)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "get" and (key := context_key(node.args)):
            self.context_items.append(ContextItem(node, node.func.value, key, frame))
        makes_task = not all_given.isdisjoint(_OF_A_TASK) or (names and names[-1] in ("DAG", "TaskGroup"))
        inside = self._enter(node, frame) if makes_task else frame
        self.calls.append(Call(node, inside, names, given))
        return inside

    def _dict(self, node: ast.Dict, frame: Frame) -> Frame:
        self.dicts.append((node, frame))
        return frame

    def _constant(self, node: ast.Constant, frame: Frame) -> None:
        if not isinstance(node.value, str):
            return
        if is_template(node.value):
            if node not in self._handled:
                self.templates.append((node, frame))
        elif node.value.endswith(FILE_SUFFIXES):
            self.file_names.append((node.value, node.lineno, frame))

    def _f_string(self, node: ast.JoinedStr, frame: Frame) -> Frame:
        self._handled.update(node.values)
        if node not in self._handled:
            self.templates.append((node, frame))
        return frame


_Handler = Callable[[Syntax, Any, Frame], "Frame | None"]

_HANDLERS: Final[dict[type[ast.AST], _Handler]] = {
    ast.AnnAssign: Syntax._assign_one,
    ast.Assign: Syntax._assign,
    ast.AsyncFunctionDef: Syntax._function,
    ast.AsyncWith: Syntax._with,
    ast.Attribute: Syntax._attribute,
    ast.BinOp: Syntax._operator,
    ast.Call: Syntax._call,
    ast.ClassDef: Syntax._class,
    ast.Constant: Syntax._constant,
    ast.Dict: Syntax._dict,
    ast.DictComp: Syntax._comprehension,
    ast.ExceptHandler: Syntax._named,
    ast.Expr: Syntax._statement,
    ast.For: Syntax._for,
    ast.FunctionDef: Syntax._function,
    ast.GeneratorExp: Syntax._comprehension,
    ast.Global: Syntax._global,
    ast.If: Syntax._if,
    ast.Import: Syntax._import,
    ast.ImportFrom: Syntax._import_from,
    ast.JoinedStr: Syntax._f_string,
    ast.Lambda: Syntax._lambda,
    ast.ListComp: Syntax._comprehension,
    ast.Match: Syntax._branching,
    ast.MatchAs: Syntax._named,
    ast.MatchMapping: Syntax._rest,
    ast.MatchStar: Syntax._named,
    ast.Name: Syntax._name,
    ast.NamedExpr: Syntax._assign_one,
    ast.Nonlocal: Syntax._global,
    ast.SetComp: Syntax._comprehension,
    ast.Subscript: Syntax._subscript,
    ast.Try: Syntax._try,
    ast.With: Syntax._with,
    ast.arguments: Syntax._arguments,
}
if sys.version_info >= (3, 11):
    _HANDLERS[ast.TryStar] = Syntax._try


def parts_of_sum(node: ast.expr) -> list[ast.expr]:
    """Return ``a``, ``b`` and ``c`` of ``a + b + c``."""
    parts = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _has_brace(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "{" in node.value


def context_key(nodes: Sequence[ast.expr]) -> str:
    """Return the first of some expressions, if it is a key of a task's context with connections or variables."""
    key = nodes[0].value if nodes and isinstance(nodes[0], ast.Constant) else ""
    return key if isinstance(key, str) and key in ("conn", "var") else ""


def partial_call(call: ast.Call) -> ast.Call | None:
    """Return the call of ``partial`` if a call is ``X.partial(…).expand(…)``."""
    inner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return inner if isinstance(inner, ast.Call) else None


def keywords_of(call: ast.Call) -> list[ast.keyword]:
    """Return the keyword arguments of a call, and those of ``partial`` if it is ``X.partial(…).expand(…)``."""
    inner = partial_call(call)
    return call.keywords if inner is None else call.keywords + inner.keywords
