"""What sets the attributes of the classes in a Python file, and those of their objects."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from functools import cached_property

from airflow_kubernetes_secrets.usage.dotted_names import dotted
from airflow_kubernetes_secrets.usage.frames import Definition, Frame
from airflow_kubernetes_secrets.usage.syntax import Syntax


class Attributes:
    """The attributes in one file. The values are returned with the frame in which the names in them are searched."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax

    def of_self(self, attribute: str, frame: Frame) -> tuple[Definition, Frame] | None:
        """Return what sets an attribute of ``self`` or ``cls`` in a frame; ``None`` if it is unknown."""
        found = self._set_in_constructor(attribute, frame)
        if found is not None or attribute in self._syntax.changed or attribute in self._set_in_several_classes:
            return found
        owner = next((each for each in frame.outwards() if isinstance(each.node, ast.ClassDef)), None)
        value = None if owner is None else owner.scope.get(attribute)
        return None if owner is None or value is None or value in self._fields else (value, owner)

    def of_class(self, attribute: str, owner: Frame) -> tuple[Definition, Frame] | None:
        """Return what sets an attribute of a class; ``None`` if it is unknown."""
        value = owner.scope.get(attribute)
        return None if value is None else (value, owner)

    def _set_in_constructor(self, attribute: str, frame: Frame) -> tuple[ast.expr, Frame] | None:
        """Return what sets an attribute of ``self``; ``None`` if code sets it outside the constructors of classes."""
        found = self._own_attributes.get(attribute, {})
        if not found or len(found) < self._syntax.attributes_set[attribute]:
            return None
        owner = next((each for each in frame.outwards() if isinstance(each.node, ast.ClassDef)), None)
        # The constructor may set it only in a branch.
        return None if owner is None or attribute in owner.scope else found.get(owner.node)

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

    @cached_property
    def _fields(self) -> Set[ast.AST | None]:
        """The values of attributes that may be fields, as in a dataclass. Arguments of the class can replace them."""
        classes = (node for node in self._syntax.classes if node.bases or node.decorator_list)
        attributes = (each for node in classes for each in node.body if isinstance(each, ast.AnnAssign))
        return {each.value for each in attributes if _may_be_field(each.annotation)}

    @cached_property
    def _set_in_several_classes(self) -> Set[str]:
        """The names that more than one class of this file sets. A subclass may have another value."""
        counts = Counter(name for frame in self._syntax.classes.values() for name in frame.scope)
        return {name for name, count in counts.items() if count > 1}


def is_enumeration(node: ast.AST) -> bool:
    """Return whether a class is an enumeration whose members are not formatted as their values."""
    bases = [dotted(base)[-1:] for base in node.bases] if isinstance(node, ast.ClassDef) else []
    return ["StrEnum"] not in bases and any(name.endswith("Enum") for base in bases for name in base)


def _may_be_field(annotation: ast.expr) -> bool:
    """Return whether an attribute with this annotation may be a field of a dataclass."""
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return dotted(outer)[-1:] not in (["ClassVar"], ["Final"])
