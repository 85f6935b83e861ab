"""Secrets, ConfigMaps and namespaces as the API decodes them: their fields and defaults.

Error messages are those of kube-apiserver, with one exception: a message about data that cannot be decoded does not
quote the data.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_kubernetes_secrets.kubernetes.go_base64 import decode_base64
from airflow_kubernetes_secrets.kubernetes.go_values import is_int64, is_time
from airflow_kubernetes_secrets_devserver.status import StatusError, bad_request
from airflow_kubernetes_secrets_devserver.store import JsonObject

_METADATA = {
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "finalizers", "ownerReferences",
    "managedFields",
}  # fmt: skip


@dataclass(frozen=True)
class ServedResource:
    """A resource of the API, and how its objects differ from those of other resources.

    Attributes:
        content: the fields besides ``apiVersion``, ``kind`` and ``metadata``.
        selectable: the fields that a field selector may use, each with a function that reads its value.
    """

    plural: str
    kind: str
    namespaced: bool
    content: frozenset[str]
    selectable: Mapping[str, Callable[[JsonObject], str]]

    @property
    def known(self) -> frozenset[str]:
        """The top-level fields of an object."""
        return self.content | {"apiVersion", "kind", "metadata"}


SECRETS = ServedResource(
    plural="secrets",
    kind="Secret",
    namespaced=True,
    content=frozenset({"data", "stringData", "type", "immutable"}),
    selectable={
        "metadata.name": lambda found: str(found["metadata"]["name"]),
        "metadata.namespace": lambda found: str(found["metadata"]["namespace"]),
        "type": lambda found: str(found["type"]),
    },
)
CONFIG_MAPS = ServedResource(
    plural="configmaps",
    kind="ConfigMap",
    namespaced=True,
    content=frozenset({"data", "binaryData", "immutable"}),
    selectable={
        "metadata.name": lambda found: str(found["metadata"]["name"]),
        "metadata.namespace": lambda found: str(found["metadata"]["namespace"]),
    },
)
NAMESPACES = ServedResource(
    plural="namespaces",
    kind="Namespace",
    namespaced=False,
    content=frozenset({"spec", "status"}),
    selectable={
        "metadata.name": lambda found: str(found["metadata"]["name"]),
        "status.phase": lambda found: str(found["status"]["phase"]),
    },
)
RESOURCES = {each.plural: each for each in (SECRETS, CONFIG_MAPS, NAMESPACES)}


_REPEATED_OWNERS = (
    ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references in 1.20+, and may "
    "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}"
)


def decode(resource: ServedResource, document: object) -> JsonObject:
    """Return the object in ``document`` in its normal form: known fields only, no empty ones, defaults set.

    Raises:
        StatusError: 400, the document is not such an object.
    """
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    for field in ("kind", "apiVersion"):
        if not isinstance(document.get(field), (str, type(None))):
            why = f"couldn't get version/kind; {field} must be a string"
            raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind}): {why}")
    kind, version = document.get("kind") or resource.kind, document.get("apiVersion") or "v1"
    if version != "v1":
        why = f'no kind "{kind}" is registered for version "{version}"'
        raise bad_request(f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {why}')
    if kind != resource.kind:
        raise bad_request(f'{kind} in version "v1" cannot be handled as a {resource.kind}: it is another kind')
    metadata = _mapping(resource, document, "metadata") or {}
    result: JsonObject = {"kind": resource.kind, "apiVersion": "v1", "metadata": _metadata(resource, metadata)}
    if resource is SECRETS:
        result.update(_secret_content(document))
    elif resource is CONFIG_MAPS:
        result.update(_config_map_content(document))
    else:
        result.update({"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}})
        if name := result["metadata"].get("name"):
            result = named(resource, result, name)
    return result


def named(resource: ServedResource, content: JsonObject, name: str) -> JsonObject:
    """Return ``content`` with a name. A namespace also gets the label by which it can be selected."""
    metadata = {**content["metadata"], "name": name}
    if resource is NAMESPACES:
        labels = {**metadata.get("labels", {}), "kubernetes.io/metadata.name": name}
        metadata["labels"] = dict(sorted(labels.items()))
    return {**content, "metadata": metadata}


def unknown_fields(resource: ServedResource, document: object) -> list[str]:
    """Return the paths of the fields that the API would drop."""
    if not isinstance(document, dict):
        return []
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    found = [*map(str, document.keys() - resource.known), *(f"metadata.{each}" for each in metadata.keys() - _METADATA)]
    for field, known in (("ownerReferences", {*_OWNER}), ("managedFields", {*_MANAGER_ENTRY})):
        items = metadata.get(field)
        for number, each in enumerate(items if isinstance(items, list) else ()):
            inner = each.keys() - known if isinstance(each, dict) else ()
            found += (f"metadata.{field}[{number}].{name}" for name in inner)
    return sorted(found)


def repeated_owners(document: object, when: str = "") -> list[str]:
    """Return the warning about owners that an object has twice; empty if there are none.

    Args:
        when: words for when the server saw them.
    """
    metadata = document.get("metadata") if isinstance(document, dict) else None
    owners = metadata.get("ownerReferences") if isinstance(metadata, dict) else None
    seen: set[str] = set()
    repeated = []
    for each in owners if isinstance(owners, list) else ():
        uid = str(each.get("uid")) if isinstance(each, dict) else ""
        if uid in seen:
            repeated.append(uid)
        seen.add(uid)
    return [_REPEATED_OWNERS.format(when, ", ".join(repeated))] if repeated else []


def refuse_unknown(resource: ServedResource, unknown: Sequence[str], repeated: Sequence[str] = ()) -> None:
    """Reject unknown and repeated fields, as a request with strict validation does.

    Args:
        repeated: an error message for each repeated field.

    Raises:
        StatusError: 400, there are such fields.
    """
    if unknown or repeated:
        listed = ", ".join([*repeated, *(f"unknown field {json.dumps(field)}" for field in unknown)])
        raise _unreadable(resource, f"strict decoding error: {listed}")


def _unreadable(resource: ServedResource, why: str) -> StatusError:
    return bad_request(f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: {why}')


def _mapping(resource: ServedResource, document: JsonObject, field: str) -> JsonObject | None:
    found = document.get(field)
    if found is not None and not isinstance(found, dict):
        raise _unreadable(resource, f"{field} must be an object")
    return found


def _texts(resource: ServedResource, document: JsonObject, field: str) -> dict[str, str] | None:
    """Return a map of strings, or ``None`` if it is empty. A null value becomes an empty string, as in the API."""
    found = _mapping(resource, document, field)
    for name, each in (found or {}).items():
        if each is not None and not isinstance(each, str):
            raise _unreadable(resource, f"{field}[{name}] must be a string")
    return {name: found[name] or "" for name in sorted(found)} if found else None


def _metadata(resource: ServedResource, metadata: JsonObject) -> JsonObject:
    result: JsonObject = {}
    for field, (what, is_valid) in _SINGLE_VALUES.items():
        found = metadata.get(field)
        if found is not None and not is_valid(found):
            raise _unreadable(resource, f"metadata.{field} must be {what}")
        if found and field in _STORED_VALUES and (resource.namespaced or field != "namespace"):
            result[field] = found
    for field in ("labels", "annotations"):
        if texts := _texts(resource, metadata, field):
            result[field] = texts
    if entries := _records(resource, metadata, "managedFields", _MANAGER_ENTRY):
        result["managedFields"] = entries
    if owners := _records(resource, metadata, "ownerReferences", _OWNER):
        whole = [{**dict.fromkeys(REQUIRED_OF_OWNER, ""), **each} for each in owners]
        # Identical owner references are stored once.
        result["ownerReferences"] = list({json.dumps(each, sort_keys=True): each for each in whole}.values())
    if finalizers := _items(resource, metadata, "finalizers", str):
        result["finalizers"] = finalizers
    return result


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_time(value: object) -> bool:
    return isinstance(value, str) and is_time(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and is_int64(value)


# What a field must be, in words, and the check of its value.
FieldType = tuple[str, Callable[[object], bool]]

_STRING: FieldType = ("a string", _is_string)
_BOOLEAN: FieldType = ("true or false", _is_boolean)
_TIME: FieldType = ("a time", _is_time)
_WHOLE: FieldType = ("a whole number of 64 bits", _is_whole)
_ANYTHING: FieldType = ("anything", lambda _value: True)

_SINGLE_VALUES: Mapping[str, FieldType] = {
    **dict.fromkeys(("name", "generateName", "namespace", "uid", "resourceVersion", "selfLink"), _STRING),
    **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), _TIME),
    **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), _WHOLE),
}
_STORED_VALUES = ("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp")

REQUIRED_OF_OWNER = ("apiVersion", "kind", "name", "uid")
# The fields of the objects in these lists.
_OWNER: Mapping[str, FieldType] = {
    **dict.fromkeys(REQUIRED_OF_OWNER, _STRING),
    **dict.fromkeys(("controller", "blockOwnerDeletion"), _BOOLEAN),
}
_MANAGER_ENTRY: Mapping[str, FieldType] = {
    **dict.fromkeys(("manager", "operation", "apiVersion", "fieldsType", "subresource"), _STRING),
    "time": _TIME,
    "fieldsV1": _ANYTHING,
}


def _records(
    resource: ServedResource, metadata: JsonObject, field: str, fields: Mapping[str, FieldType]
) -> list[JsonObject]:
    """Return a list of objects with these fields. Null fields are dropped."""
    found = []
    for number, each in enumerate(_items(resource, metadata, field, dict)):
        record = {name: each[name] for name in fields if each.get(name) is not None}
        for name, value in record.items():
            what, is_valid = fields[name]
            if not is_valid(value):
                raise _unreadable(resource, f"metadata.{field}[{number}].{name} must be {what}")
        found.append(record)
    return found


def _items(resource: ServedResource, metadata: JsonObject, field: str, of: type) -> list[Any]:
    """Return a list. A null item becomes an empty item, as in the API."""
    found = metadata.get(field)
    items = [of() if each is None else each for each in found] if isinstance(found, list) else []
    if (found is not None and not isinstance(found, list)) or not all(isinstance(each, of) for each in items):
        raise _unreadable(resource, f"metadata.{field} must be a list of {'strings' if of is str else 'objects'}")
    return items


def _immutable(resource: ServedResource, document: JsonObject) -> JsonObject:
    """Return the field ``immutable``, if it is there."""
    immutable = document.get("immutable")
    if immutable is not None and not isinstance(immutable, bool):
        raise _unreadable(resource, "immutable must be true or false")
    return {} if immutable is None else {"immutable": immutable}


def _config_map_content(document: JsonObject) -> JsonObject:
    result = _immutable(CONFIG_MAPS, document)
    if texts := _texts(CONFIG_MAPS, document, "data"):
        result["data"] = texts
    if binary := _texts(CONFIG_MAPS, document, "binaryData"):
        result["binaryData"] = {name: _canonical(CONFIG_MAPS, "BinaryData", text) for name, text in binary.items()}
    return result


def _secret_content(document: JsonObject) -> JsonObject:
    result, type_ = _immutable(SECRETS, document), document.get("type")
    data = {name: _canonical(SECRETS, "Data", text) for name, text in (_texts(SECRETS, document, "data") or {}).items()}
    for name, text in (_texts(SECRETS, document, "stringData") or {}).items():
        data[name] = base64.b64encode(text.encode()).decode()
    if data:
        result["data"] = dict(sorted(data.items()))
    if type_ is not None and not isinstance(type_, str):
        raise _unreadable(SECRETS, "type must be a string")
    result["type"] = type_ or "Opaque"
    return result


def _canonical(resource: ServedResource, field: str, text: str) -> str:
    """Return ``text`` as the API returns base64."""
    try:
        return base64.b64encode(decode_base64(text)).decode()
    except ValueError:
        # The chain is cut here: the cause adds nothing, and its traceback might show the data.
        raise _unreadable(resource, f"v1.{resource.kind}.{field}: decode base64: illegal base64 data") from None


def is_being_deleted(content: JsonObject) -> bool:
    """Return whether the object is being deleted and waits for its finalizers."""
    return "deletionTimestamp" in content["metadata"]
