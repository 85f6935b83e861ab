"""Names such as ``a.b.c`` in code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from sys import stdlib_module_names


def dotted(node: ast.expr) -> list[str]:
    """Return the names in ``a.b.c``; empty for any other expression."""
    if isinstance(node, ast.Name):
        return [node.id]
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def is_airflow(path: str) -> bool:
    """Return whether the path of a module or name belongs to Airflow or one of its providers."""
    return path.startswith("airflow.") or path == "airflow"


def is_installed(package: str) -> bool:
    """Return whether a package is Airflow, or belongs to the standard library."""
    return package == "airflow" or package in stdlib_module_names


def imported_paths(node: ast.ImportFrom) -> Iterator[tuple[ast.alias, str]]:
    """Yield the names that ``from module import a, b`` imports, each with its path."""
    module = "." * node.level + (node.module or "")
    for alias in node.names:
        yield alias, f"{module}.{alias.name}" if node.module else module + alias.name
