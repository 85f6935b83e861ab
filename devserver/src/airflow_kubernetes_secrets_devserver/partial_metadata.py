"""Responses without the data of objects, for clients that need only their metadata.

https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
"""

from __future__ import annotations

from airflow_kubernetes_secrets_devserver.status import StatusError
from airflow_kubernetes_secrets_devserver.store import JsonObject

OBJECT, LIST = "PartialObjectMetadata", "PartialObjectMetadataList"


def only_metadata(found: JsonObject, kind: str, version: str) -> JsonObject:
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
        return metadata_of(found, version)
    head = {"kind": LIST, "apiVersion": version, "metadata": found["metadata"]}
    return {**head, "items": [metadata_of(each, version) for each in found["items"]]}


def metadata_of(found: JsonObject, version: str) -> JsonObject:
    """Return one object without the data."""
    return {"kind": OBJECT, "apiVersion": version, "metadata": found["metadata"]}
