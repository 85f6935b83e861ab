"""Kubernetes objects, as far as a lookup needs them."""

from __future__ import annotations

from binascii import Error, a2b_base64
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from typing import Any

from airflow_kubernetes_secrets.listing import few
from airflow_kubernetes_secrets.printable import printable

ANNOTATION_PREFIX = "airflow.apache.org/"

# The labels by default, which are annotations too where a label cannot hold an id. They do not describe a Secret.
IDENTIFIERS = frozenset(
    f"{ANNOTATION_PREFIX}{name}" for name in ("connection-id", "variable-key", "config-key", "team")
)


def kept_annotations(annotations: Mapping[str, str] | None, labels: Mapping[str, str]) -> dict[str, str] | None:
    """Of a Secret's annotations those that are for this package, or have the key of a label; ``None`` if none is.

    Others do not stay in memory: one of them is kubectl's copy of all that it was given, passwords included.
    """
    if not annotations:
        return None
    return {
        key: text for key, text in annotations.items() if key in labels or key.startswith(ANNOTATION_PREFIX)
    } or None


# In base64: ``==`` and a line break, with what pads that.
_LONGEST_PADDING = 8


def _is_padding(value: str) -> bool:
    """Whether a value, in base64, is blank or nothing but the padding of base64."""
    try:
        return not a2b_base64(value).strip(b"= \r\n")
    except Error:
        return False


class Secret:
    """A Secret. Its data stays base64 text until a key is asked for; its ``repr`` never shows it.

    Attributes:
        created: the creation time as the API writes it (RFC 3339 in UTC, whole seconds), which sorts as text.
        data: the values in base64, by key.
        annotations: those that :func:`kept_annotations` leaves.
        fields: what its annotations and keys say of a connection, or the error in them, once that has been made out.
        connection, variable: what Airflow is given for it, once that has been made out. An index answers with the same
            Secret again and again.
        objections: why some parts of Airflow cannot use the connection, once that has been made out.
        masked: in which processes, and forms, its values have been registered with Airflow's masker.
    """

    __slots__ = (
        "annotations",
        "connection",
        "created",
        "data",
        "fields",
        "labels",
        "masked",
        "name",
        "namespace",
        "objections",
        "variable",
    )

    def __init__(
        self,
        namespace: str,
        name: str,
        created: str,
        labels: Mapping[str, str],
        data: Mapping[str, str],
        *,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.created = created
        self.labels = labels
        self.data = data
        self.annotations = annotations
        self.fields: Any = None
        self.connection: str | None = None
        self.objections: Sequence[Any] = ()
        self.variable: str | None = None
        self.masked: Set[tuple[object, str]] = frozenset()

    @property
    def age_order(self) -> tuple[str, str]:
        """The order in which several matches are taken: the oldest first, then by name."""
        return (self.created, self.name)

    def value(self, key: str) -> bytes:
        """The bytes under ``key``.

        Raises:
            KeyError: there is no such key.
        """
        return a2b_base64(self.data[key])

    def keys_text(self) -> str:
        """What to say of the keys of its data in an error."""
        keys = self.keys_to_show()
        blank = len(self.data) - len(keys)
        more = f" and {blank} without a value" if blank else ""
        return f"the keys are {few(map(repr, keys), len(keys)) or 'none at all'}{more}"

    def keys_to_show(self) -> list[str]:
        """Return the keys of its data that have a value, in order.

        A key without one can be a credential: ``--from-literal=T0KEN==`` makes one of a value in base64, whose padding
        becomes the value.
        """
        return sorted(
            key for key, value in self.data.items() if len(value) > _LONGEST_PADDING or not _is_padding(value)
        )

    def __str__(self) -> str:
        """Namespace and name for a message. The API server says them, so they can be anything."""
        return printable(f"{self.namespace}/{self.name}")

    def __repr__(self) -> str:
        return f"<Secret {self} created={self.created} labels={dict(self.labels)} keys={sorted(self.data)}>"


class SecretList:
    """The answer to a LIST.

    Attributes:
        resource_version: which version of the collection this is; a watch can go on from it.
    """

    __slots__ = ("resource_version", "secrets")

    def __init__(self, secrets: list[Secret], resource_version: str) -> None:
        self.secrets = secrets
        self.resource_version = resource_version


class Change(Enum):
    """What an event of a watch says of its Secret, as seen by a watcher of one label selector.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
    """

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchEvent:
    """One event of a watch.

    Attributes:
        resource_version: the version of the collection after it.
        secret: the Secret that changed; a bookmark has none.
    """

    __slots__ = ("change", "resource_version", "secret")

    def __init__(self, change: Change, resource_version: str, secret: Secret | None = None) -> None:
        self.change = change
        self.resource_version = resource_version
        self.secret = secret
