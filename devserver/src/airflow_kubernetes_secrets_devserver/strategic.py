"""Strategic merge patch: a merge patch with directives, which merges lists. kubectl's apply, edit and patch send it.

https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_kubernetes_secrets_devserver.managers import LISTS, Path, item
from airflow_kubernetes_secrets_devserver.status import bad_request

_PATCH, _RETAIN = "$patch", "$retainKeys"
_ORDER, _REMOVE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def merge(target: object, patch: object, path: Path = ()) -> Any:
    """Return ``target`` with ``patch`` merged in. Neither of them is changed.

    Raises:
        StatusError: 400, a directive is invalid. A real server reports most of these as an error of its own (500).
    """
    if not isinstance(patch, Mapping):
        return patch
    directive = patch.get(_PATCH, "merge")
    if directive not in ("merge", "replace", "delete"):
        raise bad_request(f"unknown type of patch in {_PATCH}")
    result = dict(target) if isinstance(target, Mapping) and directive == "merge" else {}
    if directive == "delete":
        return result
    fields = {field: value for field, value in patch.items() if not field.startswith("$")}
    if _RETAIN in patch:
        retained = patch[_RETAIN]
        if not isinstance(retained, list) or not all(field in retained for field in fields):
            raise bad_request("invalid patch format of retainKeys")
        result = {field: value for field, value in result.items() if field in retained}
    lists = {at[-1][2:]: key for at, key in LISTS.items() if at[:-1] == path}
    for field, value in fields.items():
        if value is None:
            result.pop(field, None)
        elif field not in lists or not isinstance(value, list):
            result[field] = merge(result.get(field), value, (*path, f"f:{field}"))
    return {**result, **dict(_merged_lists(result, patch, lists))}


def _merged_lists(
    live: Mapping[str, Any], patch: Mapping[str, Any], lists: Mapping[str, str]
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists that the patch changes, with their field names."""
    for field, key in lists.items():
        value, removed, order = (patch.get(prefix + field) for prefix in ("", _REMOVE, _ORDER))
        if isinstance(value, list) or (field not in patch and (removed, order) != (None, None)):
            yield field, _merge_list(key, live.get(field) or (), value or (), removed, order)


def _merge_list(key: str, live: Iterable[Any], patch: Iterable[Any], removed: Any, order: Any) -> list[Any]:
    """Return the merged items of both lists.

    Args:
        key: the field that identifies the items; empty for a set of plain values.
        removed: the values to remove from a set.
        order: the items in their new order; None for the order of the patch.
    """
    if any(_directive(each) == "replace" for each in patch):
        return [each for each in patch if _directive(each) != "replace"]
    merged = {item(key, each): each for each in live}
    position = {name: number for number, name in enumerate(merged)}
    gone = {item(key, each) for each in removed} if isinstance(removed, list) else set()
    names: list[str] = []
    for each in patch:
        name = _named(key, each)
        if _directive(each) == "delete":
            gone.add(name)
        else:
            merged[name] = merge(merged.get(name), each)
            names.append(name)
    if order is not None:
        ordered = iter(_names_in_order(key, order))
        if not all(name in ordered for name in names):
            raise bad_request(f"the order in the patch does not match that of {_ORDER}")
        names = _names_in_order(key, order)
    for name in gone:
        merged.pop(name, None)
    named = {name: position.get(name, -1) for name in names if name in merged}
    # Items that the patch does not name stay before the item that followed them.
    others = deque(name for name in merged if name not in named)
    result = []
    for name, number in named.items():
        while others and position[others[0]] < number:
            result.append(merged[others.popleft()])
        result.append(merged[name])
    return result + [merged[name] for name in others]


def _directive(each: Any) -> Any:
    """Return the directive of a patch item, or None."""
    return each.get(_PATCH) if isinstance(each, Mapping) else None


def _names_in_order(key: str, order: Any) -> list[str]:
    if not isinstance(order, list):
        raise bad_request(f"{_ORDER} must be a list")
    return [_named(key, each) for each in order]


def _named(key: str, each: Any) -> str:
    """Return the name of a patch item; StatusError 400 if it has no merge key."""
    if key and (not isinstance(each, Mapping) or key not in each):
        raise bad_request(f"an item of a list does not contain its merge key: {key}")
    return item(key, each)
