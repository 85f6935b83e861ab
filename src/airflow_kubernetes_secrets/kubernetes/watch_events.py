"""Decode the events of a watch. Only processes with a watch load this module.

This module does not import ``annotations`` from ``__future__``, for the reason that
:mod:`airflow_kubernetes_secrets.kubernetes.decode` names.
"""

from enum import Enum
from typing import NoReturn

import msgspec

from airflow_kubernetes_secrets.errors import ExpiredVersionError
from airflow_kubernetes_secrets.kubernetes.decode import (
    DECODING_ERRORS,
    Collection,
    MalformedBodyError,
    Status,
    objects,
    secret_of,
    shortened,
    statuses,
)
from airflow_kubernetes_secrets.kubernetes.objects import Resource, Secret


class Change(Enum):
    """What an event of a watch reports about its Secret, for a watch with one label selector.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
    """

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchEvent:
    """One event of a watch.

    Attributes:
        resource_version: the version of the collection after the event.
        secret: the Secret that changed; ``None`` for a bookmark.
    """

    __slots__ = ("change", "resource_version", "secret")

    def __init__(self, change: Change, resource_version: str, secret: Secret | None = None) -> None:
        self.change = change
        self.resource_version = resource_version
        self.secret = secret


class _Bookmark(msgspec.Struct):
    metadata: Collection


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


# The decoders are made with the module and not for the first event, as those of responses are.
_bookmarks = msgspec.json.Decoder(_Bookmark)
_events = msgspec.json.Decoder(_Event)


def parse_watch_event(line: bytes, resource: Resource, namespace: str) -> WatchEvent:
    """Parse one line of a watch on the objects of a resource in a namespace.

    Raises:
        ExpiredVersionError: the line reports that the version from which the watch started is too old.
        MalformedBodyError: the line is another error, not an event, or an event of an object in another namespace.
    """
    status = found = None
    try:
        event = _events.decode(line)
        if event.type == "ERROR":
            status = statuses.decode(event.object)
        elif event.type == Change.BOOKMARK.value:
            version = _bookmarks.decode(event.object).metadata.resource_version
            found = WatchEvent(Change.BOOKMARK, version)
        else:
            item = objects.decode(event.object)
            found = WatchEvent(
                Change(event.type), item.metadata.resource_version, secret_of(item, {}, resource, namespace)
            )
    except DECODING_ERRORS:
        pass
    if status is not None:
        _raise(status)
    if found is None or not found.resource_version:
        raise MalformedBodyError(f"a line of the watch is not an event of a {resource.kind}")
    return found


def _raise(status: Status) -> NoReturn:
    message = shortened(status.message or "")
    if status.code == 410:
        raise ExpiredVersionError(message)
    raise MalformedBodyError(f"the watch ended with an error: {status.code} {message}".rstrip())
