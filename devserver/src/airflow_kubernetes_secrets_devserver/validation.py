"""The rules that kube-apiserver checks after it has decoded an object: names, labels, sizes and immutable fields.

Rules: https://kubernetes.io/docs/concepts/configuration/secret/ and
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/. Error messages are those of kube-apiserver.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.kubernetes.go_values import is_json_object
from airflow_kubernetes_secrets.kubernetes.labels import name_from_beginning
from airflow_kubernetes_secrets.kubernetes.manifest_secrets import KEYS_WITH_A_VALUE, KEYS_WITH_JSON, REQUIRED_KEYS
from airflow_kubernetes_secrets_devserver.objects import (
    CONFIG_MAPS,
    SECRETS,
    ServedResource,
    is_being_deleted,
)
from airflow_kubernetes_secrets_devserver.status import Cause, invalid
from airflow_kubernetes_secrets_devserver.store import JsonObject

MAXIMUM_DATA_BYTES = 1024 * 1024
MAXIMUM_ANNOTATION_BYTES = 256 * 1024
_LONGEST_MANAGER_BYTES = 128

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{_SUBDOMAIN.pattern}')"
)
_DNS_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{_DNS_LABEL.pattern}')"
)
_LABEL_NAME_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_LABEL_NAME.pattern}')"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_LABEL_NAME.pattern})?')"
)
_DATA_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    f"or 'key-name', regex used for validation is '{_DATA_KEY.pattern}')"
)
# The garbage collector and the namespace controller use these finalizers.
_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")
_FINALIZER_TEXT = "name is neither a standard finalizer name nor is it fully qualified"
_NO_NEW_FINALIZERS_TEXT = "Forbidden: no new finalizers can be added if the object is being deleted"
_IMMUTABLE_TEXT = "Forbidden: field is immutable when `immutable` is set"

# The fields that an immutable object of each kind cannot change, besides the field ``immutable``.
_VALUES = {"Secret": ("data",), "ConfigMap": ("data", "binaryData")}

_ACCOUNT_NAME = "kubernetes.io/service-account.name"

_PROPAGATION_POLICIES = ("Foreground", "Background", "Orphan")


def validate(resource: ServedResource, content: JsonObject) -> None:
    """Check a decoded object that has its name.

    Raises:
        StatusError: 422, with a cause for each invalid field.
    """
    metadata = content["metadata"]
    causes = [*_name_causes(resource, metadata), *_label_causes(metadata), *_annotation_causes(metadata)]
    if (generation := metadata.get("generation", 0)) < 0:
        why = f"Invalid value: {generation}: must be greater than or equal to 0"
        causes.append(Cause("FieldValueInvalid", why, "metadata.generation"))
    causes += _finalizer_causes(metadata.get("finalizers", ()))
    causes += _owner_causes(metadata.get("ownerReferences", ()))
    if resource is SECRETS:
        causes += _secret_causes(content)
    elif resource is CONFIG_MAPS:
        causes += _config_map_causes(content)
    if causes:
        raise invalid(resource.kind, metadata.get("name", ""), causes)


def validate_update(resource: ServedResource, content: JsonObject, previous: JsonObject) -> None:
    """Check that ``content`` may replace ``previous``, in addition to :func:`validate`.

    Raises:
        StatusError: 422, the type changes, an immutable object changes, or an object that is being deleted gets a new
            finalizer.
    """
    if not resource.namespaced:
        return
    causes = []
    finalizers = [each["metadata"].get("finalizers", []) for each in (content, previous)]
    if is_being_deleted(previous) and (new := sorted({*finalizers[0]} - {*finalizers[1]})):
        text = f"{_NO_NEW_FINALIZERS_TEXT}, found new finalizers {_go_list(new)}"
        causes.append(Cause("FieldValueForbidden", text, "metadata.finalizers"))
    if content.get("type") != previous.get("type"):
        causes.append(_bad("type", content["type"], "field is immutable"))
    if previous.get("immutable"):
        causes += [
            Cause("FieldValueForbidden", _IMMUTABLE_TEXT, field)
            for field in ("immutable", *_VALUES[resource.kind])
            if content.get(field) != previous.get(field)
        ]
    if causes:
        raise invalid(resource.kind, previous["metadata"]["name"], causes)


def validate_deletion(options: Mapping[str, Any]) -> None:
    """Check what a request wants to happen to the objects that the deleted one owns. Here, no object is.

    Raises:
        StatusError: 422, the API has no such policy, or the request has two.
    """
    field, policy = "propagationPolicy", options.get("propagationPolicy")
    causes = []
    if policy is not None and policy not in _PROPAGATION_POLICIES:
        supported = ", ".join(f'"{each}"' for each in (*_PROPAGATION_POLICIES, "nil"))
        causes.append(
            Cause("FieldValueNotSupported", f'Unsupported value: "{policy}": supported values: {supported}', field)
        )
    if policy is not None and options.get("orphanDependents") is not None:
        causes.append(_bad(field, policy, "orphanDependents and deletionPropagation cannot be both set"))
    if causes:
        raise invalid("DeleteOptions", "", causes, group="meta.k8s.io")


def is_dry_run(*requested: object) -> bool:
    """Return whether a request is a dry run.

    Raises:
        StatusError: 422, a value is not ``All``.
    """
    for each in requested:
        if each not in ("", "All"):
            cause = Cause("FieldValueNotSupported", f'Unsupported value: "{each}": supported values: "All"', "dryRun")
            raise invalid("Options", "", [cause], group="meta.k8s.io")
    return "All" in requested


def validate_manager(manager: str, options: str) -> None:
    """Check the name of a field manager.

    Args:
        options: the kind of the options of the request, such as ``PatchOptions``.

    Raises:
        StatusError: 422, the name is too long or has a character that is not printable.
    """
    field, causes = "fieldManager", []
    if len(manager.encode("utf-8", "replace")) > _LONGEST_MANAGER_BYTES:
        causes.append(_too_long(field, _LONGEST_MANAGER_BYTES))
    position, character = next(((at, each) for at, each in enumerate(manager) if not each.isprintable()), (0, ""))
    if character:
        why = f"invalid character U+{ord(character):04X} (at position {position})"
        causes.append(Cause("FieldValueInvalid", f"Invalid value: {json.dumps(manager)}: {why}", field))
    if causes:
        raise invalid(options, "", causes, group="meta.k8s.io")


def _go_list(texts: Sequence[str]) -> str:
    listed = ", ".join(f'"{text}"' for text in texts)
    return f"[]string{{{listed}}}"


def _bad(field: str, value: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{value}": {why}', field)


def _required(field: str, why: str = "") -> Cause:
    return Cause("FieldValueRequired", "Required value" + (f": {why}" if why else ""), field)


def _too_long(field: str, maximum: int) -> Cause:
    return Cause("FieldValueTooLong", f"Too long: may not be more than {maximum} bytes", field)


def _name_causes(resource: ServedResource, metadata: JsonObject) -> Iterator[Cause]:
    if not metadata.get("name"):
        yield _required("metadata.name", "name or generateName is required")
        return
    pattern, maximum, text = (
        (_SUBDOMAIN, 253, _SUBDOMAIN_TEXT) if resource.namespaced else (_DNS_LABEL, 63, _DNS_LABEL_TEXT)
    )
    prefix = name_from_beginning(metadata.get("generateName", ""))
    for field, value, checked in (
        ("metadata.generateName", metadata.get("generateName"), prefix),
        ("metadata.name", metadata["name"], metadata["name"]),
    ):
        if value and len(value) > maximum:
            yield _bad(field, value, f"must be no more than {maximum} characters")
        if value and not pattern.fullmatch(checked):
            yield _bad(field, value, "must not contain dots" if _SUBDOMAIN.fullmatch(checked) else text)


def annotation_bytes(annotations: Mapping[str, str]) -> int:
    """Return the size of annotations as the API limits it."""
    return sum(len(text.encode()) for item in annotations.items() for text in item)


def _label_causes(metadata: JsonObject) -> Iterator[Cause]:
    for key, value in metadata.get("labels", {}).items():
        yield from _qualified_name_causes("metadata.labels", key)
        if len(value) > 63:
            yield _bad("metadata.labels", value, "must be no more than 63 characters")
        if value and not _LABEL_NAME.fullmatch(value):
            yield _bad("metadata.labels", value, _LABEL_VALUE_TEXT)


def _annotation_causes(metadata: JsonObject) -> Iterator[Cause]:
    annotations = metadata.get("annotations", {})
    for key in annotations:
        yield from _qualified_name_causes("metadata.annotations", key, key.lower())
    if annotation_bytes(annotations) > MAXIMUM_ANNOTATION_BYTES:
        yield _too_long("metadata.annotations", MAXIMUM_ANNOTATION_BYTES)


def _finalizer_causes(finalizers: Sequence[str]) -> Iterator[Cause]:
    for number, each in enumerate(finalizers):
        yield from _qualified_name_causes("metadata.finalizers", each)
        if "/" not in each and each not in _STANDARD_FINALIZERS:
            yield _bad(f"metadata.finalizers[{number}]", each, _FINALIZER_TEXT)
    if {"orphan", "foregroundDeletion"} <= {*finalizers}:
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        yield Cause("FieldValueInvalid", f"Invalid value: {_go_list(finalizers)}: {why}", "metadata.finalizers")


def _owner_causes(owners: Sequence[JsonObject]) -> Iterator[Cause]:
    for each in owners:
        version = each["apiVersion"]
        if version.count("/") > 1 or version.endswith("/") or not version:
            yield _bad("metadata.ownerReferences.apiVersion", version, "version must not be empty")
        for field in ("kind", "name", "uid"):
            if not each[field]:
                yield _bad(f"metadata.ownerReferences.{field}", "", "must not be empty")
        if each["kind"] == "Event" and version.removeprefix("/") == "v1":
            why = "/v1, Kind=Event is disallowed from being an owner"
            value = json.dumps(each, separators=(",", ":"))
            yield Cause("FieldValueInvalid", f"Invalid value: {value}: {why}", "metadata.ownerReferences")
    controllers = [f"{each['kind']}/{each['name']}" for each in owners if each.get("controller")]
    for other in controllers[1:]:
        which = f"{controllers[0]} and {other}"
        why = f'Only one reference can have Controller set to true. Found "true" in references for {which}'
        listed = json.dumps(owners, separators=(",", ":"))
        yield Cause("FieldValueInvalid", f"Invalid value: {listed}: {why}", "metadata.ownerReferences")


def _qualified_name_causes(field: str, key: str, checked: str | None = None) -> Iterator[Cause]:
    """Yield the problems of a label's or annotation's key: an optional DNS prefix and a slash, then a name."""
    parts = (key if checked is None else checked).split("/")
    name = parts[-1]
    if len(parts) > 2:
        with_prefix = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        yield _bad(field, key, f"a valid label key {_LABEL_NAME_TEXT}{with_prefix}")
        return
    if len(parts) == 2 and not parts[0]:
        yield _bad(field, key, "prefix part must be non-empty")
    elif len(parts) == 2 and len(parts[0]) > 253:
        yield _bad(field, key, "prefix part must be no more than 253 characters")
    elif len(parts) == 2 and not _SUBDOMAIN.fullmatch(parts[0]):
        yield _bad(field, key, f"prefix part {_SUBDOMAIN_TEXT}")
    if not name:
        yield _bad(field, key, "name part must be non-empty")
    elif len(name) > 63:
        yield _bad(field, key, "name part must be no more than 63 characters")
    if not _LABEL_NAME.fullmatch(name):
        yield _bad(field, key, f"name part {_LABEL_NAME_TEXT}")


def _secret_causes(content: JsonObject) -> Iterator[Cause]:
    data: dict[str, Any] = content.get("data", {})
    for key in data:
        yield from _data_key_causes("data", key)
    if sum(len(base64.b64decode(text)) for text in data.values()) > MAXIMUM_DATA_BYTES:
        yield _too_long("data", MAXIMUM_DATA_BYTES)
    if content["type"] == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        yield _required("data[username]")
        yield _required("data[password]")
    for key in REQUIRED_KEYS.get(content["type"], ()):
        if key not in data or (key in KEYS_WITH_A_VALUE and not data[key]):
            yield _required(f"data[{key}]")
        elif key in KEYS_WITH_JSON and not is_json_object(base64.b64decode(data[key])):
            yield _bad(f"data[{key}]", "<secret contents redacted>", "it is not a JSON object")
    annotations = content["metadata"].get("annotations", {})
    if content["type"] == "kubernetes.io/service-account-token" and not annotations.get(_ACCOUNT_NAME):
        yield _required(f"metadata.annotations[{_ACCOUNT_NAME}]")


def _config_map_causes(content: JsonObject) -> Iterator[Cause]:
    data: dict[str, str] = content.get("data", {})
    binary: dict[str, str] = content.get("binaryData", {})
    for key in data:
        yield from _data_key_causes("data", key)
        if key in binary:
            yield _bad(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in binary:
        yield from _data_key_causes("binaryData", key)
    size = sum(len(text.encode()) for text in data.values())
    if size + sum(len(base64.b64decode(text)) for text in binary.values()) > MAXIMUM_DATA_BYTES:
        # A path without a name, for the whole object.
        yield _too_long("[]", MAXIMUM_DATA_BYTES)


def _data_key_causes(parent: str, key: str) -> Iterator[Cause]:
    field = f"{parent}[{key}]"
    if len(key) > 253:
        yield _bad(field, key, "must be no more than 253 characters")
    if not _DATA_KEY.fullmatch(key):
        yield _bad(field, key, _DATA_KEY_TEXT)
    if key == ".":
        yield _bad(field, key, "must not be '.'")
    elif key == "..":
        yield _bad(field, key, "must not be '..'")
    elif key.startswith(".."):
        yield _bad(field, key, "must not start with '..'")
