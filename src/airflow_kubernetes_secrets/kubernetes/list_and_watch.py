"""The results of LIST and WATCH."""

from __future__ import annotations

from enum import Enum

from airflow_kubernetes_secrets.kubernetes.objects import Secret


class SecretList:
    """The response to a LIST of Secrets or ConfigMaps.

    Attributes:
        resource_version: the version of this collection. A watch can start from it.
    """

    __slots__ = ("resource_version", "secrets")

    def __init__(self, secrets: list[Secret], resource_version: str) -> None:
        self.secrets = secrets
        self.resource_version = resource_version


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
