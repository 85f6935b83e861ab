"""Responses as a Table, from which kubectl prints NAME, TYPE, DATA and AGE. A Table shows no value.

https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from airflow_kubernetes_secrets_devserver.objects import CONFIG_MAPS, SECRETS, ServedResource
from airflow_kubernetes_secrets_devserver.partial_metadata import metadata_of
from airflow_kubernetes_secrets_devserver.store import JsonObject


def table(
    resource: ServedResource, objects: Sequence[JsonObject], metadata: JsonObject, include: str, version: str
) -> JsonObject:
    """Return a Table with a row for each object.

    Args:
        include: the ``includeObject`` of the query: ``None``, ``Metadata`` or ``Object``.
        version: the API version of the Table.
    """
    return {
        "kind": "Table",
        "apiVersion": version,
        "metadata": metadata,
        "columnDefinitions": [_column(name) for name in _columns(resource)],
        "rows": [{"cells": _cells(resource, each), **_object(resource, each, include, version)} for each in objects],
    }


def _columns(resource: ServedResource) -> tuple[str, ...]:
    if resource is SECRETS:
        return ("Name", "Type", "Data", "Age")
    return ("Name", "Data", "Age") if resource is CONFIG_MAPS else ("Name", "Status", "Age")


def _column(name: str) -> JsonObject:
    return {
        "name": name,
        "type": "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": 0,
    }


def _cells(resource: ServedResource, found: JsonObject) -> list[Any]:
    metadata = found["metadata"]
    age = _age(metadata["creationTimestamp"]) if "creationTimestamp" in metadata else "<unknown>"
    if resource is SECRETS:
        return [metadata.get("name", ""), found.get("type", ""), len(found.get("data", {})), age]
    if resource is CONFIG_MAPS:
        return [metadata.get("name", ""), len(found.get("data", {})) + len(found.get("binaryData", {})), age]
    return [metadata.get("name", ""), found.get("status", {}).get("phase", ""), age]


def _object(resource: ServedResource, found: JsonObject, include: str, version: str) -> JsonObject:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": {"kind": resource.kind, "apiVersion": "v1", **found}}
    return {"object": metadata_of(found, version)}


def _age(created: str) -> str:
    born = datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    seconds = max(int((datetime.datetime.now(datetime.timezone.utc) - born).total_seconds()), 0)
    for unit, length, until in (("s", 1, 120), ("m", 60, 10 * 60), ("m", 60, 3 * 3600), ("h", 3600, 48 * 3600)):
        if seconds < until:
            rest = f"{seconds % 60}s" if until == 600 and seconds % 60 else ""
            return f"{seconds // length}{unit}{rest}"
    return f"{seconds // 86400}d"
