"""Responses without the data of objects, for clients that need only their metadata.

https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
"""

from __future__ import annotations

from airflow_kubernetes_secrets_devserver.status import StatusError
from airflow_kubernetes_secrets_devserver.store import JsonObject

OBJECT, LIST = "PartialObjectMetadata", "PartialObjectMetadataList"
_VERSION = "meta.k8s.io/v1"


def requested_kind(accept: str) -> str:
    """Return the kind of metadata that the Accept header requests first; empty if it requests something else."""
    for each in accept.split(","):
        parts = {part.strip() for part in each.split(";")}
        if {"application/json", "g=meta.k8s.io", "v=v1"} <= parts:
            return next((kind for kind in (OBJECT, LIST) if f"as={kind}" in parts), "")
    return ""


def only_metadata(found: JsonObject, kind: str) -> JsonObject:
    """Return an object, or the objects of a list, without the data.

    Raises:
        StatusError: 406, a list is requested as an object, or an object as a list.
    """
    is_list = "items" in found
    if is_list != (kind == LIST):
        what = "a list" if is_list else "not a list"
        text = f"you requested {kind}, but the requested object is {what} (*core.{found['kind']})"
        raise StatusError(406, "NotAcceptable", text)
    if not is_list:
        return metadata_of(found)
    head = {"kind": LIST, "apiVersion": _VERSION, "metadata": found["metadata"]}
    return {**head, "items": [metadata_of(each) for each in found["items"]]}


def metadata_of(found: JsonObject) -> JsonObject:
    """Return one object without the data."""
    return {"kind": OBJECT, "apiVersion": _VERSION, "metadata": found["metadata"]}
