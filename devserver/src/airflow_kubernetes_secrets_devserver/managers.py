"""The managers of an object's fields: ``metadata.managedFields``.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from airflow_kubernetes_secrets_devserver.store import JsonObject

# The names on the way to a field, as managedFields spells them: f:NAME for a field, v:VALUE for an item of a set, k:KEY
# for an item of a list that is a map.
Path = tuple[str, ...]

APPLY, UPDATE = "Apply", "Update"
BEFORE_FIRST_APPLY = "before-first-apply"

# Fields without a manager: they identify the object, or the server or a controller sets them.
_UNMANAGED = frozenset({("f:apiVersion",), ("f:kind",), ("f:metadata",), ("f:spec",), ("f:status",)}) | {
    ("f:metadata", f"f:{name}")
    for name in (
        *("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields"),
        *("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"),
    )
}
# The lists whose items can each have their own manager, and the field that identifies the items. A finalizer is a plain
# value (no field); an owner reference is a mapping that is managed as a whole.
LISTS: Mapping[Path, str] = {("f:metadata", "f:finalizers"): "", ("f:metadata", "f:ownerReferences"): "uid"}


class Manager(NamedTuple):
    """A field manager, and how it writes: by apply, or by any other write."""

    name: str
    operation: str

    @property
    def text(self) -> str:
        """The manager as an error message names it."""
        return json.dumps(self.name) + (" using v1" if self.operation == UPDATE else "")


@dataclass(frozen=True)
class ManagedFields:
    """The fields of one manager, and the time at which they last changed."""

    paths: frozenset[Path]
    time: str


Entries = dict[Manager, ManagedFields]


def read(content: JsonObject) -> Entries:
    """Return the managers of a decoded object; empty if its managedFields are not in the format of the API."""
    entries = content["metadata"].get("managedFields") or ()
    if any(each.get("operation") not in (APPLY, UPDATE) for each in entries):
        return {}
    try:
        return {
            Manager(each.get("manager", ""), each["operation"]): ManagedFields(
                frozenset(_from_fields(each.get("fieldsV1"))), each.get("time", "")
            )
            for each in entries
        }
    except (TypeError, ValueError):
        return {}


def written(content: JsonObject, entries: Mapping[Manager, ManagedFields]) -> JsonObject:
    """Return ``content`` with these managers, in the order that the API uses."""
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
    """Return ``content`` with its managers after a write other than an apply.

    Args:
        content: the object that is written. It may list other managers than the stored object. If it lists none, the
            stored ones stay; ``[{}]`` removes them all.
        previous: the stored object; None for a new object. If neither lists managers, the result has none.
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
        entries[this] = ManagedFields(before | changes.set, now)
    return written(content, entries)


def differ_in_times_only(content: JsonObject, other: JsonObject) -> bool:
    """Return whether two objects are equal, apart from the times at which their managers wrote."""
    return _timeless(content) == _timeless(other)


def _timeless(content: JsonObject) -> JsonObject:
    fields = content["metadata"].get("managedFields") or ()
    timeless = [{key: value for key, value in each.items() if key != "time"} for each in fields]
    return {**content, "metadata": {**content["metadata"], "managedFields": timeless}}


def without(entries: Mapping[Manager, ManagedFields], paths: frozenset[Path]) -> Entries:
    """Return the managers without these fields."""
    return {manager: ManagedFields(entry.paths - paths, entry.time) for manager, entry in entries.items()}


@dataclass(frozen=True)
class Changes:
    """The fields that are new or have a new value, and the fields that were removed."""

    set: frozenset[Path]
    removed: frozenset[Path]

    @classmethod
    def between(cls, before: JsonObject, after: JsonObject) -> Changes:
        """Compare two versions of an object."""
        old, new = dict(_values(before)), dict(_values(after))
        # A mapping that loses its last field keeps its manager.
        changed = {path for path, value in new.items() if path not in old or (old[path] != value and value != {})}
        return cls(frozenset(changed), frozenset(old.keys() - new.keys()))


def leaves(content: JsonObject) -> frozenset[Path]:
    """Return the fields that a configuration sets, without the mappings that contain them."""
    return frozenset(path for path, value in _values(content) if value is not _MAPPING)


def path_text(path: Path) -> str:
    """Return the path as an error message spells it."""
    return "".join(_shown(part) for part in path)


def _shown(part: str) -> str:
    if part.startswith("v:"):
        return f"[={part[2:]}]"
    # `item` has built this key, unless a request listed the managers itself: then it can be any text.
    field, sign, value = part.removeprefix('k:{"').removesuffix("}").partition('":')
    return f"[{field}={value}]" if part.startswith("k:") and sign else f".{part[2:]}"


def item(key: str, each: Any) -> str:
    """Return the name of a list item: from its field ``key``, or from its value if ``key`` is empty."""
    if not key:
        return f"v:{json.dumps(each)}"
    value = each.get(key) if isinstance(each, Mapping) else None
    return f"k:{json.dumps({key: value or ''}, separators=(',', ':'))}"


def items(key: str, found: Iterable[Any]) -> dict[str, list[Any]]:
    """Return the items of a list by name. Several items can have one name if they were not written by apply."""
    named: dict[str, list[Any]] = {}
    for each in found:
        named.setdefault(item(key, each), []).append(each)
    return named


def value_at(content: Any, path: Path) -> Any:
    """Return the value of a field; ``None`` if the field does not exist."""
    for part in path:
        content = content.get(part[2:]) if isinstance(content, Mapping) else None
    return content


def repeated(content: JsonObject) -> list[Path]:
    """Return the paths of the items that a list of ``content`` contains more than once."""
    found = dict(_values(content))
    return [path for path, value in found.items() if path[:-1] in LISTS and len(value) > 1]


# The value that `_values` yields for a mapping or list whose fields or items have values of their own.
_MAPPING = object()


def _values(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every field that can have a manager, and its value."""
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
    # A "." says that a mapping is managed itself, in addition to its fields.
    for path in paths:
        if nodes[path]:
            nodes[path]["."] = {}
    return _in_order(tree)


def _in_order(tree: JsonObject) -> JsonObject:
    return {field: _in_order(tree[field]) for field in sorted(tree)}


def _from_fields(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of a ``fieldsV1`` tree.

    Raises:
        TypeError: a node is not a mapping.
        ValueError: a field name has an unknown prefix.
    """
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
