"""What kubectl and the API server refuse of a Secret, in addition to what :mod:`kubernetes.manifest_secrets` refuses.

A lookup in a folder of manifests does not need these checks, but a manifest that is applied has to pass them.

- Fields and types: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
- Keys by type: https://kubernetes.io/docs/concepts/configuration/secret/#secret-types
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from airflow_kubernetes_secrets.kubernetes.go_values import is_int64, is_json_object, is_time
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.kubernetes.labels import is_label_key, is_subdomain, name_from_beginning
from airflow_kubernetes_secrets.kubernetes.manifest_secrets import KEYS_WITH_A_VALUE, KEYS_WITH_JSON, REQUIRED_KEYS
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Secret
from airflow_kubernetes_secrets.kubernetes.unprocessed import is_encrypted_by_sops, tool_in_name
from airflow_kubernetes_secrets.manifests.planned_secret import similar_field, unknown_field
from airflow_kubernetes_secrets.manifests.secret_manifest import LARGEST_BYTES
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.printable import printable

# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
_MOST_ANNOTATION_BYTES = 256 * 1024

# The kinds of the core API group, which has no name and only the version v1.
_CORE = (
    *("Binding", "ComponentStatus", "ConfigMap", "Endpoints", "Event", "LimitRange", "List", "Namespace", "Node"),
    *("PersistentVolume", "PersistentVolumeClaim", "Pod", "PodTemplate", "ReplicationController", "ResourceQuota"),
    *("Secret", "Service", "ServiceAccount"),
)
# The names of all other API groups contain a dot, including those of custom resources.
_GROUPS_WITHOUT_A_DOT = ("apps", "autoscaling", "batch", "extensions", "policy")

_STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")


def no_such_resource(document: Mapping[str, Any]) -> str:
    """Return why no API server has resources of this kind; empty if one may have them."""
    kind, version = document.get("kind"), document.get("apiVersion")
    if problem := _unusable(document, "kind", "Secret") or _unusable(document, "apiVersion", "v1"):
        return problem
    if tool_in_name(kind) is not None or tool_in_name(version) is not None:
        return ""
    group, _slash, number = str(version).rpartition("/")
    if not group and number == "v1":
        similar = _nearest(str(kind).removesuffix("s"), _CORE)
        remedy = f"Write {similar}, if it is meant" if similar else "Correct 'kind', or 'apiVersion'"
        is_known = kind in _CORE or str(kind).removesuffix("List") in _CORE
        return "" if is_known else f"v1 has no kind {printable(repr(kind))}. {remedy}"
    if "." in group or (group in _GROUPS_WITHOUT_A_DOT and kind != "Secret"):
        return ""
    return f"there is no {printable(repr(kind))} in {printable(repr(version))}. The apiVersion of Secrets is v1"


def _unusable(document: Mapping[str, Any], field: str, right: str) -> str:
    """Return why ``kind`` or ``apiVersion`` cannot be used; empty if it can.

    Args:
        right: the value that a Secret has.
    """
    value = document.get(field)
    if value in (None, ""):
        other = next((key for key in document if key.lower() == field.lower() and key != field), None)
        found = f", and {printable(repr(other))} does not replace it" if other else ""
        return f"it has no '{field}'{found}. For Secrets it is {right}: write '{field}: {right}'"
    return "" if isinstance(value, str) else f"'{field}' is not a string. For Secrets it is {right}"


def refusals(manifest: Mapping[str, Any], secret: Secret, unknown: Collection[str] | None) -> Iterator[str]:
    """Yield the reasons why a Secret would be refused; none quotes a value.

    Args:
        secret: the Secret in the manifest.
        unknown: the keys whose values are not in the manifest; ``None`` if the manifest does not contain all keys.
    """
    metadata = mapping(manifest, "metadata")
    fields = _FIELDS if secret.resource is SECRETS else _FIELDS_OF_CONFIG_MAP
    known = {**fields, **({"sops": _ANYTHING} if is_encrypted_by_sops(manifest) else {})}
    yield from _fields(manifest, known, "", dict.fromkeys(_METADATA, "under 'metadata'"))
    yield from _fields(metadata, _METADATA, "metadata.", dict.fromkeys(fields, "at the top"))
    yield from _beginning_of_name(metadata.get("generateName"))
    yield from _finalizers(metadata.get("finalizers"))
    yield from _owners(metadata.get("ownerReferences"))
    yield from _manager_entries(metadata.get("managedFields"))
    if unknown is not None and secret.resource is SECRETS:
        yield from _keys(manifest.get("type"), secret, unknown)
    size = sum(len(b64decode(text)) for text in secret.data.values())
    if size > LARGEST_BYTES:
        yield f"its data has {size} bytes, and a {secret.object_kind} can contain {LARGEST_BYTES}. Split it"
    texts = mapping(metadata, "annotations").items()
    size = sum(len(f"{key}{text or ''}".encode("utf-8", "replace")) for key, text in texts)
    if size > _MOST_ANNOTATION_BYTES:
        yield f"its annotations have {size} bytes, and an object can have {_MOST_ANNOTATION_BYTES}. Shorten them"
    if not mapping(metadata, "annotations").get(_ACCOUNT_ANNOTATION) and manifest.get("type") == _OF_ACCOUNTS:
        yield f"its type {_OF_ACCOUNTS} requires the annotation {_ACCOUNT_ANNOTATION!r}. {_TYPE_REMEDY}"


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_count(value: object) -> bool:
    return isinstance(value, (int, float)) and value >= 0 and is_int64(value)


def _is_time(value: object) -> bool:
    return isinstance(value, str) and is_time(value)


# What a field must be, in words with the remedy, and the check of its value.
FieldType = tuple[str, Callable[[object], bool]]

_ANYTHING: FieldType = ("anything", lambda _value: True)
_STRING: FieldType = ("a string. Put it in quotation marks", _is_string)
_BOOLEAN: FieldType = ("true or false. Write one of them, without quotation marks", _is_boolean)
_MAPPING: FieldType = ("a mapping. Write names and values", _is_mapping)
_LIST: FieldType = ("a list. Write one, or remove it", _is_list)
_WHOLE: FieldType = ("a whole number of 64 bits. Remove it", is_int64)
_COUNT: FieldType = ("a whole number of at least 0, with 64 bits. Remove it", _is_count)
_TIME: FieldType = ("a time such as 2026-01-31T12:00:00Z. Remove it", _is_time)

_FIELDS: Mapping[str, FieldType] = {
    **dict.fromkeys(("apiVersion", "kind", "type"), _STRING),
    **dict.fromkeys(("metadata", "data", "stringData"), _MAPPING),
    "immutable": _BOOLEAN,
}
_FIELDS_OF_CONFIG_MAP: Mapping[str, FieldType] = {
    **dict.fromkeys(("apiVersion", "kind"), _STRING),
    **dict.fromkeys(("metadata", "data", "binaryData"), _MAPPING),
    "immutable": _BOOLEAN,
}
_METADATA: Mapping[str, FieldType] = {
    **dict.fromkeys(
        ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "clusterName"), _STRING
    ),
    **dict.fromkeys(("labels", "annotations"), _MAPPING),
    **dict.fromkeys(("ownerReferences", "finalizers", "managedFields"), _LIST),
    **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), _TIME),
    "generation": _COUNT,
    "deletionGracePeriodSeconds": _WHOLE,
}
_OWNER: Mapping[str, FieldType] = {
    **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _STRING),
    **dict.fromkeys(("controller", "blockOwnerDeletion"), _BOOLEAN),
}
_MANAGER_ENTRY: Mapping[str, FieldType] = {
    **dict.fromkeys(("manager", "operation", "apiVersion", "fieldsType", "subresource"), _STRING),
    "time": _TIME,
    "fieldsV1": _ANYTHING,
}


def _fields(
    found: Mapping[str, Any], known: Mapping[str, FieldType], prefix: str, parents: Mapping[str, str]
) -> Iterator[str]:
    """Yield fields that are unknown, or whose value has the wrong type.

    Args:
        prefix: the path before the names in messages.
        parents: fields that belong to another part of the manifest, and words for where that is.
    """
    for name, value in found.items():
        if name not in known:
            similar = _nearest(name, tuple(known))
            parent = parents.get(name)
            remedy = f"Put it {parent}" if parent else f"Write '{prefix}{similar}'" if similar else ""
            yield unknown_field(prefix, name, remedy)
        elif value is not None and not known[name][1](value) and tool_in_name(value) is None:
            yield f"'{prefix}{name}' is not {known[name][0]}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    """Return the known name that differs only in case, or else the most similar one; empty if none is similar."""
    same = next((each for each in known if each.lower() == name.lower()), "")
    return same or similar_field(name, known)


def _beginning_of_name(found: object) -> Iterator[str]:
    """Yield why ``generateName`` would be refused. The API ignores it, since the Secret has a name, but checks it."""
    if not isinstance(found, str) or not found or tool_in_name(found) is not None:
        return
    if not is_subdomain(name_from_beginning(found)):
        yield "'metadata.generateName' cannot be the beginning of a name. Remove it, since there is a name"


def _finalizers(found: object) -> Iterator[str]:
    """Yield why the finalizers would be refused."""
    finalizers = found if isinstance(found, list) else []
    for each in finalizers:
        is_one = isinstance(each, str) and (each in _STANDARD_FINALIZERS or ("/" in each and is_label_key(each)))
        if not is_one and tool_in_name(each) is None:
            yield "a finalizer in 'metadata.finalizers' is not a name such as example.com/name. Correct or remove it"
            return
    if {"orphan", "foregroundDeletion"} <= {each for each in finalizers if isinstance(each, str)}:
        yield "'metadata.finalizers' has both orphan and foregroundDeletion. Remove one of them"


def _owners(found: object) -> Iterator[str]:
    """Yield why the owner references would be refused."""
    owners = found if isinstance(found, list) else []
    for each in owners:
        if not isinstance(each, dict) or not all(each.get(name) for name in ("apiVersion", "kind", "name", "uid")):
            yield "an owner in 'metadata.ownerReferences' lacks apiVersion, kind, name or uid. Remove it"
            return
        yield from _fields(each, _OWNER, "metadata.ownerReferences[].", {})
        version = each["apiVersion"]
        if isinstance(version, str) and tool_in_name(version) is None:
            if version.count("/") > 1 or version.endswith("/"):
                yield "'metadata.ownerReferences[].apiVersion' is not a version such as v1 or apps/v1. Correct it"
            elif each["kind"] == "Event" and version.removeprefix("/") == "v1":
                yield "an owner in 'metadata.ownerReferences' is an Event, which cannot own anything. Remove it"
    if sum(isinstance(each, dict) and each.get("controller") is True for each in owners) > 1:
        yield "two owners in 'metadata.ownerReferences' are its controller. Remove one of them"


def _manager_entries(found: object) -> Iterator[str]:
    """Yield why the entries about field managers would be refused."""
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            yield from _fields(each, _MANAGER_ENTRY, "metadata.managedFields[].", {})
        elif each is not None and tool_in_name(each) is None:
            yield "an entry in 'metadata.managedFields' is not a mapping. Remove it"


_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
_OF_ACCOUNTS = "kubernetes.io/service-account-token"

_TYPE_REMEDY = "Remove 'type', or correct it"

_BASIC_AUTH = "kubernetes.io/basic-auth"


def _keys(secret_type: object, secret: Secret, unknown: Collection[str]) -> Iterator[str]:
    """Yield what the data of a Secret lacks for its type."""
    required = REQUIRED_KEYS.get(secret_type, ()) if isinstance(secret_type, str) else ()
    absent = [key for key in required if key not in secret.data or (key in KEYS_WITH_A_VALUE and not secret.data[key])]
    if absent:
        names = first_names(map(repr, absent), len(absent))
        yield f"its type {secret_type} requires {'the key' if len(absent) == 1 else 'the keys'} {names}. {_TYPE_REMEDY}"
    if secret_type == _BASIC_AUTH and secret.data.keys().isdisjoint(("username", "password")):
        yield f"its type {secret_type} requires the key 'username' or 'password'. {_TYPE_REMEDY}"
    for key in required:
        if key not in KEYS_WITH_JSON or key not in secret.data or key in unknown:
            continue
        if not is_json_object(b64decode(secret.data[key])):
            yield f"its type {secret_type} requires that the key {key!r} contains a JSON object. {_TYPE_REMEDY}"
