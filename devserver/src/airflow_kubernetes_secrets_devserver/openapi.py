"""The OpenAPI v3 document: the fields, for ``kubectl explain``, and the parameter by which the server checks them.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
"""

from __future__ import annotations

from airflow_kubernetes_secrets_devserver.objects import CONFIG_MAPS, NAMESPACES, RESOURCES, SECRETS, ServedResource
from airflow_kubernetes_secrets_devserver.store import JsonObject

# Without fieldValidation in this list, kubectl would check the fields itself by the schemas.
_OF_WRITING = ("dryRun", "fieldManager", "fieldValidation", "force")


def document() -> JsonObject:
    """Return the document of the core API group, whose name is empty."""
    paths: JsonObject = {}
    for resource in RESOURCES.values():
        where = "namespaces/{namespace}/" if resource.namespaced else ""
        path = f"/api/v1/{where}{resource.plural}"
        paths[path] = {"get": _operation(resource), "post": _operation(resource, *_OF_WRITING[:3])}
        paths[f"{path}/{{name}}"] = {"get": _operation(resource), "patch": _operation(resource, *_OF_WRITING)}
    info = {"title": "airflow-kubernetes-secrets devserver", "version": "v1"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": _schemas()}}


def kind_of(resource: ServedResource) -> JsonObject:
    """Return the group, version and kind of a resource as the OpenAPI documents name it."""
    return {"group": "", "kind": resource.kind, "version": "v1"}


def _operation(resource: ServedResource, *parameters: str) -> JsonObject:
    found = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in parameters]
    return {"parameters": found, "x-kubernetes-group-version-kind": kind_of(resource), "responses": {}}


def _schemas() -> JsonObject:
    head = {
        "apiVersion": _text("The version of the API. It is v1."),
        "kind": _text("The kind of the object."),
        "metadata": _of(_METADATA, "The metadata of the object, such as its name and labels."),
    }
    return {
        _name(SECRETS): _kind(
            SECRETS,
            "A Secret contains confidential values, such as passwords, by their keys. All of them together have at "
            "most 1 MiB.",
            {
                **head,
                "data": _texts(
                    "The values, in base64. A key has letters, digits, '-', '_' and '.'.",
                    {"type": "string", "format": "byte"},
                ),
                "stringData": _texts(
                    "Values as plain text, for writing only: they replace those of the same keys in data, and are "
                    "never read back."
                ),
                "immutable": _truth("Whether the values cannot be changed. If it is true, it cannot be set back."),
                "type": _text("The type of the Secret. Some types require certain keys. It cannot be changed."),
            },
        ),
        _name(CONFIG_MAPS): _kind(
            CONFIG_MAPS,
            "A ConfigMap contains values that are not confidential, by their keys. All of them together have at most "
            "1 MiB.",
            {
                **head,
                "data": _texts("The values as text. A key has letters, digits, '-', '_' and '.'."),
                "binaryData": _texts("Other values, in base64.", {"type": "string", "format": "byte"}),
                "immutable": _truth("Whether the values cannot be changed. If it is true, it cannot be set back."),
            },
        ),
        _name(NAMESPACES): _kind(
            NAMESPACES,
            "A namespace is a part of the cluster in which names are unique.",
            {
                **head,
                "spec": {
                    "type": "object",
                    "description": "The finalizers that must run before the namespace is removed.",
                },
                "status": {"type": "object", "description": "Whether the namespace is being deleted."},
            },
        ),
        _METADATA: {
            "type": "object",
            "description": "The metadata that every object has.",
            "properties": {
                "name": _text("The name, unique in the namespace. It cannot be changed."),
                "generateName": _text("The prefix of the name, if the server generates the name."),
                "namespace": _text("The namespace that the object is in. It cannot be changed."),
                "labels": _texts("Keys and values by which objects are selected."),
                "annotations": _texts("Keys and values for programs. Objects are not selected by them."),
                "finalizers": _list("The finalizers that must run before the object is removed.", {"type": "string"}),
                "ownerReferences": _list("The objects that own this one. It is removed with them.", _OWNER),
                "managedFields": _list("The managers of the fields.", {"type": "object"}),
                "uid": _text("The unique id of the object. The server sets it."),
                "resourceVersion": _text("The version of the object. The server sets it."),
                "creationTimestamp": _time("The creation time. The server sets it."),
                "deletionTimestamp": _time("The time of the deletion. The server sets it."),
            },
        },
    }


_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def _name(resource: ServedResource) -> str:
    return f"io.k8s.api.core.v1.{resource.kind}"


def _kind(resource: ServedResource, description: str, properties: JsonObject) -> JsonObject:
    kinds = [kind_of(resource)]
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "x-kubernetes-group-version-kind": kinds,
    }


def _of(name: str, description: str) -> JsonObject:
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "default": {}, "description": description}


def _text(description: str) -> JsonObject:
    return {"type": "string", "description": description}


_OWNER: JsonObject = {
    "type": "object",
    "properties": {
        "apiVersion": _text("The API version of the owner."),
        "kind": _text("The kind of the owner."),
        "name": _text("The name of the owner."),
        "uid": _text("The unique id of the owner."),
        "controller": {"type": "boolean", "description": "Whether the owner manages this object."},
        "blockOwnerDeletion": {
            "type": "boolean",
            "description": "Whether the owner is removed only after this object.",
        },
    },
    "required": ["apiVersion", "kind", "name", "uid"],
}


def _time(description: str) -> JsonObject:
    return {"type": "string", "format": "date-time", "description": description}


def _truth(description: str) -> JsonObject:
    return {"type": "boolean", "description": description}


def _texts(description: str, of: JsonObject | None = None) -> JsonObject:
    return {"type": "object", "additionalProperties": of or {"type": "string"}, "description": description}


def _list(description: str, of: JsonObject) -> JsonObject:
    return {"type": "array", "items": of, "description": description}
