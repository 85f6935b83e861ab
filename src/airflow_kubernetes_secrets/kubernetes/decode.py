"""Decode the responses of the API to objects.

This uses ``msgspec``, on which every supported Airflow depends. It reads 10,000 Secrets into typed structures in a
seventh of the time that ``json`` needs. Other parts of a Secret (``managedFields``) never become objects.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from airflow_kubernetes_secrets.errors import ExpiredVersionError
from airflow_kubernetes_secrets.kubernetes.http1 import Response
from airflow_kubernetes_secrets.kubernetes.objects import Change, Secret, SecretList, WatchEvent, kept_annotations
from airflow_kubernetes_secrets.messages.printable import printable

# The limit for the API server's message about an error. It becomes a part of other messages, and can be anything.
_LONGEST_MESSAGE_BYTES = 1024

_WRONG_SENDER = "something between Airflow and the API server may respond in its place"


class MalformedBodyError(Exception):
    """A body is not a response of the API. Neither the message nor the cause contains anything of the body."""


def another_namespace(namespace: str) -> MalformedBodyError:
    """Return the error for a response with a Secret of another namespace than the requested one."""
    return MalformedBodyError(
        f"the response contains a Secret of another namespace than {namespace!r}; {_WRONG_SENDER}"
    )


def another_secret(namespace: str, name: str) -> MalformedBodyError:
    """Return the error for a response that is another Secret than the requested one."""
    return MalformedBodyError(f"the response is another Secret than {namespace}/{name}; {_WRONG_SENDER}")


class _Collection(msgspec.Struct, frozen=True):
    resourceVersion: str  # noqa: N815  # the API's own names


class _Metadata(msgspec.Struct, gc=False):
    name: str
    namespace: str
    creationTimestamp: str | None  # noqa: N815  # the API's own name
    resourceVersion: str = ""  # noqa: N815  # the API's own name
    labels: dict[str, str] | None = None
    # Decoded when a Secret is created from it: most annotations are not kept.
    annotations: msgspec.Raw = msgspec.Raw()


class _Secret(msgspec.Struct, gc=False):
    metadata: _Metadata
    data: dict[str, str] | None = None
    kind: str = ""

    def __repr__(self) -> str:
        """Return a description without the data: error reports show local variables."""
        return f"<{type(self).__name__} {self.metadata.namespace}/{self.metadata.name}>"


class _SecretList(msgspec.Struct):
    kind: str
    items: list[_Secret] | None
    metadata: _Collection


class _Bookmark(msgspec.Struct):
    metadata: _Collection


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Status(msgspec.Struct):
    kind: str = ""
    message: str | None = None
    code: int | None = None


_secret_lists = msgspec.json.Decoder(_SecretList)
_secrets = msgspec.json.Decoder(_Secret)
_annotations = msgspec.json.Decoder(dict[str, str] | None)
_bookmarks = msgspec.json.Decoder(_Bookmark)
_events = msgspec.json.Decoder(_Event)
_statuses = msgspec.json.Decoder(_Status)

# A decoding error can contain the input, so it must not become the cause of ours.
_DECODING_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


def parse_secret_list(response: Response, namespace: str) -> SecretList:
    """Parse the response to a LIST of the Secrets in a namespace.

    Raises:
        MalformedBodyError: it is not a SecretList, or it contains a Secret of another namespace.
    """
    # Many Secrets of an index have the same creation time. They share one string.
    share: dict[str, str] = {}
    try:
        document = _secret_lists.decode(response.body)
        if document.kind == "SecretList" and document.metadata.resourceVersion:
            return SecretList(
                [_secret(item, share, namespace) for item in document.items or ()], document.metadata.resourceVersion
            )
    except _DECODING_ERRORS:
        pass
    raise MalformedBodyError("the response is not a list of Secrets")


def parse_secret(response: Response, namespace: str, name: str) -> Secret:
    """Parse the response to a GET of one Secret.

    Raises:
        MalformedBodyError: it is not a Secret, or has another namespace or name.
    """
    secret = None
    try:
        document = _secrets.decode(response.body)
        if document.kind == "Secret":
            secret = _secret(document, {}, namespace)
    except _DECODING_ERRORS:
        pass
    if secret is None:
        raise MalformedBodyError("the response is not a Secret")
    if secret.name != name:
        raise another_secret(namespace, name)
    return secret


def parse_watch_event(line: bytes, namespace: str) -> WatchEvent:
    """Parse one line of a watch on the Secrets in a namespace.

    Raises:
        ExpiredVersionError: the line reports that the version from which the watch started is too old.
        MalformedBodyError: the line is another error, not an event, or an event of a Secret in another namespace.
    """
    status = found = None
    try:
        event = _events.decode(line)
        if event.type == "ERROR":
            status = _statuses.decode(event.object)
        elif event.type == Change.BOOKMARK.value:
            version = _bookmarks.decode(event.object).metadata.resourceVersion
            found = WatchEvent(Change.BOOKMARK, version)
        else:
            item = _secrets.decode(event.object)
            found = WatchEvent(Change(event.type), item.metadata.resourceVersion, _secret(item, {}, namespace))
    except _DECODING_ERRORS:
        pass
    if status is not None:
        _raise(status)
    if found is None or not found.resource_version:
        raise MalformedBodyError("a line of the watch is not an event of a Secret")
    return found


def _raise(status: _Status) -> NoReturn:
    message = _shortened(status.message or "")
    if status.code == 410:
        raise ExpiredVersionError(message)
    raise MalformedBodyError(f"the watch ended with an error: {status.code} {message}".rstrip())


def _secret(item: _Secret, share: dict[str, str], namespace: str) -> Secret:
    metadata = item.metadata
    if metadata.namespace != namespace:
        raise another_namespace(namespace)
    created = metadata.creationTimestamp or ""
    labels = metadata.labels or {}
    return Secret(
        namespace=namespace,
        name=metadata.name,
        created=share.setdefault(created, created),
        labels=labels,
        data=item.data or {},
        annotations=kept_annotations(_annotations.decode(metadata.annotations), labels)
        if metadata.annotations
        else None,
    )


def status_message(body: bytes | bytearray) -> str:
    """Return the ``message`` of a Status, the object with which the API describes an error; empty for another body.

    The result is one printable line of up to 1 KiB. A longer message is cut off, with a note.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    try:
        document = _statuses.decode(body)
    except _DECODING_ERRORS:
        return ""
    return _shortened(document.message or "") if document.kind == "Status" else ""


def _shortened(message: str) -> str:
    # No character becomes shorter, so more characters than this are never needed.
    start = printable(message[: _LONGEST_MESSAGE_BYTES + 1]).encode("utf-8")
    if len(start) <= _LONGEST_MESSAGE_BYTES:
        return start.decode("utf-8")
    mark = f" [cut off: {len(message)} characters in all]"
    return start[: _LONGEST_MESSAGE_BYTES - len(mark)].decode("utf-8", "ignore") + mark
