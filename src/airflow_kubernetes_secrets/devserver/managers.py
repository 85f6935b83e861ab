"""Who manages which field of an object: ``metadata.managedFields``.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from airflow_kubernetes_secrets.devserver.store import JsonObject

# The names on the way to a field, as managedFields writes them: f:NAME of a field, v:VALUE of an item of a set, and
# k:KEY of an item of a list that is a map.
Path = tuple[str, ...]

APPLY, UPDATE = "Apply", "Update"
BEFORE_FIRST_APPLY = "before-first-apply"

# These say which object it is, or are the server's own; nobody manages them. Nor what a controller sets of a namespace.
_UNMANAGED = frozenset({("f:apiVersion",), ("f:kind",), ("f:metadata",), ("f:spec",), ("f:status",)}) | {
    ("f:metadata", f"f:{name}")
    for name in (
        *("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields"),
        *("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"),
    )
}
# The lists of which each item can have a manager of its own, and the field by which their items are told apart: a
# finalizer is a value, an owner is a mapping that is managed as a whole.
LISTS: Mapping[Path, str] = {("f:metadata", "f:finalizers"): "", ("f:metadata", "f:ownerReferences"): "uid"}


class Manager(NamedTuple):
    """Who manages fields: what applies, or what writes them otherwise."""

    name: str
    operation: str

    @property
    def text(self) -> str:
        """As an error names it."""
        return json.dumps(self.name) + (" using v1" if self.operation == UPDATE else "")


@dataclass(frozen=True)
class Entry:
    """The fields of one manager, and when they last changed."""

    paths: frozenset[Path]
    time: str


Entries = dict[Manager, Entry]


def read(content: JsonObject) -> Entries:
    """The managers of a decoded object; none if its managedFields are not written as the API writes them."""
    entries = content["metadata"].get("managedFields") or ()
    if any(each.get("operation") not in (APPLY, UPDATE) for each in entries):
        return {}
    try:
        return {
            Manager(each.get("manager", ""), each["operation"]): Entry(
                frozenset(_from_fields(each.get("fieldsV1"))), each.get("time", "")
            )
            for each in entries
        }
    except (TypeError, ValueError):
        return {}


def written(content: JsonObject, entries: Mapping[Manager, Entry]) -> JsonObject:
    """``content`` with these managers, in the order of the API."""
    ordered = sorted(
        ((manager, entry) for manager, entry in entries.items() if entry.paths),
        key=lambda item: (item[0].operation, item[1].time, item[0].name),
    )
    fields = [
        {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": "v1",
            **({"time": entry.time} if entry.time else {}),
            "fieldsType": "FieldsV1",
            "fieldsV1": _to_fields(entry.paths),
        }
        for manager, entry in ordered
    ]
    metadata = {key: value for key, value in content["metadata"].items() if key != "managedFields"}
    return {**content, "metadata": {**metadata, **({"managedFields": fields} if fields else {})}}


def updated(content: JsonObject, previous: JsonObject | None, manager: str, now: str) -> JsonObject:
    """``content`` with its managers after a write that is no apply.

    Args:
        content: what is written. It may name other managers than there were; one without any names none.
        previous: what there was; None for a new object. If nobody managed it, nobody does after.
    """
    if previous is not None and content["metadata"].get("managedFields") == [{}]:
        return written(content, {})
    entries = read(content) or ({} if previous is None else read(previous))
    if previous is not None and not entries:
        return written(content, {})
    changes = Changes.between(previous or {"metadata": {}}, content)
    entries = without(entries, changes.set | changes.removed)
    if changes.set:
        this = Manager(manager, UPDATE)
        before = entries[this].paths if this in entries else frozenset()
        entries[this] = Entry(before | changes.set, now)
    return written(content, entries)


def differ_in_times_only(content: JsonObject, other: JsonObject) -> bool:
    """Whether two objects are the same, besides the times at which their managers wrote."""
    return _timeless(content) == _timeless(other)


def _timeless(content: JsonObject) -> JsonObject:
    fields = content["metadata"].get("managedFields") or ()
    timeless = [{key: value for key, value in each.items() if key != "time"} for each in fields]
    return {**content, "metadata": {**content["metadata"], "managedFields": timeless}}


def without(entries: Mapping[Manager, Entry], paths: frozenset[Path]) -> Entries:
    """The managers without these fields."""
    return {manager: Entry(entry.paths - paths, entry.time) for manager, entry in entries.items()}


@dataclass(frozen=True)
class Changes:
    """The fields that are new or have another value, and those that are gone."""

    set: frozenset[Path]
    removed: frozenset[Path]

    @classmethod
    def between(cls, before: JsonObject, after: JsonObject) -> Changes:
        old, new = dict(_values(before)), dict(_values(after))
        # A mapping that loses its last field keeps its manager.
        changed = {path for path, value in new.items() if path not in old or (old[path] != value and value != {})}
        return cls(frozenset(changed), frozenset(old.keys() - new.keys()))


def leaves(content: JsonObject) -> frozenset[Path]:
    """The fields that a configuration sets, without the mappings that they are in."""
    return frozenset(path for path, value in _values(content) if value is not _MAPPING)


def shown(path: Path) -> str:
    """The path as an error names it."""
    return "".join(_shown(part) for part in path)


def _shown(part: str) -> str:
    if part.startswith("v:"):
        return f"[={part[2:]}]"
    # The key is the one that `item` has written, or whatever was in a request that named the managers.
    field, sign, value = part.removeprefix('k:{"').removesuffix("}").partition('":')
    return f"[{field}={value}]" if part.startswith("k:") and sign else f".{part[2:]}"


def item(key: str, each: Any) -> str:
    """The name of an item of a list: by its field ``key``, or, if that is empty, by its value."""
    if not key:
        return f"v:{json.dumps(each)}"
    value = each.get(key) if isinstance(each, Mapping) else None
    return f"k:{json.dumps({key: value or ''}, separators=(',', ':'))}"


def items(key: str, found: Iterable[Any]) -> dict[str, list[Any]]:
    """The items of a list by their names. More than one can have a name, where it was not applied."""
    named: dict[str, list[Any]] = {}
    for each in found:
        named.setdefault(item(key, each), []).append(each)
    return named


def value_at(content: Any, path: Path) -> Any:
    """The value of a field; ``None`` if it is not there."""
    for part in path:
        content = content.get(part[2:]) if isinstance(content, Mapping) else None
    return content


def repeated(content: JsonObject) -> list[Path]:
    """The items that a list of ``content`` has more than once."""
    found = dict(_values(content))
    return [path for path, value in found.items() if path[:-1] in LISTS and len(value) > 1]


# The value of a mapping, set or map, whose fields or items have values of their own.
_MAPPING = object()


def _values(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that somebody can manage, and its value."""
    if path in _UNMANAGED and path != ("f:metadata",):
        return
    if path in LISTS and isinstance(value, list):
        if value:
            yield path, _MAPPING
        yield from (((*path, name), each) for name, each in items(LISTS[path], value).items())
    elif isinstance(value, Mapping) and value:
        if path and path not in _UNMANAGED:
            yield path, _MAPPING
        for field, each in value.items():
            yield from _values(each, (*path, f"f:{field}"))
    else:
        yield path, value


def _to_fields(paths: frozenset[Path]) -> JsonObject:
    tree: JsonObject = {}
    nodes: dict[Path, JsonObject] = {(): tree}
    for path in sorted(paths):
        for end in range(1, len(path) + 1):
            if path[:end] not in nodes:
                nodes[path[:end]] = nodes[path[: end - 1]].setdefault(path[end - 1], {})
    # A mapping with fields of its own is managed itself where it has a dot.
    for path in paths:
        if nodes[path]:
            nodes[path]["."] = {}
    return _in_order(tree)


def _in_order(tree: JsonObject) -> JsonObject:
    return {field: _in_order(tree[field]) for field in sorted(tree)}


def _from_fields(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Raises ValueError or TypeError for what is no such tree."""
    if not isinstance(tree, Mapping):
        raise TypeError
    for field, node in tree.items():
        if field == ".":
            yield path
        elif not field.startswith(("f:", "v:", "k:", "i:")):
            raise ValueError
        elif node != {}:
            yield from _from_fields(node, (*path, field))
        else:
            yield (*path, field)
