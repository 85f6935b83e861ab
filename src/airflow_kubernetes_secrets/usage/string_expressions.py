"""The strings that the expressions of a Python file have, without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.alternatives import Alternatives
from airflow_kubernetes_secrets.usage.attributes import is_enumeration
from airflow_kubernetes_secrets.usage.bindings import DEEPEST, parameters_of
from airflow_kubernetes_secrets.usage.branches import Argument, Before, Imported, OneOf
from airflow_kubernetes_secrets.usage.definitions import Definitions
from airflow_kubernetes_secrets.usage.dotted_names import dotted, is_airflow, is_installed
from airflow_kubernetes_secrets.usage.elements import Element
from airflow_kubernetes_secrets.usage.formatting import BRACES, PERCENT, filled
from airflow_kubernetes_secrets.usage.frames import Definition, Frame, LoopVariable, names_in
from airflow_kubernetes_secrets.usage.returned_values import Returned, ReturnedValues
from airflow_kubernetes_secrets.usage.syntax import Syntax, parts_of_sum
from airflow_kubernetes_secrets.usage.templates import UNKNOWN
from airflow_kubernetes_secrets.usage.text_limits import TextLimits, TooMuchTextError

# The methods that change a string, and the longest string that they change here.
_CHANGING = frozenset(("capitalize", "lower", "removeprefix", "removesuffix", "replace", "strip", "upper"))
_LONGEST_CHANGED = 500


class FunctionInFile(NamedTuple):
    """A function, and the frame in which it is defined."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    where: Frame


class StringExpressions:
    """The expressions of one file that have a string.

    Attributes:
        functions: the functions whose parameters the strings refer to, by their lines.
        alternatives: reads an expression once for each combination of its alternatives. Without it, an expression with
            alternatives has no string.
    """

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self._bindings = syntax.bindings
        self._returned_values = ReturnedValues(syntax)
        self._limits = TextLimits()
        self.functions: dict[int, FunctionInFile] = {}
        self.alternatives = Alternatives()
        self._definitions = Definitions(syntax, self.alternatives, self._limits, self._plain)

    def text(self, node: ast.expr | None, frame: Frame) -> str | None:
        """Return the string that an expression always has; ``None`` if it is only known when the code runs."""
        text = self.with_references(node, frame)
        return None if text is None or references.has_reference(text) else references.value(text)

    def with_references(self, node: ast.expr | None, frame: Frame) -> str | None:
        """Return the string that an expression has, also if it refers to parameters or to constants of other files."""
        text = self._text_if_small(node, frame)
        return None if text is None or UNKNOWN in text else text

    def template(self, node: ast.expr, frame: Frame) -> str:
        """Return the text of a template. Parts that are only known when the code runs are :data:`UNKNOWN`."""
        return references.value(references.without_references(self._text_if_small(node, frame) or ""))

    def pattern(self, node: ast.expr, frame: Frame) -> str:
        """Return the text of an expression, with references and with :data:`UNKNOWN` parts; empty if it has none."""
        return references.value(self._text_if_small(node, frame) or "")

    def elements(self, node: ast.expr, frame: Frame) -> list[Element] | None:
        """Return the elements of a list or another iterable; ``None`` if they are only known when the code runs."""
        try:
            return self._definitions.elements(node, frame)
        except TooMuchTextError:
            return None

    def _reference(self, node: ast.expr, frame: Frame) -> str | None:
        """Return a reference to a parameter, or to an imported constant; ``None`` for any other expression.

        The path of an item is the same as that of an attribute.
        """
        keys: list[str] = []
        is_mapping = False
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            is_mapping = isinstance(node, ast.Subscript)
            key = node.attr if isinstance(node, ast.Attribute) else self.text(node.slice, frame)
            if key is None or len(keys) == DEEPEST:
                return None
            keys.append(key)
            node = node.value
        names = [node.id, *reversed(keys)] if isinstance(node, ast.Name) else []
        # An attribute of another object can have the name of a module.
        changeable = names if is_mapping else names[1:]
        if not names or not self._syntax.changed.isdisjoint(changeable):
            return None
        found = self._bindings.definition(names[0], frame)
        if found is not None and isinstance(found[0], OneOf):
            value, _where = self._definitions.in_branch(found) or (None, frame)
            return references.constant(".".join((value.path, *keys[::-1]))) if isinstance(value, Imported) else None
        if self._bindings.is_set_again(names[0], frame):
            return None
        path = self._bindings.imported(names, frame)
        if path:
            return None if is_installed(path.partition(".")[0]) else references.constant(path)
        return None if keys else self._parameter(names[0], frame)

    def _parameter(self, name: str, frame: Frame) -> str | None:
        """Return a reference to a parameter of a function; ``None`` for any other name."""
        function = next((scope for scope, names in frame.scopes() if name in names), None)
        node = None if function is None else function.node
        where = None if function is None else function.parent
        if where is None or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        return self.parameter(name, node, where) if name in parameters_of(node) else None

    def parameter(self, name: str, function: ast.FunctionDef | ast.AsyncFunctionDef, where: Frame) -> str:
        """Return a reference to a parameter of a function, which is defined in a frame."""
        self.functions[function.lineno] = FunctionInFile(function, where)
        return references.parameter(function.lineno, name)

    def _argument(self, node: Argument, frame: Frame, _depth: int) -> str | None:
        return self._parameter(node.name, frame)

    def _imported(self, node: Imported, _frame: Frame, _depth: int) -> str:
        return references.constant(node.path)

    def _text_if_small(self, node: ast.expr | None, frame: Frame) -> str | None:
        try:
            return self._text(node, frame, DEEPEST)
        except TooMuchTextError:
            return None

    def _text(self, node: Definition | None, frame: Frame, depth: int) -> str | None:
        if isinstance(node, ast.Constant):
            return references.literal(node.value) if isinstance(node.value, str) else None
        if not depth:
            return None
        self._limits.count("")
        if isinstance(node, ast.Name):
            found = self._bindings.definition(node.id, frame)
            if found is not None and isinstance(found[0], LoopVariable):
                found = self._definitions.element(found[0], frame, depth - 1)
                return None if found is None else self._text(*found, depth - 1)
            if found is not None and node.lineno < found[0].lineno:
                # A parameter has the argument as its value until the code sets it.
                parameter = self._parameter(node.id, frame)
                if parameter is not None:
                    return parameter
            return self._reference(node, frame) if found is None else self._text(*found, depth - 1)
        read = _READ_TEXT.get(node.__class__)
        return None if read is None else read(self, node, frame, depth - 1)

    def _plain(self, node: Definition | None, frame: Frame, depth: int) -> str | None:
        """Return the text of an expression, also if it is a member of an enumeration."""
        text = self._text(node, frame, depth)
        return None if text is None else references.value(text)

    def _operation(self, node: ast.BinOp, frame: Frame, depth: int) -> str | None:
        """Return the text of a sum, or of %-formatting."""
        if isinstance(node.op, ast.Mod):
            pattern = self._plain(node.left, frame, depth)
            read = partial(self._formatted, frame=frame, depth=depth)
            given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            return None if pattern is None else filled(PERCENT, pattern, given, {}, read=read, limits=self._limits)
        texts = [self._plain(each, frame, depth) for each in parts_of_sum(node)]
        if all(each is None for each in texts):
            return None
        return self._together(texts, "")

    def _conditional(self, node: ast.IfExp, frame: Frame, depth: int) -> str | None:
        text = self._one_of(node, [node.body, node.orelse], frame, depth)
        if text is None or not references.lines_of_functions(text):
            return text
        # In `start + name if start else name`, the arguments decide which string is used. Without the tested parameter
        # in it, it is not known.
        names = names_in(node.test) & (names_in(node.body) | names_in(node.orelse))
        tested = [self._parameter(name, frame) for name in names]
        return text if all(each is None or references.refers_to(text, each) for each in tested) else None

    def _branch(self, node: OneOf | Before, frame: Frame, depth: int) -> str | None:
        return self._text(self._definitions.value_in_branch(node), frame, depth)

    def _first_true(self, node: ast.BoolOp, frame: Frame, depth: int) -> str | None:
        """Return the text of ``a or b``."""
        return self._one_of(node, node.values, frame, depth) if isinstance(node.op, ast.Or) else None

    def _one_of(self, node: ast.expr, alternatives: Sequence[ast.expr | None], frame: Frame, depth: int) -> str | None:
        """Return the text of one of the expressions that an expression can have."""
        number = self.alternatives.choose(node, len(alternatives), is_certain=False)
        return None if number is None else self._text(alternatives[number], frame, depth)

    def _called(self, node: ast.Call, frame: Frame, depth: int) -> str | None:
        """Return the text of a method of a string, or of what a call returns, or returns by default."""
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in ("format", "join"):
            return self._method(node, func, frame, depth)
        if isinstance(func, ast.Attribute) and func.attr in _CHANGING:
            return self._changed(node, func, frame, depth)
        names = dotted(node.func)
        if names[-1:] == ["Param"] and is_airflow(self._bindings.imported(names, frame)):
            return self._one_of(node, [_argument(node, 0, "default")], frame, depth)
        if names[-1:] == ["getenv"] or (isinstance(func, ast.Attribute) and func.attr == "get"):
            return self._got(node, names, frame, depth)
        return self._returned(node, self._returned_values.of(node, frame), depth)

    def _got(self, node: ast.Call, names: Sequence[str], frame: Frame, depth: int) -> str | None:
        """Return the text of ``mapping.get(key, default)``, ``os.getenv(name, default)`` and similar calls."""
        default = _argument(node, 1, "default") or _argument(node, 1, "default_var")
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
            item = ast.Subscript(node.func.value, node.args[0], ast.Load())
            text = self._member(item, frame, depth)
            if text is not None and default is not None and not self._is_known(node.args[0], frame, depth):
                return self._one_of(node, [item, default], frame, depth)
            if text is not None:
                return text
        if not names or default is None or self._has_sections(node, names, frame):
            return None
        return self._one_of(node, [None, default], frame, depth)

    def _is_known(self, node: ast.expr, frame: Frame, depth: int) -> bool:
        text = self._plain(node, frame, depth)
        return text is not None and UNKNOWN not in text and not references.has_reference(text)

    def _returned(self, node: ast.expr, returned: Returned | None, depth: int) -> str | None:
        """Return the text that a function of this file returns to an expression."""
        if returned is None or not returned.values:
            return None
        values = returned.values
        inside = returned.inside
        is_one = len(values) == 1
        text = self._text(values[0], inside, depth) if is_one else self._one_of(node, values, inside, depth)
        if text is None or not (names := references.parameters_in(text, returned.line)):
            return text
        arguments = {name: returned.arguments[name] for name in names if name in returned.arguments}
        passed = {name: self._text(*arguments[name], depth) if name in arguments else None for name in names}
        return references.with_parameters(text, returned.line, passed)

    def _has_sections(self, node: ast.Call, names: Sequence[str], frame: Frame) -> bool:
        """Return whether a call is ``conf.get(section, option)``, in which the second argument is no default."""
        path = self._bindings.imported(names, frame)
        if any(each.arg == "fallback" for each in node.keywords) or (is_airflow(path) and names[-2:-1] == ["conf"]):
            return True
        owner = self._bindings.value(node.func.value, frame) if isinstance(node.func, ast.Attribute) else None
        return isinstance(owner, ast.Call) and dotted(owner.func)[-1:] in (["ConfigParser"], ["RawConfigParser"])

    def _method(self, node: ast.Call, func: ast.Attribute, frame: Frame, depth: int) -> str | None:
        """Return the text of ``"…".format(…)`` or ``"…".join([…])``."""
        text = self._plain(func.value, frame, depth)
        if text is None:
            return None
        if func.attr == "format":
            named = {each.arg: each.value for each in node.keywords if each.arg is not None}
            read = partial(self._formatted, frame=frame, depth=depth)
            return filled(BRACES, text, node.args, named, read=read, limits=self._limits)
        parts = node.args[0] if len(node.args) == 1 else None
        if not isinstance(parts, (ast.List, ast.Tuple)):
            return UNKNOWN
        return self._together([self._plain(each, frame, depth) for each in parts.elts], text)

    def _changed(self, node: ast.Call, func: ast.Attribute, frame: Frame, depth: int) -> str | None:
        """Return the text of ``"…".lower()`` and other methods that change a string."""
        texts = [self._plain(each, frame, depth) for each in (func.value, *node.args)]
        if node.keywords or any(
            each is None or len(each) > _LONGEST_CHANGED or UNKNOWN in each or references.has_reference(each)
            for each in texts
        ):
            return None
        try:
            changed = getattr(texts[0], func.attr)(*texts[1:])
        except TypeError:
            # The code passes the wrong number of arguments.
            return None
        return changed if isinstance(changed, str) else None

    def _formatted(self, node: ast.expr, frame: Frame, depth: int) -> str | None:
        """Return the text of an expression in an f-string, in %-formatting or in ``format``."""
        text = self._text(node, frame, depth)
        return None if text is None else references.formatted(text)

    def _member(self, node: ast.Attribute | ast.Subscript, frame: Frame, depth: int) -> str | None:
        """Return the text of an attribute of a class, of an item of a mapping, or of the value of an enumeration."""
        found = self._definitions.of(node, frame, depth)
        if found is not None:
            text = self._text(*found, depth)
            return references.member(text) if text is not None and is_enumeration(found[1].node) else text
        if isinstance(node, ast.Attribute) and node.attr == "value" and isinstance(node.value, ast.Attribute):
            text = self._plain(node.value, frame, depth)
            if text is not None and not references.has_reference(text):
                return text
        if isinstance(node, ast.Attribute) and (returned := self._returned_values.of_property(node, frame)):
            return self._returned(node, returned, depth)
        return self._reference(node, frame)

    def _together(self, texts: Sequence[str | None], between: str) -> str:
        text = between.join(UNKNOWN if each is None else each for each in texts)
        self._limits.count(text)
        return text

    def _joined(self, node: ast.JoinedStr, frame: Frame, depth: int) -> str:
        """Return the text of an f-string."""
        text = ""
        for each in node.values:
            text += self._part(each, frame, depth)
            self._limits.count(text)
        return text

    def _part(self, node: ast.expr, frame: Frame, depth: int) -> str:
        """Return one part of an f-string."""
        if isinstance(node, ast.FormattedValue):
            is_plain = node.conversion == -1 and node.format_spec is None
            text = self._formatted(node.value, frame, depth) if is_plain else None
        else:
            text = self._text(node, frame, depth)
        return UNKNOWN if text is None else text


def _argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    """Return an argument of a call by its position, or else by its name."""
    named = [each.value for each in call.keywords if each.arg == name]
    return call.args[index] if index < len(call.args) else named[0] if named else None


_READ_TEXT: Final[Mapping[type, Callable[[StringExpressions, Any, Frame, int], str | None]]] = {
    Argument: StringExpressions._argument,
    ast.Attribute: StringExpressions._member,
    Before: StringExpressions._branch,
    ast.BinOp: StringExpressions._operation,
    ast.BoolOp: StringExpressions._first_true,
    ast.Call: StringExpressions._called,
    ast.IfExp: StringExpressions._conditional,
    Imported: StringExpressions._imported,
    ast.JoinedStr: StringExpressions._joined,
    OneOf: StringExpressions._branch,
    ast.Subscript: StringExpressions._member,
}
