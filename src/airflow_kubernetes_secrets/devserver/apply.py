"""Server-side apply without conflicts: the last one to apply wins.

What a field manager applied is kept in ``metadata.managedFields``, so that a field it no longer applies, and nobody
else applies or has changed since, is removed.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_kubernetes_secrets.devserver.patch import merge
from airflow_kubernetes_secrets.devserver.store import JsonObject

Path = tuple[str, ...]
# These say which object is meant; nobody owns them.
_IDENTITY = {("kind",), ("apiVersion",), ("metadata", "name"), ("metadata", "namespace")}


def apply(current: JsonObject, applied: JsonObject, manager: str, now: str) -> JsonObject:
    """``current`` with what ``manager`` applies; pass an empty object when there is none yet."""
    paths = set(_leaves(applied)) - _IDENTITY
    entries = managers(current)
    others = set().union(*(owned for name, owned in entries.items() if name != manager))
    result = merge(current, applied)
    for path in entries.get(manager, set()) - paths - others:
        _remove(result, path)
    # Applying a value takes the field over from whoever applied another one.
    for name, owned in entries.items():
        if name != manager:
            owned -= {path for path in paths if _value(current, path) != _value(result, path)}
    entries[manager] = paths
    return with_managers(result, entries, now)


def keep_unchanged(content: JsonObject, previous: JsonObject, now: str) -> JsonObject:
    """``content``, where appliers keep only those fields of ``previous`` that an update left as they were."""
    entries = managers(previous)
    if not entries:
        return content
    kept = {
        name: {path for path in owned if _value(content, path) == _value(previous, path)}
        for name, owned in entries.items()
    }
    return with_managers(content, kept, now)


def managers(content: JsonObject) -> dict[str, set[Path]]:
    """The fields by who applied them."""
    entries = content.get("metadata", {}).get("managedFields", [])
    return {entry["manager"]: set(_from_fields(entry["fieldsV1"])) for entry in entries}


def with_managers(content: JsonObject, entries: Mapping[str, set[Path]], now: str) -> JsonObject:
    before = {entry["manager"]: entry for entry in content.get("metadata", {}).get("managedFields", [])}
    fields = []
    for name, paths in entries.items():
        entry = {"manager": name, "operation": "Apply", "apiVersion": "v1", "time": now, "fieldsType": "FieldsV1"}
        tree = _to_fields(paths)
        unchanged = name in before and before[name]["fieldsV1"] == tree
        if tree:
            fields.append(before[name] if unchanged else {**entry, "fieldsV1": tree})
    metadata = {key: value for key, value in content["metadata"].items() if key != "managedFields"}
    return {**content, "metadata": {**metadata, **({"managedFields": fields} if fields else {})}}


def _leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for field, each in value.items():
            yield from _leaves(each, (*path, field))
    else:
        yield path


def _value(content: Any, path: Path) -> Any:
    for part in path:
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _remove(content: JsonObject, path: Path) -> None:
    """Remove it from ``content``, whose mappings on the way are ours to change: the merge made them."""
    *parents, last = path
    for part in parents:
        if not isinstance(content.get(part), dict):
            return
        content[part] = dict(content[part])
        content = content[part]
    content.pop(last, None)


def _to_fields(paths: set[Path]) -> JsonObject:
    tree: JsonObject = {}
    for path in sorted(paths):
        node = tree
        for part in path:
            node = node.setdefault(f"f:{part}", {})
    return tree


def _from_fields(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for field, node in tree.items():
        here = (*path, field.removeprefix("f:"))
        if node:
            yield from _from_fields(node, here)
        else:
            yield here
