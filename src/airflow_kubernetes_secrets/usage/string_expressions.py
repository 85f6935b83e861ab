"""The strings that the expressions of a Python file have, without running it."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cached_property, partial
from typing import Any, Final, NamedTuple

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.imported_names import is_installed
from airflow_kubernetes_secrets.usage.syntax import DEEPEST, Definition, Frame, Syntax, dotted, parts_of_sum
from airflow_kubernetes_secrets.usage.templates import UNKNOWN

# A few f-strings that contain each other can have gigabytes, or take years. So the text of a longer string (in
# characters), and of strings that together need more steps in one file, counts as computed.
_LONGEST = 1_000_000
_MOST_STEPS = 1_000_000
_CHARACTERS_IN_A_STEP = 100

# The longest constant, and the longest name of one, that other files can import.
_LONGEST_NAME = 500

# What %-formatting and str.format replace. Only the plain ones are computed here; others could have any length.
_PERCENT = re.compile(r"%(?:\((?P<name>\w+)\))?(?:(?P<plain>s)|(?P<sign>%)|[^a-zA-Z%]*[a-zA-Z])")
_FIELD = re.compile(r"(?P<sign>\{\{|\}\})|\{(?P<name>\w*)(?P<plain>\})|\{[^{}]*\}")

# Returns the string of an expression.
_Read = Callable[[ast.expr], "str | None"]


class _TooMuchTextError(Exception):
    """The text of a string is too long, or takes too long to put together."""


class FunctionInFile(NamedTuple):
    """A function, and the frame in which it is defined."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    where: Frame


class StringExpressions:
    """The expressions of one file that have a string.

    Attributes:
        functions: the functions whose parameters the strings refer to, by their lines.
    """

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self._steps = 0
        self.functions: dict[int, FunctionInFile] = {}

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
        if not names or self._syntax.is_set_again(names[0], frame) or not self._syntax.changed.isdisjoint(changeable):
            return None
        path = self._syntax.imported(names, frame)
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
        if all(each.arg != name for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)):
            return None
        self.functions[node.lineno] = FunctionInFile(node, where)
        return references.parameter(node.lineno, name)

    def constants(self) -> dict[str, str]:
        """Return the strings that other files can import, by names such as ``ID``, ``Ids.DB`` and ``IDS.key``.

        They can refer to constants of other files.
        """
        found: dict[str, str] = {}
        pending: list[tuple[str, Definition | None, Frame]] = [
            (name, value, self._syntax.frames[0]) for name, value in self._syntax.frames[0].scope.items()
        ]
        while pending:
            name, value, frame = pending.pop()
            if isinstance(value, ast.ClassDef):
                inside = self._syntax.classes[value]
                pending += ((f"{name}.{each}", inner, inside) for each, inner in inside.scope.items())
            elif len(name) > _LONGEST_NAME or not self._syntax.changed.isdisjoint(name.split(".")):
                continue
            elif isinstance(value, ast.Dict):
                items = {
                    key.value: each
                    for key, each in zip(value.keys, value.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
                if len(items) == len(value.keys):
                    pending += ((f"{name}.{key}", each, frame) for key, each in items.items())
            else:
                text = self.with_references(value, frame)
                if text is not None and len(text) <= _LONGEST_NAME:
                    found[name] = references.member(text) if _is_enumeration(frame.node) else text
        return found

    def _text_if_small(self, node: ast.expr | None, frame: Frame) -> str | None:
        try:
            return self._text(node, frame, DEEPEST)
        except _TooMuchTextError:
            return None

    def _text(self, node: Definition | None, frame: Frame, depth: int) -> str | None:
        if isinstance(node, ast.Constant):
            return references.literal(node.value) if isinstance(node.value, str) else None
        if not depth:
            return None
        self._count_steps("")
        if isinstance(node, ast.Name):
            found = self._syntax.definition(node.id, frame)
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
            return None if pattern is None else self._filled(_PERCENT, pattern, given, {}, read)
        texts = [self._plain(each, frame, depth) for each in parts_of_sum(node)]
        if all(each is None for each in texts):
            return None
        return self._together(texts, "")

    def _method(self, node: ast.Call, frame: Frame, depth: int) -> str | None:
        """Return the text of ``"…".format(…)``, ``"…".join([…])`` or ``MAPPING.get("…")``."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
            item = ast.Subscript(node.func.value, node.args[0], ast.Load())
            return self._member(item, frame, depth)
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("format", "join"):
            return None
        text = self._plain(node.func.value, frame, depth)
        if text is None:
            return None
        if node.func.attr == "format":
            named = {each.arg: each.value for each in node.keywords if each.arg is not None}
            return self._filled(_FIELD, text, node.args, named, partial(self._formatted, frame=frame, depth=depth))
        parts = node.args[0] if len(node.args) == 1 else None
        if not isinstance(parts, (ast.List, ast.Tuple)):
            return UNKNOWN
        return self._together([self._plain(each, frame, depth) for each in parts.elts], text)

    def _formatted(self, node: ast.expr, frame: Frame, depth: int) -> str | None:
        """Return the text of an expression in an f-string, in %-formatting or in ``format``."""
        text = self._text(node, frame, depth)
        return None if text is None else references.formatted(text)

    def _member(self, node: ast.Attribute | ast.Subscript, frame: Frame, depth: int) -> str | None:
        """Return the text of an attribute of a class, of an item of a mapping, or of the value of an enumeration."""
        found = self._found_member(node, frame, depth)
        if found is not None:
            text = self._text(*found, depth)
            return references.member(text) if text is not None and _is_enumeration(found[1].node) else text
        if isinstance(node, ast.Attribute) and node.attr == "value" and isinstance(node.value, ast.Attribute):
            text = self._plain(node.value, frame, depth)
            if text is not None and not references.has_reference(text):
                return text
        return self._reference(node, frame)

    def _found_member(self, node: ast.expr, frame: Frame, depth: int) -> tuple[Definition, Frame] | None:
        """Return what a name, an attribute or an item is set to, and where names in it are searched."""
        if not depth:
            return None
        if isinstance(node, ast.Name):
            found = self._syntax.definition(node.id, frame)
            if found is None or not isinstance(found[0], (ast.Name, ast.Attribute, ast.Subscript)):
                return found
            return self._found_member(found[0], found[1], depth - 1)
        if isinstance(node, ast.Subscript):
            return self._item(node.value, self._plain(node.slice, frame, depth), frame, depth - 1)
        return self._found_attribute(node, frame, depth) if isinstance(node, ast.Attribute) else None

    def _found_attribute(self, node: ast.Attribute, frame: Frame, depth: int) -> tuple[Definition, Frame] | None:
        is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        found = self._set_in_constructor(node.attr, frame) if is_own else None
        if found is not None or node.attr in self._syntax.changed:
            return found
        owner = self._class_around(node.attr, frame) if is_own else self._class(node.value, frame, depth - 1)
        value = None if owner is None else owner.scope.get(node.attr)
        return None if value is None or owner is None or (is_own and value in self._fields) else (value, owner)

    def _set_in_constructor(self, attribute: str, frame: Frame) -> tuple[ast.expr, Frame] | None:
        """Return what sets an attribute of ``self``; ``None`` if code sets it outside the constructors of classes."""
        found = self._own_attributes.get(attribute, {})
        if not found or len(found) < self._syntax.attributes_set[attribute]:
            return None
        return found.get(next((each.node for each in frame.outwards() if isinstance(each.node, ast.ClassDef)), None))

    @cached_property
    def _own_attributes(self) -> Mapping[str, Mapping[ast.AST | None, tuple[ast.expr, Frame]]]:
        """The attributes that constructors set, each with its value and frame for each class."""
        found: dict[str, dict[ast.AST | None, tuple[ast.expr, Frame]]] = defaultdict(dict)
        for name, value, frame in self._syntax.own_set:
            function = next((scope for scope, _names in frame.scopes()), frame)
            if isinstance(function.node, ast.FunctionDef) and function.node.name == "__init__":
                owner = None if function.parent is None else function.parent.node
                if isinstance(owner, ast.ClassDef):
                    found[name][owner] = value, frame
        return found

    def _class_around(self, attribute: str, frame: Frame) -> Frame | None:
        """Return the class around a frame, unless a subclass has another value for the attribute."""
        classes = [] if attribute in self._in_several_classes else frame.outwards()
        return next((each for each in classes if isinstance(each.node, ast.ClassDef)), None)

    def _class(self, node: ast.expr, frame: Frame, depth: int) -> Frame | None:
        """Return the frame of a class of this file; ``None`` for any other expression."""
        found = self._found_member(node, frame, depth)
        return None if found is None or not isinstance(found[0], ast.ClassDef) else self._syntax.classes.get(found[0])

    @cached_property
    def _fields(self) -> Set[ast.AST | None]:
        """The values of attributes that may be fields, as in a dataclass. Arguments of the class can replace them."""
        classes = (node for node in self._syntax.classes if node.bases or node.decorator_list)
        attributes = (each for node in classes for each in node.body if isinstance(each, ast.AnnAssign))
        return {each.value for each in attributes if _may_be_field(each.annotation)}

    @cached_property
    def _in_several_classes(self) -> Set[str]:
        """The names that more than one class of this file sets."""
        counts = Counter(name for frame in self._syntax.classes.values() for name in frame.scope)
        return {name for name, count in counts.items() if count > 1}

    def _item(self, node: ast.expr, key: str | None, frame: Frame, depth: int) -> tuple[ast.expr, Frame] | None:
        """Return the value of a key in a mapping that no code changes."""
        found = self._found_member(node, frame, depth)
        if found is None or key is None or not self._syntax.changed.isdisjoint(dotted(node)):
            return None
        mapping, where = found
        if not isinstance(mapping, ast.Dict) or not all(isinstance(each, ast.Constant) for each in mapping.keys):
            return None
        self._count_steps("", len(mapping.keys))
        pairs = zip(mapping.keys, mapping.values, strict=True)
        value = {name.value: value for name, value in pairs if isinstance(name, ast.Constant)}.get(key)
        return None if value is None else (value, where)

    def _together(self, texts: Sequence[str | None], between: str) -> str:
        text = between.join(UNKNOWN if each is None else each for each in texts)
        self._count_steps(text)
        return text

    def _filled(
        self,
        fields: re.Pattern[str],
        pattern: str,
        given: Sequence[ast.expr],
        named: Mapping[str, ast.expr],
        read: _Read,
    ) -> str:
        """Return a pattern with its fields replaced."""
        position = 0

        def value(match: re.Match[str]) -> str:
            nonlocal position
            if match["sign"]:
                return match["sign"][0]
            name = match["name"] or ""
            number, position = (int(name), position) if name.isdecimal() else (position, position + (not name))
            node = named.get(name) if name and not name.isdecimal() else given[number] if number < len(given) else None
            text = read(node) if match["plain"] and node is not None else None
            self._count_steps(text or "")
            return UNKNOWN if text is None else text

        self._count_steps(pattern)
        if references.has_reference(pattern):
            return UNKNOWN
        text = fields.sub(value, pattern)
        self._count_steps(text)
        return text

    def _joined(self, node: ast.JoinedStr, frame: Frame, depth: int) -> str:
        """Return the text of an f-string."""
        text = ""
        for each in node.values:
            text += self._part(each, frame, depth)
            self._count_steps(text)
        return text

    def _count_steps(self, text: str, more: int = 0) -> None:
        self._steps += 1 + len(text) // _CHARACTERS_IN_A_STEP + more
        if self._steps > _MOST_STEPS or len(text) > _LONGEST:
            raise _TooMuchTextError

    def _part(self, node: ast.expr, frame: Frame, depth: int) -> str:
        """Return one part of an f-string."""
        if isinstance(node, ast.FormattedValue):
            is_plain = node.conversion == -1 and node.format_spec is None
            text = self._formatted(node.value, frame, depth) if is_plain else None
        else:
            text = self._text(node, frame, depth)
        return UNKNOWN if text is None else text


def _is_enumeration(node: ast.AST) -> bool:
    """Return whether a class is an enumeration whose members are not formatted as their values."""
    bases = [dotted(base)[-1:] for base in node.bases] if isinstance(node, ast.ClassDef) else []
    return ["StrEnum"] not in bases and any(name.endswith("Enum") for base in bases for name in base)


def _may_be_field(annotation: ast.expr) -> bool:
    """Return whether an attribute with this annotation may be a field of a dataclass."""
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return dotted(outer)[-1:] not in (["ClassVar"], ["Final"])


_READ_TEXT: Final[Mapping[type, Callable[[StringExpressions, Any, Frame, int], str | None]]] = {
    ast.Attribute: StringExpressions._member,
    ast.BinOp: StringExpressions._operation,
    ast.Call: StringExpressions._method,
    ast.JoinedStr: StringExpressions._joined,
    ast.Subscript: StringExpressions._member,
}
