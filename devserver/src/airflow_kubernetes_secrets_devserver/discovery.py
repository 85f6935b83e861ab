"""Documents by which clients learn about the API: discovery, version, and as much OpenAPI as kubectl needs.

The OpenAPI v2 schemas allow any field. A current kubectl lets the server check the fields (``fieldValidation``). An old
kubectl checks them itself by these schemas, and therefore accepts all.
"""

from __future__ import annotations

import json

from airflow_kubernetes_secrets_devserver import openapi
from airflow_kubernetes_secrets_devserver.access import AUTHENTICATION_GROUP, AUTHORIZATION_GROUP
from airflow_kubernetes_secrets_devserver.objects import CONFIG_MAPS, NAMESPACES, RESOURCES, ServedResource
from airflow_kubernetes_secrets_devserver.protobuf import encode
from airflow_kubernetes_secrets_devserver.store import JsonObject

_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
_SHORT_NAMES = {CONFIG_MAPS.kind: ["cm"], NAMESPACES.kind: ["ns"]}
# The version of Kubernetes whose responses the devserver gives; the contract tests compare them.
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0+airflow-kubernetes-secrets-devserver"}
_BUILD = {"gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "compiler": "", "platform": ""}


def documents() -> dict[str, JsonObject]:
    """Return the responses that never change, by path."""
    reviews = {
        AUTHORIZATION_GROUP: ("SelfSubjectAccessReview", "SelfSubjectRulesReview"),
        AUTHENTICATION_GROUP: ("SelfSubjectReview",),
    }
    groups = {name: _group(name) for name in reviews}
    found: dict[str, JsonObject] = {
        "/version": {**VERSION, **_BUILD, "goVersion": ""},
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(groups.values())},
        "/api/v1": _resources("v1", [_resource(each) for each in RESOURCES.values()]),
        "/openapi/v3": {"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}},
        "/openapi/v3/api/v1": openapi.document(),
    }
    for name, kinds in reviews.items():
        found[f"/apis/{name}"] = {"kind": "APIGroup", "apiVersion": "v1", **groups[name]}
        found[f"/apis/{name}/v1"] = _resources(f"{name}/v1", [_review(kind) for kind in kinds])
    return found


def _review(kind: str) -> JsonObject:
    singular = kind.lower()
    return {
        "name": f"{singular}s",
        "singularName": singular,
        "namespaced": False,
        "kind": kind,
        "verbs": ["create"],
    }


def _group(name: str) -> JsonObject:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(version: str, resources: list[JsonObject]) -> JsonObject:
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _resource(resource: ServedResource) -> JsonObject:
    found = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": sorted([*_VERBS, "deletecollection"] if resource.namespaced else _VERBS),
    }
    return {**found, "shortNames": _SHORT_NAMES[resource.kind]} if resource.kind in _SHORT_NAMES else found


def openapi_v2() -> bytes:
    """Return the OpenAPI v2 document that kubectl reads, in protocol buffers.

    Field numbers, from openapiv2.proto of github.com/google/gnostic-models: Document swagger 1, info 2, paths 8,
    definitions 9; NamedSchema name 1, value 2; Schema vendor_extension 31; NamedAny name 1, value 2; Any yaml 2.
    """
    definitions = b""
    for resource in RESOURCES.values():
        kinds = encode(2, json.dumps([openapi.kind_of(resource)]).encode())
        extension = encode(1, b"x-kubernetes-group-version-kind") + encode(2, kinds)
        schema = encode(1, f"io.k8s.api.core.v1.{resource.kind}".encode()) + encode(2, encode(31, extension))
        definitions += encode(1, schema)
    info = encode(1, b"airflow-kubernetes-secrets devserver") + encode(2, b"v1")
    return encode(1, b"2.0") + encode(2, info) + encode(8, b"") + encode(9, definitions)
