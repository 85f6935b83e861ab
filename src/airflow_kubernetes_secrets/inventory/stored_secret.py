"""A Secret or ConfigMap with all the metadata that people see: what a lookup needs, its type, and its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError, another_namespace, another_object
from airflow_kubernetes_secrets.kubernetes.objects import (
    CONFIG_MAPS,
    ConfigMap,
    Resource,
    Secret,
    config_map_data,
    kept_annotations,
)
from airflow_kubernetes_secrets.messages.printable import printable

# The names of operators, by the API group of an owner reference.
_OPERATORS = {
    "external-secrets.io": "External Secrets Operator",
    "bitnami.com": "Sealed Secrets",
    "postgresql.cnpg.io": "CloudNativePG",
    "postgres-operator.crunchydata.com": "Crunchy PGO",
    "acid.zalan.do": "Zalando's Postgres operator",
    "secrets.hashicorp.com": "Vault Secrets Operator",
    "cert-manager.io": "cert-manager",
}

# The labels and annotations with which a tool marks a Secret that has no owner reference.
_OPERATOR_KEYS = (
    ("cnpg.io/cluster", "CloudNativePG"),
    ("reconcile.external-secrets.io/managed", "External Secrets Operator"),
    ("sealedsecrets.bitnami.com/managed", "Sealed Secrets"),
    ("crossplane.io/claim-name", "Crossplane"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("meta.helm.sh/release-name", "Helm"),
)


@dataclass(frozen=True)
class Owner:
    """The object or tool that manages a Secret.

    Attributes:
        operator: the name of the operator for people, or the kind of the owner if its operator is unknown.
        kind, name: the object that owns the Secret; empty if it is unknown.
        controls: whether the owner would undo a change of the Secret.
    """

    operator: str
    kind: str = ""
    name: str = ""
    controls: bool = True

    @property
    def short(self) -> str:
        """The owning object if it is known, or else the operator. Like ``str()`` of an owner it is printable."""
        return printable(f"{self.kind} {self.name}" if self.kind else self.operator)

    def __str__(self) -> str:
        return printable(f"{self.operator} ({self.short})" if self.kind else self.operator)


@dataclass(frozen=True)
class StoredSecret:
    """A Secret, and what else the API server returns with it.

    Attributes:
        type: the type of the Secret, such as ``Opaque`` or ``kubernetes.io/basic-auth``.
        owner: who manages the Secret; ``None`` if that is unknown.
        is_being_deleted: whether the Secret is being deleted and waits for a finalizer.
        version: ``uid`` and ``resourceVersion``, which identify this state of the object; empty if it is unknown.
    """

    secret: Secret
    type: str = ""
    owner: Owner | None = None
    is_being_deleted: bool = False
    version: str = ""

    @property
    def resource_version(self) -> str:
        """The ``resourceVersion``, with which a write is refused if the object has changed; empty if it is unknown."""
        return self.version.partition(" ")[2]


class _OwnerReference(msgspec.Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    namespace: str
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[_OwnerReference] | None = None


class _Object(msgspec.Struct, rename="camel"):
    metadata: _Metadata
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None
    type: str = ""

    def __repr__(self) -> str:
        """Return a description without data and annotations: error reports show local variables."""
        return f"<object {self.metadata.namespace}/{self.metadata.name}>"


class _PageMetadata(msgspec.Struct, rename="camel"):
    next: str = msgspec.field(name="continue", default="")
    remaining_item_count: int | None = None


class _Page(msgspec.Struct):
    metadata: _PageMetadata
    items: list[_Object] | None = None


@dataclass(frozen=True)
class SecretPage:
    """One page of a LIST.

    Attributes:
        next: the token of the next page; empty after the last one.
        remaining: how many Secrets follow, or 0 if the API server does not return it, as with a label selector.
    """

    stored: Sequence[StoredSecret]
    next: str
    remaining: int


_pages = msgspec.json.Decoder(_Page)
_objects = msgspec.json.Decoder(_Object)

_DECODING_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


def read_page(body: bytes | bytearray, resource: Resource, namespace: str) -> SecretPage:
    """Read one page of a LIST of the objects of a resource in a namespace.

    Raises:
        MalformedBodyError: the body is not such a list, or an object in it belongs to another namespace.
    """
    try:
        page = _pages.decode(body)
    except _DECODING_ERRORS:
        pass  # the error can quote the body, so it is not chained
    else:
        if any(item.metadata.namespace != namespace for item in page.items or ()):
            raise another_namespace(resource, namespace)
        stored = [_stored(item, resource) for item in page.items or ()]
        return SecretPage(stored, page.metadata.next, page.metadata.remaining_item_count or 0)
    raise MalformedBodyError(f"the response is not a list of {resource.kind}s")


def read_object(body: bytes | bytearray, resource: Resource, namespace: str, name: str) -> StoredSecret:
    """Read the response to a GET of one object.

    Raises:
        MalformedBodyError: the body is not an object of the resource, or it is another one.
    """
    try:
        item = _objects.decode(body)
    except _DECODING_ERRORS:
        pass
    else:
        if (item.metadata.namespace, item.metadata.name) == (namespace, name):
            return _stored(item, resource)
        raise another_object(resource, namespace, name)
    raise MalformedBodyError(f"the response is not a {resource.kind}")


def _stored(item: _Object, resource: Resource) -> StoredSecret:
    metadata = item.metadata
    labels, annotations = metadata.labels or {}, metadata.annotations or {}
    is_config_map = resource is CONFIG_MAPS
    secret = (ConfigMap if is_config_map else Secret)(
        metadata.namespace,
        metadata.name,
        metadata.creation_timestamp or "",
        labels,
        config_map_data(item.data, item.binary_data) if is_config_map else item.data or {},
        annotations=kept_annotations(annotations, labels),
    )
    owner = _owner(metadata.owner_references or (), {**annotations, **labels})
    # https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    version = f"{metadata.uid} {metadata.resource_version}" if metadata.uid and metadata.resource_version else ""
    return StoredSecret(secret, item.type, owner, metadata.deletion_timestamp is not None, version)


def _owner(references: Sequence[_OwnerReference], labels_and_annotations: Mapping[str, str]) -> Owner | None:
    """Return the owner from the controlling reference, from another reference, or from a known label or annotation."""
    for reference in sorted(references, key=lambda each: not each.controller):
        group = reference.api_version.partition("/")[0]
        return Owner(_OPERATORS.get(group, reference.kind), reference.kind, reference.name, bool(reference.controller))
    for label_or_annotation, operator in _OPERATOR_KEYS:
        if label_or_annotation in labels_and_annotations:
            return Owner(operator)
    return None
