"""Bodies in protocol buffers, which kubectl (from 1.32 on) and other Go clients send. They all read JSON responses.

Field numbers: ``generated.proto`` of k8s.io/api core/v1, authorization/v1 and k8s.io/apimachinery meta/v1 and runtime.
The encoding: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, read_json
from airflow_kubernetes_secrets_devserver.received import as_go_reads
from airflow_kubernetes_secrets_devserver.store import JsonObject

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _LENGTH = 0, 2

Read = Callable[[Any], Any]


class UndecodableError(ValueError):
    """The bytes are not such a message. The error message quotes none of them."""


@dataclass(frozen=True)
class Field:
    """A field of a message.

    Attributes:
        name: its name in JSON.
        read: converts the value.
        many: ``list``, ``map``, or empty for a single value.
    """

    name: str
    read: Read
    many: str = ""


def raw(value: Any) -> bytes:
    """Return a length-delimited value; TypeError for a number."""
    # bytes(5) would return five zero bytes for the number 5.
    if not isinstance(value, bytes):
        raise TypeError
    return value


def text(value: Any) -> str:
    """Return a string value."""
    return str(raw(value), "utf-8")


def octets(value: Any) -> str:
    """Return a bytes value in base64, as JSON has it."""
    return base64.b64encode(raw(value)).decode()


def message(fields: Mapping[int, Field]) -> Read:
    """Return a function that reads a message with these fields."""
    return lambda value: decode_message(value, fields)


def _map(name: str, read: Read) -> Field:
    return Field(name, message({1: Field("key", text), 2: Field("value", read)}), many="map")


def boolean(value: Any) -> bool:
    """Return a boolean value; TypeError for a value with a length."""
    if not isinstance(value, int):
        raise TypeError
    return value != 0


def time(value: Any) -> str:
    """Return a time, a message with the seconds since 1970, in the format of the API."""
    seconds = decode_message(raw(value), {1: Field("seconds", int)}).get("seconds", 0)
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        raise UndecodableError("a time in it is out of range") from None


def managed_fields(value: Any) -> Any:
    """Return the ``fieldsV1`` of a manager, which are JSON in a message; None if they are not JSON.

    Raises:
        StatusError: 400, the nesting is too deep, or a number is not finite.
    """
    try:
        return as_go_reads(read_json(decode_message(raw(value), {1: Field("raw", text)}).get("raw", "")))
    except UnreadableError:
        return None


_OWNER = {
    1: Field("kind", text),
    3: Field("name", text),
    4: Field("uid", text),
    5: Field("apiVersion", text),
    6: Field("controller", boolean),
    7: Field("blockOwnerDeletion", boolean),
}
_MANAGER_ENTRY = {
    1: Field("manager", text),
    2: Field("operation", text),
    3: Field("apiVersion", text),
    4: Field("time", time),
    6: Field("fieldsType", text),
    7: Field("fieldsV1", managed_fields),
    8: Field("subresource", text),
}
_METADATA = {
    1: Field("name", text),
    2: Field("generateName", text),
    3: Field("namespace", text),
    5: Field("uid", text),
    6: Field("resourceVersion", text),
    11: _map("labels", text),
    12: _map("annotations", text),
    13: Field("ownerReferences", message(_OWNER), many="list"),
    14: Field("finalizers", text, many="list"),
    17: Field("managedFields", message(_MANAGER_ENTRY), many="list"),
}
_ATTRIBUTES = {
    number: Field(name, text)
    for number, name in enumerate(("namespace", "verb", "group", "version", "resource", "subresource", "name"), 1)
}
_REVIEW = {
    1: Field("resourceAttributes", message(_ATTRIBUTES)),
    2: Field("nonResourceAttributes", message({1: Field("path", text), 2: Field("verb", text)})),
}
_KINDS = {
    "Secret": {
        1: Field("metadata", message(_METADATA)),
        2: _map("data", octets),
        3: Field("type", text),
        4: _map("stringData", text),
        5: Field("immutable", boolean),
    },
    "ConfigMap": {
        1: Field("metadata", message(_METADATA)),
        2: _map("data", text),
        3: _map("binaryData", octets),
        4: Field("immutable", boolean),
    },
    "Namespace": {1: Field("metadata", message(_METADATA))},
    "SelfSubjectAccessReview": {2: Field("spec", message(_REVIEW))},
    "SelfSubjectRulesReview": {2: Field("spec", message({1: Field("namespace", text)}))},
    "SelfSubjectReview": {},
    "DeleteOptions": {
        2: Field("preconditions", message({1: Field("uid", text), 2: Field("resourceVersion", text)})),
        3: Field("orphanDependents", boolean),
        4: Field("propagationPolicy", text),
        5: Field("dryRun", text, many="list"),
    },
}
_TYPE = {1: Field("apiVersion", text), 2: Field("kind", text)}
_ENVELOPE = {1: Field("type", message(_TYPE)), 2: Field("raw", raw)}


def decode(body: bytes) -> JsonObject:
    """Return the object in ``body`` as JSON. Fields that the devserver does not use are dropped.

    Raises:
        UndecodableError: the body is not such a message, or its kind is not served.
    """
    if not body.startswith(_MAGIC):
        raise UndecodableError("it does not begin as Kubernetes' protocol buffers do")
    envelope = decode_message(body[len(_MAGIC) :], _ENVELOPE)
    type_ = envelope.get("type", {})
    fields = _KINDS.get(type_.get("kind", ""))
    if fields is None:
        raise UndecodableError("it is of a kind that the devserver does not know")
    return {**type_, **decode_message(envelope.get("raw", b""), fields)}


def decode_message(body: bytes, fields: Mapping[int, Field]) -> JsonObject:
    """Return a message with these fields as JSON. Other fields are dropped.

    Raises:
        UndecodableError: the message is incomplete, or a field has a value of another type.
    """
    result: JsonObject = {}
    for number, value in _fields(body):
        field = fields.get(number)
        if field is None:
            continue
        try:
            found = field.read(value)
        except (TypeError, UnicodeDecodeError):
            raise UndecodableError(f"{field.name} is not what it should be") from None
        if field.many == "map":
            result.setdefault(field.name, {})[found.get("key", "")] = found.get("value", "")
        elif field.many:
            result.setdefault(field.name, []).append(found)
        else:
            result[field.name] = found
    return result


def _fields(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        value, at = _varint(body, at)
        if tag & 7 == _LENGTH:
            at, value_bytes = at + value, body[at : at + value]
            if len(value_bytes) != value:
                raise UndecodableError("it ends too early")
            yield tag >> 3, value_bytes
        elif tag & 7 == _VARINT:
            yield tag >> 3, value
        else:
            raise UndecodableError("it has a field that Kubernetes does not use")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while at < len(body) and shift < 64:
        byte = body[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, at
        shift += 7
    raise UndecodableError("it ends too early")


def encode(number: int, content: bytes) -> bytes:
    """Return one length-delimited field."""
    return bytes([*_encode_varint(number << 3 | _LENGTH), *_encode_varint(len(content))]) + content


def _encode_varint(number: int) -> Iterator[int]:
    while number > 127:
        yield number & 127 | 128
        number >>= 7
    yield number
