"""Server-side apply: what a field manager applies is its own, and what another manages is a conflict.

A field that a manager no longer applies, and nobody else manages, is removed.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_kubernetes_secrets.devserver import managers
from airflow_kubernetes_secrets.devserver.managers import (
    APPLY,
    BEFORE_FIRST_APPLY,
    UPDATE,
    Changes,
    Entry,
    Manager,
    Path,
)
from airflow_kubernetes_secrets.devserver.patch import merge
from airflow_kubernetes_secrets.devserver.status import apply_conflict
from airflow_kubernetes_secrets.devserver.store import JsonObject
from airflow_kubernetes_secrets.documents import UnreadableError, read_json

# kubectl's own name, and where it notes what it applied without the server's help.
_KUBECTL = "kubectl"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(current: JsonObject | None, applied: JsonObject, manager: str, now: str, force: bool = False) -> JsonObject:
    """``current``, None if there is none yet, with what ``manager`` applies.

    Args:
        force: take over what others manage.

    Raises:
        StatusError: 409, others manage a field of it that has another value.
    """
    live = current if current is not None else {"metadata": {}}
    this, paths = Manager(manager, APPLY), managers.leaves(applied)
    entries = managers.read(live)
    if current is not None and not entries:
        entries = {Manager(BEFORE_FIRST_APPLY, UPDATE): Entry(Changes.between({}, live).set, now)}
    before = entries.pop(this, Entry(frozenset(), "")).paths
    result = _merged(live, applied)
    for path in before - paths.union(*(entry.paths for entry in entries.values())):
        _remove(result, path)
    changes = Changes.between(live, result)
    conflicts = [
        (other.text, path)
        for other in sorted(entries, key=lambda each: (each.name, each.operation))
        for path in sorted(entries[other].paths & changes.set)
    ]
    may_take_over = force or (manager == _KUBECTL and {path for _, path in conflicts} <= _last_applied(live))
    if conflicts and not may_take_over:
        raise apply_conflict([(text, managers.shown(path)) for text, path in conflicts])
    entries = managers.without(entries, changes.set | changes.removed)
    return managers.written(result, {**entries, this: Entry(paths, now)})


def _merged(live: JsonObject, applied: JsonObject) -> Any:
    """Mappings are merged, and so are finalizers, which are a set."""
    result = merge(live, _without_null(applied))
    before, new = (each.get("metadata", {}).get("finalizers") for each in (live, applied))
    if isinstance(new, list):
        result["metadata"]["finalizers"] = list(dict.fromkeys([*(before or ()), *new]))
    return result


def _without_null(applied: JsonObject) -> JsonObject:
    """What is applied, where a null text is the empty one instead of one to remove."""

    def texts(content: JsonObject, names: tuple[str, ...]) -> JsonObject:
        found = {name: content[name] for name in names if isinstance(content.get(name), Mapping)}
        return {**content, **{name: {key: each or "" for key, each in found[name].items()} for name in found}}

    metadata = texts(applied.get("metadata") or {}, ("labels", "annotations"))
    return {**texts(applied, ("data", "stringData")), "metadata": metadata}


def _last_applied(live: JsonObject) -> frozenset[Path]:
    """What kubectl applied before without the server's help, and nobody has changed since: it may take that over."""
    try:
        text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED, "")
        document = read_json(text.encode())
    except UnreadableError:
        return frozenset()
    if not isinstance(document, dict):
        return frozenset()
    changes = Changes.between(document, live)
    return managers.leaves(document) - changes.set - changes.removed


def _remove(content: JsonObject, path: Path) -> None:
    """Remove a text or an item from ``content``; a mapping goes when it is empty.

    The collections on the way are replaced: the merge may have left those of the object before there.
    """
    *parents, last = path
    for part in parents[:-1]:
        content[part[2:]] = content = dict(content.get(part[2:]) or {})
    name = parents[-1][2:] if parents else ""
    inner = content.get(name) if parents else content
    if isinstance(inner, list):
        content[name] = [each for each in inner if f"v:{json.dumps(each)}" != last]
    elif isinstance(inner, Mapping) and parents:
        content[name] = {key: each for key, each in inner.items() if key != last[2:] or isinstance(each, (dict, list))}
    elif not parents and not isinstance(content.get(last[2:]), dict):
        content.pop(last[2:], None)
