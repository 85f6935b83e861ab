"""The output of ``list``."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from support.commands import URI, Commands


def manifest(namespace: str, name: str, **metadata: Any) -> dict[str, Any]:
    """Return a Secret with a connection."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "data": {"value": b64encode(URI.encode()).decode()},
    }


def entries(commands: Commands, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    """Return the entries of ``list``."""
    found: list[dict[str, Any]] = commands.run("list", *arguments, "--output", "json", status=status).document[
        "entries"
    ]
    return found


def codes(commands: Commands, secret: str) -> list[str]:
    """Return the problem codes of one Secret's entries."""
    return [each["code"] for entry in entries(commands) if entry["secret"] == secret for each in entry["problems"]]
