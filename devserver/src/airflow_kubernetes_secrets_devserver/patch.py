"""JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets_devserver.status import StatusError, bad_request
from airflow_kubernetes_secrets_devserver.store import JsonObject


def merge(target: object, patch: object) -> Any:
    """Return ``target`` with ``patch`` merged in. Neither of them is changed."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for field, value in patch.items():
        if value is None:
            result.pop(field, None)
        else:
            result[field] = merge(result.get(field), value)
    return result


def json_patch(target: JsonObject, operations: object) -> Any:
    """Return ``target`` after the operations of a JSON patch. ``target`` itself is not changed.

    Raises:
        StatusError: 400, it is not a JSON patch; 422, an operation is not possible or a test fails.
    """
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    result: Any = copy.deepcopy(target)
    try:
        for operation in operations:
            result = _operate(result, operation)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
        # The cause may quote a value of the Secret, so the exception is raised without it.
        text = "the server rejected our request due to an error in our request"
        raise StatusError(422, "Invalid", text, {}) from None
    return result


def _operate(document: Any, operation: Mapping[str, Any]) -> Any:
    name, path = operation["op"], _pointer(operation["path"])
    if name == "test":
        if _as_text(_value_or_none(document, path)) != _as_text(operation["value"]):
            raise ValueError
        return document
    if name == "remove":
        return _remove(document, path)
    if name == "add":
        return _add(document, path, operation["value"])
    if name == "replace":
        return _replace(document, path, operation["value"])
    source = _pointer(operation["from"])
    value = copy.deepcopy(_at(document, source))
    if name == "move":
        return _add(_remove(document, source), path, value)
    if name == "copy":
        return _add(document, path, value)
    raise ValueError


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        document = document[_index(part, len(document)) if isinstance(document, list) else part]
    return document


def _value_or_none(document: Any, path: Sequence[str]) -> Any:
    """Return the value at a path; ``None`` if an object lacks its last part."""
    parent = _at(document, path[:-1])
    return None if path and isinstance(parent, dict) and path[-1] not in parent else _at(document, path)


def _as_text(value: Any) -> str:
    """Return a value in a form that is equal for equal JSON only. In Python, ``True == 1``."""
    return json.dumps(value, sort_keys=True)


def _index(text: str, size: int) -> int:
    """Return the index of an item in a list. A negative number counts from the end, as in the API server.

    Raises:
        IndexError: there is no such item.
        ValueError: it is not a number.
    """
    if re.fullmatch("[-+]?[0-9]+", text) is None:
        raise ValueError
    index = int(text)
    if not -size <= index < size:
        raise IndexError
    return index % size


def _replace(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    _at(document, path)  # It must exist.
    parent = _at(document, path[:-1])
    parent[_index(path[-1], len(parent)) if isinstance(parent, list) else path[-1]] = value
    return document


def _remove(document: Any, path: Sequence[str]) -> Any:
    if not path:
        return None
    parent = _at(document, path[:-1])
    del parent[_index(path[-1], len(parent)) if isinstance(parent, list) else path[-1]]
    return document


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent = _at(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(len(parent) if path[-1] == "-" else _index(path[-1], len(parent) + 1), value)
    else:
        parent[path[-1]] = value
    return document
