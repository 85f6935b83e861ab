"""The output of ``list``."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.commands import URI, Commands
from support.connection_secrets import secret_manifest


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


def problems_in(folder: Path, data: dict[str, str], **annotations: str) -> list[Problem]:
    """Return the problems that ``list`` reports of a Secret, without those of the connection type.

    Args:
        folder: where its manifest is written.
        annotations: without their prefix, and with underscores for dashes.
    """
    given = {name.replace("_", "-"): value for name, value in annotations.items()}
    (folder / "app.json").write_text(json.dumps(secret_manifest("shop", "app", data, given)))
    options = Options(path=str(folder))
    [entry] = inventory_of(location_of(options), options).entries
    return [each for each in entry.problems if each.code != "unknown-type"]


def problem_codes_in(folder: Path, data: dict[str, str], **annotations: str) -> set[str]:
    """Return the codes of the problems that :func:`problems_in` returns."""
    return {str(each.code) for each in problems_in(folder, data, **annotations)}
