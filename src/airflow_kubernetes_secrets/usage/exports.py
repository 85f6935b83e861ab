"""What other files can import from a file: its constants, and the names that it imports or sets."""

from __future__ import annotations

import ast
from functools import partial

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.attributes import is_enumeration
from airflow_kubernetes_secrets.usage.file_uses import Exports
from airflow_kubernetes_secrets.usage.frames import Definition, Frame
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Syntax

# The longest constant, and the longest name of one.
_LONGEST = 500


def exports_of(syntax: Syntax) -> Exports:
    """Return what other files can import from a file."""
    imports = syntax.bindings.imports()
    names = syntax.frames[0].scope.keys() - imports.keys()
    strings = StringExpressions(syntax)
    read = strings.alternatives.read
    constants: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    pending: list[tuple[str, Definition | None, Frame]] = [
        (name, value, syntax.frames[0]) for name, value in syntax.frames[0].scope.items()
    ]
    while pending:
        name, value, frame = pending.pop()
        if isinstance(value, ast.ClassDef):
            inside = syntax.classes[value]
            pending += ((f"{name}.{each}", inner, inside) for each, inner in inside.scope.items())
        elif len(name) > _LONGEST or not syntax.changed.isdisjoint(name.split(".")):
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
            calls_before = strings.alternatives.choose_calls
            text = strings.with_references(value, frame)
            if text is not None and len(text) <= _LONGEST:
                constants[name] = references.member(text) if is_enumeration(frame.node) else text
            elif text is None and strings.alternatives.choose_calls != calls_before:
                texts = read(partial(strings.with_references, value, frame), conditions=True)
                several[name] = [each for each, _is_certain in texts if each and len(each) <= _LONGEST]
    return Exports(constants, several, imports, names)
