"""How a response shows objects: whole, as a Table, or only their metadata. The Accept header selects it.

https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_kubernetes_secrets_devserver import partial_metadata
from airflow_kubernetes_secrets_devserver.objects import ServedResource
from airflow_kubernetes_secrets_devserver.status import StatusError
from airflow_kubernetes_secrets_devserver.store import JsonObject
from airflow_kubernetes_secrets_devserver.tables import table

_GROUP = "meta.k8s.io"
_TABLE = "Table"
_KINDS = (_TABLE, partial_metadata.OBJECT, partial_metadata.LIST)
_VERSIONS = ("v1", "v1beta1")


@dataclass(frozen=True)
class Representation:
    """A representation of objects.

    Attributes:
        kind: the kind that the response contains instead of the objects; empty for the objects themselves.
        version: the version of this kind.
        include: the ``includeObject`` of the query, for a Table.
    """

    kind: str
    version: str
    include: str

    @classmethod
    def requested(cls, accept: str, include: str) -> Representation:
        """Return the first representation in the Accept header that the API has. The media type does not matter.

        Raises:
            StatusError: 406, the API has none of them. Otherwise a client that needs only metadata would get data.
        """
        for each in accept.split(","):
            pairs = (part.partition("=") for part in each.split(";")[1:])
            found = {name.strip(): value.strip() for name, _, value in pairs}
            kind, group, version = (found.get(name, "") for name in ("as", "g", "v"))
            if not (kind or group or version):
                return cls("", "", "")
            if kind in _KINDS and group == _GROUP and version in _VERSIONS:
                return cls(kind, f"{_GROUP}/{version}", include)
        text = "only the following media types are accepted: application/json"
        raise StatusError(406, "NotAcceptable", text)

    def of(self, resource: ServedResource, found: JsonObject) -> JsonObject:
        """Return an object or a list in this representation.

        Raises:
            StatusError: 406, a list is requested as an object, or an object as a list.
        """
        if not self.kind:
            return found
        if self.kind != _TABLE:
            return partial_metadata.only_metadata(found, self.kind, self.version)
        if "items" in found:
            return table(resource, found["items"], found["metadata"], self.include, self.version)
        return self.of_event(resource, found)

    def of_event(self, resource: ServedResource, found: JsonObject) -> JsonObject:
        """Return the object of a watch event in this representation."""
        if not self.kind:
            return found
        if self.kind != _TABLE:
            return partial_metadata.metadata_of(found, self.version)
        metadata = {"resourceVersion": found["metadata"].get("resourceVersion", "")}
        return table(resource, [found], metadata, self.include, self.version)
