"""Decode the responses of the API to objects.

This uses ``msgspec``, on which every supported Airflow depends. It reads 10,000 Secrets into typed structures in a
seventh of the time that ``json`` needs. Other parts of a Secret (``managedFields``) never become objects.

This module does not import ``annotations`` from ``__future__``: ``msgspec`` would have to compile each annotation,
which slows the import.
"""

import msgspec

from airflow_kubernetes_secrets.kubernetes.http1 import Response
from airflow_kubernetes_secrets.kubernetes.objects import (
    CONFIG_MAPS,
    ConfigMap,
    Resource,
    Secret,
    config_map_data,
    kept_annotations,
)
from airflow_kubernetes_secrets.messages.printable import printable

# The limit for the API server's message about an error. It becomes a part of other messages, and can be anything.
_LONGEST_MESSAGE_BYTES = 1024

_WRONG_SENDER = "something between Airflow and the API server may respond in its place"


class MalformedBodyError(Exception):
    """A body is not a response of the API. Neither the message nor the cause contains anything of the body."""


def another_namespace(resource: Resource, namespace: str) -> MalformedBodyError:
    """Return the error for a response with an object of another namespace than the requested one."""
    return MalformedBodyError(
        f"the response contains a {resource.kind} of another namespace than {namespace!r}; {_WRONG_SENDER}"
    )


def another_object(resource: Resource, namespace: str, name: str) -> MalformedBodyError:
    """Return the error for a response that is another object than the requested one."""
    return MalformedBodyError(f"the response is another {resource.kind} than {namespace}/{name}; {_WRONG_SENDER}")


class SecretList:
    """The response to a LIST of Secrets or ConfigMaps.

    Attributes:
        resource_version: the version of this collection. A watch can start from it.
    """

    __slots__ = ("resource_version", "secrets")

    def __init__(self, secrets: list[Secret], resource_version: str) -> None:
        self.secrets = secrets
        self.resource_version = resource_version


class Collection(msgspec.Struct, frozen=True, rename="camel"):
    """The metadata of a collection, as in the response to a LIST or in a bookmark."""

    resource_version: str


class _Metadata(msgspec.Struct, gc=False, rename="camel"):
    name: str
    namespace: str
    creation_timestamp: str | None
    resource_version: str = ""
    labels: dict[str, str] | None = None
    # Decoded when a Secret is created from it: most annotations are not stored.
    annotations: msgspec.Raw = msgspec.Raw()


class _Object(msgspec.Struct, gc=False, rename="camel"):
    """A Secret or ConfigMap. Only the second can have ``binaryData``."""

    metadata: _Metadata
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    kind: str = ""

    def __repr__(self) -> str:
        """Return a description without the data: error reports show local variables."""
        return f"<{type(self).__name__} {self.metadata.namespace}/{self.metadata.name}>"


class _List(msgspec.Struct):
    kind: str
    items: list[_Object] | None
    metadata: Collection


class Status(msgspec.Struct):
    """The object with which the API describes an error."""

    kind: str = ""
    message: str | None = None
    reason: str | None = None
    code: int | None = None


# The decoders are made now and not at the first response, because ``msgspec`` prepares a type in steps. If a thread, a
# signal handler or a forked child decodes a type that another thread is preparing, the process crashes.
_lists = msgspec.json.Decoder(_List)
objects = msgspec.json.Decoder(_Object)
_annotations = msgspec.json.Decoder(dict[str, str] | None)
statuses = msgspec.json.Decoder(Status)

# A decoding error can contain the input, so it must not become the cause of ours.
DECODING_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


def parse_list(response: Response, resource: Resource, namespace: str) -> SecretList:
    """Parse the response to a LIST of the objects of a resource in a namespace.

    Raises:
        MalformedBodyError: it is not such a list, or it contains an object of another namespace.
    """
    # Many objects of an index have the same creation time. They share one string.
    share: dict[str, str] = {}
    try:
        document = _lists.decode(response.body)
        if document.kind == f"{resource.kind}List" and document.metadata.resource_version:
            return SecretList(
                [secret_of(item, share, resource, namespace) for item in document.items or ()],
                document.metadata.resource_version,
            )
    except DECODING_ERRORS:
        pass
    raise MalformedBodyError(f"the response is not a list of {resource.kind}s")


def parse_object(response: Response, resource: Resource, namespace: str, name: str) -> Secret:
    """Parse the response to a GET of one object.

    Raises:
        MalformedBodyError: it is an object of another resource, or has another namespace or name.
    """
    secret = None
    try:
        document = objects.decode(response.body)
        if document.kind == resource.kind:
            secret = secret_of(document, {}, resource, namespace)
    except DECODING_ERRORS:
        pass
    if secret is None:
        raise MalformedBodyError(f"the response is not a {resource.kind}")
    if secret.name != name:
        raise another_object(resource, namespace, name)
    return secret


def secret_of(item: _Object, share: dict[str, str], resource: Resource, namespace: str) -> Secret:
    """Return the Secret or ConfigMap of a decoded object.

    Args:
        share: the creation times that are in memory already. Equal ones become one string.

    Raises:
        MalformedBodyError: it is in another namespace.
    """
    metadata = item.metadata
    if metadata.namespace != namespace:
        raise another_namespace(resource, namespace)
    created = metadata.creation_timestamp or ""
    labels = metadata.labels or {}
    is_config_map = resource is CONFIG_MAPS
    return (ConfigMap if is_config_map else Secret)(
        namespace=namespace,
        name=metadata.name,
        created=share.setdefault(created, created),
        labels=labels,
        data=config_map_data(item.data, item.binary_data) if is_config_map else item.data or {},
        annotations=kept_annotations(_annotations.decode(metadata.annotations), labels)
        if metadata.annotations
        else None,
    )


def status_message(body: bytes | bytearray) -> str:
    """Return the ``message`` of a Status, the object with which the API describes an error; empty for another body.

    Both ``message`` and ``reason``, which replaces it, are optional. The result is one printable line of up to 1 KiB. A
    longer message is cut off, with a note.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    try:
        document = statuses.decode(body)
    except DECODING_ERRORS:
        return ""
    return shortened(document.message or document.reason or "(no reason given)") if document.kind == "Status" else ""


def shortened(message: str) -> str:
    """Return a message of the API server as one printable line of up to 1 KiB."""
    # No character becomes shorter, so more characters than this are never needed.
    start = printable(message[: _LONGEST_MESSAGE_BYTES + 1]).encode("utf-8")
    if len(start) <= _LONGEST_MESSAGE_BYTES:
        return start.decode("utf-8")
    mark = f" [cut off: {len(message)} characters in all]"
    return start[: _LONGEST_MESSAGE_BYTES - len(mark)].decode("utf-8", "ignore") + mark
