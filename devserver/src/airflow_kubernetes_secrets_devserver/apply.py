"""Server-side apply: a field manager owns the fields it applies; a field with another manager is a conflict.

A field that its manager no longer applies, and that has no other manager, is removed.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, read_json
from airflow_kubernetes_secrets_devserver import managers
from airflow_kubernetes_secrets_devserver.managers import (
    APPLY,
    BEFORE_FIRST_APPLY,
    UPDATE,
    Changes,
    ManagedFields,
    Manager,
    Path,
)
from airflow_kubernetes_secrets_devserver.patch import merge
from airflow_kubernetes_secrets_devserver.received import as_go_reads
from airflow_kubernetes_secrets_devserver.status import StatusError, apply_conflict
from airflow_kubernetes_secrets_devserver.store import JsonObject
from airflow_kubernetes_secrets_devserver.validation import MAXIMUM_ANNOTATION_BYTES, annotation_bytes

# The name under which kubectl applies, and the annotation in which client-side apply stores the configuration.
KUBECTL = "kubectl"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(current: JsonObject | None, applied: JsonObject, manager: str, now: str, force: bool = False) -> JsonObject:
    """Return ``current`` after ``manager`` has applied ``applied``.

    Args:
        current: the stored object; None if there is none yet.
        force: take over fields that have other managers.

    Raises:
        StatusError: 409, a field that would change has another manager.
    """
    live = current if current is not None else {"metadata": {}}
    this, paths = Manager(manager, APPLY), managers.leaves(applied)
    entries = managers.read(live)
    if current is not None and not entries:
        entries = {Manager(BEFORE_FIRST_APPLY, UPDATE): ManagedFields(Changes.between({}, live).set, now)}
    before = entries.pop(this, ManagedFields(frozenset(), "")).paths
    result = _merged(live, applied)
    for path in before - paths.union(*(entry.paths for entry in entries.values())):
        result = _without(result, path, managers.LISTS.get(path[:-1]))
    changes = Changes.between(live, result)
    conflicts = [
        (other.text, path)
        for other in sorted(entries, key=lambda each: (each.name, each.operation))
        for path in sorted(entries[other].paths & changes.set)
    ]
    may_take_over = force or (manager == KUBECTL and {path for _, path in conflicts} <= _last_applied(live))
    if conflicts and not may_take_over:
        raise apply_conflict([(text, managers.path_text(path)) for text, path in conflicts])
    entries = managers.without(entries, changes.set | changes.removed)
    return managers.written(result, {**entries, this: ManagedFields(paths, now)})


def record_last_applied(result: JsonObject, applied: JsonObject) -> JsonObject:
    """Return ``result`` with ``applied`` in the annotation of client-side apply, if it has this annotation.

    Otherwise the next client-side apply would compare with an older configuration. The annotation is removed if it
    would be too large.
    """
    metadata = result["metadata"]
    annotations: JsonObject = metadata.get("annotations") or {}
    if not annotations.get(_LAST_APPLIED):
        return result
    sent: JsonObject = applied.get("metadata") or {}
    if isinstance(sent.get("annotations"), Mapping):
        others = {name: each for name, each in sent["annotations"].items() if name != _LAST_APPLIED}
        sent = {**sent, "annotations": others}
    recorded = {**annotations, _LAST_APPLIED: _go_json({**applied, "metadata": sent}) + "\n"}
    if annotation_bytes({name: each or "" for name, each in recorded.items()}) > MAXIMUM_ANNOTATION_BYTES:
        del recorded[_LAST_APPLIED]
    return {**result, "metadata": {**metadata, "annotations": recorded}}


def _go_json(value: object) -> str:
    """Return the JSON that Go writes, which contains no character with a meaning in HTML."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def repeated_items(applied: JsonObject) -> list[str]:
    """Return an error message for each repeated item of the lists whose items have their own managers."""
    return [
        f"{managers.path_text(path[:-1])}: duplicate entries for key {managers.path_text(path[-1:])}"
        for path in managers.repeated(applied)
    ]


def _merged(live: JsonObject, applied: JsonObject) -> Any:
    """Merge mappings, and lists whose items can have their own managers."""
    result = merge(live, _without_null(applied))
    for path, key in managers.LISTS.items():
        before, new = (managers.value_at(each, path) for each in (live, applied))
        if isinstance(new, list):
            parent = managers.value_at(result, path[:-1])
            parent[path[-1][2:]] = _merged_list(key, before or (), new)
    return result


def _merged_list(key: str, live: Sequence[Any], applied: Sequence[Any]) -> list[Any]:
    """Return the items of both lists in the order of ``applied``. Items only in ``live`` keep their place."""
    before, new = managers.items(key, live), managers.items(key, applied)
    coming = iter(new)
    in_both = (name for name in new if name in before)
    next_of_both = next(in_both, None)
    result: list[Any] = []
    for each in live:
        name = managers.item(key, each)
        if name not in new:
            result.append(each)
        elif name == next_of_both:
            for applied_name in coming:
                result += new[applied_name]
                if applied_name == name:
                    break
            next_of_both = next(in_both, None)
    return result + [each for name in coming for each in new[name]]


def _without_null(applied: JsonObject) -> JsonObject:
    """Return ``applied`` with an empty string for each null in a map of strings; a merge would remove it otherwise."""

    def texts(content: JsonObject, names: tuple[str, ...]) -> JsonObject:
        found = {name: content[name] for name in names if isinstance(content.get(name), Mapping)}
        return {**content, **{name: {key: each or "" for key, each in found[name].items()} for name in found}}

    metadata = texts(applied.get("metadata") or {}, ("labels", "annotations"))
    return {**texts(applied, ("data", "stringData", "binaryData")), "metadata": metadata}


def _last_applied(live: JsonObject) -> frozenset[Path]:
    """Return the fields that client-side apply has set and that have not changed since; kubectl may take those over."""
    try:
        text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED, "")
        document = as_go_reads(read_json(text))
    except (UnreadableError, StatusError):
        return frozenset()
    if not isinstance(document, dict):
        return frozenset()
    changes = Changes.between(document, live)
    return managers.leaves(document) - changes.set - changes.removed


def _without(value: Any, path: Path, key: str | None) -> Any:
    """Return ``value`` without the field or item at ``path``.

    A mapping or list that is not empty stays, because its content has other managers.

    Args:
        path: it may lead nowhere, because a request can list any field as managed.
        key: the field that identifies the items of the list, as in ``managers.LISTS``; None if ``path`` leads to no
            list.
    """
    part, *rest = path
    if isinstance(value, list) and not rest and key is not None:
        return [each for each in value if managers.item(key, each) != part]
    name = part[2:]
    if not isinstance(value, Mapping) or name not in value:
        return value
    if rest:
        return {**value, name: _without(value[name], tuple(rest), key)}
    if isinstance(value[name], (Mapping, list)) and value[name]:
        return value
    return {field: each for field, each in value.items() if field != name}
