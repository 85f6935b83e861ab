"""Secrets and ConfigMaps, with the parts that a lookup needs, and their resources in the API.

Threads share these objects, so nothing changes them. A module that derives a value from one stores it in
:class:`DerivedValues` of its own.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Mapping
from typing import Generic, NoReturn, TypeVar
from weakref import ref

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.printable import printable

Source = TypeVar("Source")
Value = TypeVar("Value")


class Resource:
    """A resource of the API.

    Attributes:
        kind: the kind of its objects.
        plural: its name in paths and in RBAC.
    """

    __slots__ = ("kind", "plural")

    def __init__(self, kind: str, plural: str) -> None:
        self.kind = kind
        self.plural = plural

    def __repr__(self) -> str:
        return f"<Resource {self.plural}>"


SECRETS = Resource("Secret", "secrets")
CONFIG_MAPS = Resource("ConfigMap", "configmaps")


def kept_annotations(annotations: Mapping[str, str] | None, labels: Mapping[str, str]) -> dict[str, str] | None:
    """Return the annotations that are for this package, or have the key of a label; ``None`` if there are none.

    Others do not stay in memory: one of them is kubectl's copy of everything that it applied, including passwords.
    """
    if not annotations:
        return None
    return {
        key: text for key, text in annotations.items() if key in labels or key.startswith(ANNOTATION_PREFIX)
    } or None


# In base64: ``==`` and a line break, with the padding that these need.
_LONGEST_PADDING = 8


def _is_padding(value: str) -> bool:
    """Return whether a value in base64 is blank, or contains nothing but the padding of base64."""
    try:
        return not a2b_base64(value).strip(b"= \r\n")
    except Error:
        return False


def _may_be_credential(key: str, value: str) -> bool:
    """Return whether a key without a value can be a credential in base64 that was split at its padding.

    An empty value can be what followed the only ``=``. The length of the key then fits, and hardly any credential has
    no capital letter and no digit.
    """
    padding = a2b_base64(value)
    if padding:
        return b"=" in padding
    has_case_or_digit = any(each.isupper() or each.isdigit() for each in key)
    return len(key) % 4 == 3 and key.isalnum() and has_case_or_digit


class Secret:
    """A Secret. Its data stays in base64 until a key is read. Its ``repr`` never shows the data.

    Threads share Secrets, so a Secret cannot be changed. Secrets are compared by identity.

    Attributes:
        resource: the resource that it is an object of.
        annotation_part: what messages call one of its annotations.
        annotation_suffix: what a remedy says after the name of an annotation, such as `` in 'references'``; empty if
            the user adds annotations to the object itself.
        bundle_key: the key of a bundle whose entry this is; empty if it is no entry of a bundle.
        created: the creation time in the API's format (RFC 3339 in UTC, whole seconds), which sorts as a string.
        data: the values in base64, by key.
        annotations: those that :func:`kept_annotations` keeps.
    """

    __slots__ = ("__weakref__", "annotations", "created", "data", "labels", "name", "namespace")

    resource: Resource = SECRETS
    annotation_part: str = "annotation"
    annotation_suffix: str = ""
    bundle_key: str = ""
    namespace: str
    name: str
    created: str
    labels: Mapping[str, str]
    data: Mapping[str, str]
    annotations: Mapping[str, str] | None

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
        store = object.__setattr__
        store(self, "namespace", namespace)
        store(self, "name", name)
        store(self, "created", created)
        store(self, "labels", labels)
        store(self, "data", data)
        store(self, "annotations", annotations)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Secret cannot be changed, so {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Secret cannot be changed, so {name!r} cannot be deleted")

    @property
    def object_kind(self) -> str:
        """The kind of the object, such as ``Secret``."""
        return self.resource.kind

    @property
    def full_name(self) -> str:
        """Kind, namespace and name for a message."""
        return f"{self.object_kind} {self}"

    @property
    def listed_name(self) -> str:
        """Namespace and name, as tables show them. The kind is added for an object that is not a Secret."""
        return str(self) if self.resource is SECRETS else self.full_name

    @property
    def can_be_annotated(self) -> bool:
        """Whether a user can add annotations that describe it."""
        return True

    @property
    def is_mounted(self) -> bool:
        """Whether it comes from mounted files. Its namespace is then a path, which the name of no namespace can be."""
        return self.namespace.startswith("/")

    @property
    def age_order(self) -> tuple[str, str]:
        """The sort key that orders matches: the oldest first, then by name."""
        return (self.created, self.name)

    def value(self, key: str) -> bytes:
        """Return the bytes under ``key``.

        Raises:
            KeyError: there is no such key.
            binascii.Error: the value is not base64.
        """
        return a2b_base64(self.data[key])

    def malformed(self, key: str, problem: str, *, part: str = "key") -> MalformedSecretError:
        """Return the error for unusable content.

        Args:
            part: what the message calls ``key``, such as "key" or "annotation".
        """
        return MalformedSecretError(self.namespace, self.name, key, problem, part=part, object_kind=self.object_kind)

    def keys_text(self) -> str:
        """Return a description of the keys of the data, for an error."""
        keys = self.keys_to_show()
        blank = len(self.data) - len(keys)
        more = f" and {blank} without a value" if blank else ""
        return f"the keys are {first_names(map(repr, keys), len(keys)) or 'none at all'}{more}"

    def keys_to_show(self, *, blank: bool = False) -> list[str]:
        """Return the keys of the data that have a value, in order.

        The name of a key without a value can be a credential: ``--from-literal=T0KEN==`` makes a key of a value in
        base64, and its value is the padding.

        Args:
            blank: whether to include keys without a value that are no such credential. In a bundle, they are ids.
        """
        return sorted(
            key
            for key, value in self.data.items()
            if len(value) > _LONGEST_PADDING or not _is_padding(value) or (blank and not _may_be_credential(key, value))
        )

    def __str__(self) -> str:
        """Return namespace and name for a message. The API server sent them, so they can be anything."""
        return printable(f"{self.namespace}/{self.name}")

    def __repr__(self) -> str:
        return f"<{self.full_name} created={self.created} labels={dict(self.labels)} keys={sorted(self.data)}>"


class ConfigMap(Secret):
    """A ConfigMap, with the interface of a Secret: its values are in base64 too. Lookups read only variables in it."""

    __slots__ = ()

    resource = CONFIG_MAPS


def config_map_data(texts: Mapping[str, str] | None, binary: Mapping[str, str] | None) -> dict[str, str]:
    """Return the values of a ConfigMap in base64.

    Args:
        texts: its ``data``.
        binary: its ``binaryData``, which is in base64.

    Raises:
        UnicodeEncodeError: a string is not Unicode.
    """
    encoded = {key: b2a_base64(text.encode(), newline=False).decode("ascii") for key, text in (texts or {}).items()}
    return {**encoded, **(binary or {})}


class DerivedValues(Generic[Source, Value]):
    """Values by the object from which they were derived. Each is stored until its object no longer exists.

    Objects are compared with ``==``, so their classes must compare them by identity. Any thread may use the values, and
    the process may fork at any moment: each step is atomic.

    A :class:`weakref.WeakKeyDictionary` would run Python code at the end of each object. If a signal handler raised an
    exception there (Airflow's timeouts do), Python would discard that exception.
    """

    __slots__ = ("_forget", "_values")

    def __init__(self) -> None:
        self._values: dict[ref[Source], Value] = {}
        self._forget = self._values.pop

    def get(self, source: Source) -> Value | None:
        """Return the value that was derived from an object; ``None`` if none is stored."""
        return self._values.get(ref(source))

    def put(self, source: Source, value: Value) -> None:
        """Store the value that was derived from an object. The value must not refer to the object."""
        self._values[ref(source, self._forget)] = value
