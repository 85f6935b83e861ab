"""From the bytes of the API to objects.

With ``msgspec``, which every supported Airflow depends on: it reads 10,000 Secrets into typed structures in a seventh
of the time that ``json`` needs, and what a Secret holds beyond that (``managedFields``) never becomes an object.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from airflow_kubernetes_secrets.api.http1 import Response
from airflow_kubernetes_secrets.api.objects import Change, Secret, SecretList, WatchEvent, kept_annotations
from airflow_kubernetes_secrets.errors import ExpiredVersionError


class MalformedBodyError(Exception):
    """A body is not what the API answers. Its text and its cause hold nothing of the body."""


class _Collection(msgspec.Struct, frozen=True):
    resourceVersion: str  # noqa: N815  # the API's own names


class _Metadata(msgspec.Struct, gc=False):
    name: str
    namespace: str
    creationTimestamp: str | None  # noqa: N815
    resourceVersion: str = ""  # noqa: N815
    labels: dict[str, str] | None = None
    # Read where a Secret is made of it: most of what annotations hold is not kept.
    annotations: msgspec.Raw = msgspec.Raw()


class _Secret(msgspec.Struct, gc=False):
    metadata: _Metadata
    data: dict[str, str] | None = None
    kind: str = ""

    def __repr__(self) -> str:
        """Without the data: error reports show the variables of frames."""
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

# A decoding error can carry what it stumbled over, so none may become the cause of ours.
_DECODING_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


def parse_secret_list(response: Response) -> SecretList:
    """Read the answer to a LIST of Secrets.

    Raises:
        MalformedBodyError: it is not a SecretList.
    """
    # Many Secrets of an index have the same namespace and time: one text serves them all.
    share: dict[str, str] = {}
    try:
        document = _secret_lists.decode(response.body)
        if document.kind == "SecretList" and document.metadata.resourceVersion:
            return SecretList(
                [_secret(item, share) for item in document.items or ()], document.metadata.resourceVersion
            )
    except _DECODING_ERRORS:
        pass
    raise MalformedBodyError("the answer is not a list of Secrets")


def parse_secret(response: Response) -> Secret:
    """Read the answer to a GET of one Secret.

    Raises:
        MalformedBodyError: it is not a Secret.
    """
    try:
        document = _secrets.decode(response.body)
        if document.kind == "Secret":
            return _secret(document, {})
    except _DECODING_ERRORS:
        pass
    raise MalformedBodyError("the answer is not a Secret")


def parse_watch_event(line: bytes) -> WatchEvent:
    """Read one line of a watch.

    Raises:
        ExpiredVersionError: it says that the version the watch began with is too old.
        MalformedBodyError: it is another error, or no event.
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
            found = WatchEvent(Change(event.type), item.metadata.resourceVersion, _secret(item, {}))
    except _DECODING_ERRORS:
        pass
    if status is not None:
        _raise(status)
    if found is None or not found.resource_version:
        raise MalformedBodyError("a line of the watch is not an event of a Secret")
    return found


def _raise(status: _Status) -> NoReturn:
    if status.code == 410:
        raise ExpiredVersionError(status.message or "")
    raise MalformedBodyError(f"the watch ended with an error: {status.code} {status.message or ''}".rstrip())


def _secret(item: _Secret, share: dict[str, str]) -> Secret:
    metadata = item.metadata
    created = metadata.creationTimestamp or ""
    labels = metadata.labels or {}
    return Secret(
        namespace=share.setdefault(metadata.namespace, metadata.namespace),
        name=metadata.name,
        created=share.setdefault(created, created),
        labels=labels,
        data=item.data or {},
        annotations=kept_annotations(_annotations.decode(metadata.annotations), labels)
        if metadata.annotations
        else None,
    )


def status_message(body: bytes | bytearray) -> str:
    """The ``message`` of a Status, which is how the API words an error; empty if the body is something else.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    try:
        document = _statuses.decode(body)
    except _DECODING_ERRORS:
        return ""
    return (document.message or "") if document.kind == "Status" else ""
