"""Names such as ``a.b.c`` in code."""

from __future__ import annotations

import ast


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
