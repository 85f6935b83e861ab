"""What clients read to find their way: the discovery, the version, and as much OpenAPI as kubectl needs.

The schemas of OpenAPI v2 are open: a current kubectl has the server check the fields (``fieldValidation``), and where
an old one checks them itself, it accepts all.
"""

from __future__ import annotations

import json

from airflow_kubernetes_secrets.devserver import openapi
from airflow_kubernetes_secrets.devserver.access import AUTHENTICATION_GROUP, AUTHORIZATION_GROUP
from airflow_kubernetes_secrets.devserver.objects import NAMESPACES, SECRETS, Resource
from airflow_kubernetes_secrets.devserver.protobuf import encode
from airflow_kubernetes_secrets.devserver.store import JsonObject

_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
# The version whose answers it gives, as the contract tests know them.
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0+airflow-kubernetes-secrets-devserver"}
_BUILD = {"gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "compiler": "", "platform": ""}


def documents() -> dict[str, JsonObject]:
    """The fixed answers by path."""
    reviews = {
        AUTHORIZATION_GROUP: ("SelfSubjectAccessReview", "SelfSubjectRulesReview"),
        AUTHENTICATION_GROUP: ("SelfSubjectReview",),
    }
    groups = {name: _group(name) for name in reviews}
    found: dict[str, JsonObject] = {
        "/version": {**VERSION, **_BUILD, "goVersion": ""},
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(groups.values())},
        "/api/v1": _resources("v1", [_resource(SECRETS), _resource(NAMESPACES)]),
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


def _resource(resource: Resource) -> JsonObject:
    found = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": sorted([*_VERBS, "deletecollection"] if resource.namespaced else _VERBS),
    }
    return found if resource.namespaced else {**found, "shortNames": ["ns"]}


def openapi_v2() -> bytes:
    """The OpenAPI v2 document as kubectl reads it, in protocol buffers.

    Fields by number, from openapiv2.proto of github.com/google/gnostic-models: Document swagger 1, info 2, paths 8,
    definitions 9; NamedSchema name 1, value 2; Schema vendor_extension 31; NamedAny name 1, value 2; Any yaml 2.
    """
    definitions = b""
    for resource in (SECRETS, NAMESPACES):
        kinds = encode(2, json.dumps([openapi.kind_of(resource)]).encode())
        extension = encode(1, b"x-kubernetes-group-version-kind") + encode(2, kinds)
        schema = encode(1, f"io.k8s.api.core.v1.{resource.kind}".encode()) + encode(2, encode(31, extension))
        definitions += encode(1, schema)
    info = encode(1, b"airflow-kubernetes-secrets devserver") + encode(2, b"v1")
    return encode(1, b"2.0") + encode(2, info) + encode(8, b"") + encode(9, definitions)
