"""Creating Secrets: the devserver and a real kube-apiserver give the same responses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.cluster import Cluster
from support.contract import Secrets, failure
from support.versions import Since, at

SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
LABEL_VALUE = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
LABEL_KEY = "name part must consist of alphanumeric characters, '-', '_' or '.'"
DATA_KEY = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
A_QUALIFIED_NAME = Since({0: "a qualified name must", 35: "a valid label key must"})


def test_fields_that_the_server_sets_on_a_new_secret(secrets: Secrets) -> None:
    made = secrets.create("fresh", {"app": "x"}, stringData={"k": "v"}, data={"b": "AAE="})
    assert (made["kind"], made["apiVersion"]) == ("Secret", "v1")
    assert made["type"] == "Opaque"
    assert made["data"] == {"k": "dg==", "b": "AAE="}
    assert "stringData" not in made
    assert made["metadata"]["namespace"] == secrets.namespace
    assert re.fullmatch(r"[0-9a-f-]{36}", made["metadata"]["uid"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["metadata"]["creationTimestamp"])
    assert int(made["metadata"]["resourceVersion"]) > 0
    assert secrets.get("fresh") == made


@pytest.mark.parametrize(
    ("content", "data"),
    [
        pytest.param({"data": {"a": "eA=\n=\n"}}, {"a": "eA=="}, id="line breaks in base64"),
        pytest.param({"data": {"a": "eB=="}}, {"a": "eA=="}, id="surplus bits in base64"),
        pytest.param({"data": {"a": "eA=="}, "stringData": {"a": "new"}}, {"a": "bmV3"}, id="stringData wins"),
        pytest.param({"data": {"a": None}}, {"a": ""}, id="null in data"),
        pytest.param({"stringData": {"a": None}}, {"a": ""}, id="null in stringData"),
        pytest.param({"data": {}}, None, id="no data"),
        pytest.param({"stringData": {"a": "ä\n"}}, {"a": "w6QK"}, id="UTF-8"),
        pytest.param({"stringData": {"A-b_c.9": "x", "..": ""}}, "422", id="one bad key refuses all"),
        pytest.param({"stringData": {".hidden": ""}}, {".hidden": ""}, id="hidden file"),
        pytest.param({"type": ""}, None, id="empty type"),
        pytest.param({"immutable": False}, None, id="not immutable"),
        pytest.param({"nonsense": {"a": 1}}, None, id="unknown field"),
    ],
)
def test_variants_of_data(secrets: Secrets, content: dict[str, Any], data: dict[str, str] | str | None) -> None:
    response = secrets.post({"metadata": {"name": "form"}, **content})
    if data == "422":
        failure(response, 422, "Invalid")
        return
    assert response.status_code == 201, response.text
    assert response.json().get("data") == data
    assert response.json()["type"] == "Opaque"
    assert response.json().get("immutable") == content.get("immutable")


OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"metadata": {"labels": {"a": None, "b": "c"}}}, {"labels": {"a": "", "b": "c"}}, id="a label"),
        pytest.param({"metadata": {"labels": None}}, {}, id="labels"),
        pytest.param({"metadata": {"annotations": {"a": None}}}, {"annotations": {"a": ""}}, id="an annotation"),
        pytest.param({"metadata": {"annotations": None}}, {}, id="annotations"),
        pytest.param({"metadata": {"finalizers": None}}, {}, id="finalizers"),
        pytest.param({"metadata": {"finalizers": [None]}}, 422, id="a finalizer"),
        pytest.param({"metadata": {"ownerReferences": None}}, {}, id="owners"),
        pytest.param({"metadata": {"ownerReferences": [None]}}, 422, id="an owner"),
        pytest.param(
            {"metadata": {"ownerReferences": [{**OWNER, "controller": None}]}},
            {"ownerReferences": [OWNER]},
            id="a field of an owner",
        ),
        pytest.param({"metadata": {"ownerReferences": [{**OWNER, "uid": None}]}}, 422, id="the uid of an owner"),
        pytest.param({"metadata": {"uid": None, "resourceVersion": None, "generateName": None}}, {}, id="generated"),
        pytest.param({"metadata": {"creationTimestamp": None, "deletionTimestamp": None}}, {}, id="times"),
        pytest.param({"metadata": {"managedFields": None}}, {}, id="managers"),
        pytest.param({"metadata": {"namespace": None}}, {}, id="the namespace"),
        pytest.param({"type": None, "immutable": None, "data": None, "stringData": None}, {}, id="fields"),
        pytest.param({"kind": None, "apiVersion": None}, {}, id="the kind"),
        pytest.param({"stringData": {"a b": None}}, 422, id="a bad key"),
        pytest.param({"nonsense": None}, {}, id="an unknown field"),
        pytest.param({"metadata": None}, 422, id="all metadata"),
        pytest.param(None, 400, id="all"),
    ],
)
def test_null(secrets: Secrets, document: Any, expected: Any) -> None:
    """Null is treated as a missing value; in a list or a map, as an empty string."""
    if document and document.get("metadata", {}) is not None:
        document = {**document, "metadata": {"name": "nothing", **document.get("metadata", {})}}
    response = secrets.post(document)
    if isinstance(expected, int):
        assert response.status_code == expected, response.text
        return
    assert response.status_code == 201, response.text
    metadata = response.json()["metadata"]
    made = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "managedFields"}
    assert {key: each for key, each in metadata.items() if key not in made} == expected
    assert metadata["namespace"] == secrets.namespace
    assert response.json()["type"] == "Opaque"


@pytest.mark.parametrize(
    "metadata",
    [
        *({field: "yesterday"} for field in ("creationTimestamp", "deletionTimestamp")),
        *({field: 5} for field in ("creationTimestamp", "deletionTimestamp", "selfLink", "uid")),
        *({field: each} for field in ("generation", "deletionGracePeriodSeconds") for each in ("1", 1.5)),
    ],
    ids=str,
)
def test_metadata_of_the_wrong_type_is_a_bad_request(secrets: Secrets, metadata: Any) -> None:
    failure(secrets.post({"metadata": {"name": "bad", **metadata}}), 400, "BadRequest")


def test_metadata_that_the_server_sets_itself(secrets: Secrets) -> None:
    times = {"creationTimestamp": "2001-01-01T00:00:00Z", "deletionTimestamp": "2001-01-01T00:00:00.5+02:00"}
    made = secrets.post({"metadata": {"name": "s", **times, "generation": 1, "deletionGracePeriodSeconds": 3}}).json()
    assert not made["metadata"]["creationTimestamp"].startswith("2001")
    assert "deletionTimestamp" not in made["metadata"]


@pytest.mark.parametrize(
    ("secret_type", "value"),
    [
        ("service-account-token", None),
        ("ssh-auth", ("ssh-privatekey", "")),
        *(
            (secret_type, (f".{secret_type}", text))
            for secret_type in ("dockercfg", "dockerconfigjson")
            for text in ("", "text", "[]", '"text"', "{} x", '{"a": 1,}', "\ufeff{}")
        ),
    ],
)
def test_secret_without_the_content_that_its_type_requires(
    secrets: Secrets, secret_type: str, value: tuple[str, str] | None
) -> None:
    document = {
        "metadata": {"name": "typed"},
        "type": f"kubernetes.io/{secret_type}",
        "stringData": dict([value] if value else []),
    }
    response = secrets.post(document)
    [cause] = failure(response, 422, "Invalid")["details"]["causes"]
    assert cause["field"].endswith(f"[{value[0] if value else 'kubernetes.io/service-account.name'}]")
    assert "text" not in response.text.replace("contents", "")


@pytest.mark.parametrize(
    "document",
    [
        {
            "metadata": {"annotations": {"kubernetes.io/service-account.name": "x"}},
            "type": "kubernetes.io/service-account-token",
        },
        {"type": "kubernetes.io/ssh-auth", "stringData": {"ssh-privatekey": "x"}},
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "null"}},
        {"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "{}"}},
        {"type": "kubernetes.io/tls", "stringData": {"tls.crt": "", "tls.key": ""}},
    ],
)
def test_a_secret_with_the_content_of_its_type(secrets: Secrets, document: Any) -> None:
    response = secrets.post({**document, "metadata": {"name": "typed", **document.get("metadata", {})}})
    assert response.status_code == 201, response.text


def test_names_are_generated(secrets: Secrets) -> None:
    made = secrets.post({"metadata": {"generateName": "made-"}}).json()
    assert re.fullmatch(r"made-[a-z0-9]{5}", made["metadata"]["name"])
    long = secrets.post({"metadata": {"generateName": "x" * 100}}).json()
    assert len(long["metadata"]["name"]) == 63


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        pytest.param({"metadata": {"name": "Big"}}, "metadata.name", SUBDOMAIN, id="upper case name"),
        pytest.param({"metadata": {"name": "a_b"}}, "metadata.name", SUBDOMAIN, id="underscore in name"),
        pytest.param({"metadata": {"name": "-a"}}, "metadata.name", SUBDOMAIN, id="dash first in name"),
        pytest.param({"metadata": {"name": "a..b"}}, "metadata.name", SUBDOMAIN, id="two dots in name"),
        pytest.param({"metadata": {"name": "a" * 254}}, "metadata.name", "must be no more than 253", id="long name"),
        pytest.param({}, "metadata.name", "name or generateName is required", id="no name"),
        pytest.param({"metadata": {"labels": {"k": "-x"}}}, "metadata.labels", LABEL_VALUE, id="dash in label"),
        pytest.param({"metadata": {"labels": {"k": "a b"}}}, "metadata.labels", LABEL_VALUE, id="space in label"),
        pytest.param({"metadata": {"labels": {"k": "ä"}}}, "metadata.labels", LABEL_VALUE, id="umlaut in label"),
        pytest.param({"metadata": {"labels": {"k": "x\n"}}}, "metadata.labels", LABEL_VALUE, id="line break in label"),
        pytest.param(
            {"metadata": {"labels": {"k": "x" * 64}}}, "metadata.labels", "must be no more than 63", id="long label"
        ),
        pytest.param({"metadata": {"labels": {"a b": ""}}}, "metadata.labels", LABEL_KEY, id="space in label key"),
        pytest.param({"metadata": {"labels": {"/x": ""}}}, "metadata.labels", "prefix part must be non-empty", id="/x"),
        pytest.param({"metadata": {"labels": {"A/x": ""}}}, "metadata.labels", "prefix part a lowercase", id="A/x"),
        pytest.param({"metadata": {"labels": {"a/b/c": ""}}}, "metadata.labels", A_QUALIFIED_NAME, id="a/b/c"),
        pytest.param(
            {"metadata": {"labels": {"k" * 64: ""}}}, "metadata.labels", "name part must be no more", id="long key"
        ),
        pytest.param(
            {"metadata": {"annotations": {"a b": ""}}}, "metadata.annotations", LABEL_KEY, id="space in annotation key"
        ),
        pytest.param(
            {"metadata": {"annotations": {"a": "x" * 262144}}}, "metadata.annotations", "Too long", id="annotations"
        ),
        pytest.param({"data": {"a b": ""}}, "data[a b]", DATA_KEY, id="space in data key"),
        pytest.param({"data": {"": ""}}, "data[]", DATA_KEY, id="empty data key"),
        pytest.param({"data": {"a/b": ""}}, "data[a/b]", DATA_KEY, id="slash in data key"),
        pytest.param({"data": {".": ""}}, "data[.]", "must not be '.'", id="dot as data key"),
        pytest.param({"data": {"..": ""}}, "data[..]", "must not be '..'", id="two dots as data key"),
        pytest.param({"data": {"..x": ""}}, "data[..x]", "must not start with '..'", id="two dots begin data key"),
        pytest.param(
            {"stringData": {"a": "x" * 1048577}},
            "data",
            Since({0: "Too long: must have at most 1048576 bytes", 32: "Too long: may not be more than 1048576 bytes"}),
            id="too much data",
        ),
        pytest.param(
            {"type": "kubernetes.io/dockerconfigjson"}, "data[.dockerconfigjson]", "Required value", id="docker"
        ),
        pytest.param(
            {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, "data[tls.key]", "Required value", id="TLS"
        ),
    ],
)
def test_invalid_secrets(secrets: Secrets, cluster: Cluster, document: Any, field: str, message: str) -> None:
    if document:
        document = {**document, "metadata": {"name": "bad", **document.get("metadata", {})}}
    status = failure(secrets.post(document), 422, "Invalid")
    name = document.get("metadata", {}).get("name", "")
    assert status["message"].startswith(f'Secret "{name}" is invalid: ')
    assert status["details"]["kind"] == "Secret"
    assert status["details"].get("name", "") == name
    causes = status["details"]["causes"]
    assert [cause["field"] for cause in causes] == [field] * len(causes)
    assert any(at(cluster, message) in cause["message"] for cause in causes)
    assert {cause["reason"] for cause in causes} <= {"FieldValueInvalid", "FieldValueRequired", "FieldValueTooLong"}


def test_messages_for_invalid_fields_are_identical(devserver_cluster: Cluster, kube_apiserver_cluster: Cluster) -> None:
    document = {"metadata": {"name": "Bad_", "labels": {"k": "-"}, "annotations": {"/": ""}}, "data": {"..a b": ""}}

    def causes(cluster: Cluster) -> list[dict[str, str]]:
        response = cluster.admin.post("/api/v1/namespaces/default/secrets", json=document)
        found = response.json()["details"]["causes"]
        return sorted(found, key=lambda cause: (cause["field"], cause["message"]))

    assert causes(devserver_cluster) == causes(kube_apiserver_cluster)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"data": {"a": "*"}}, id="not base64"),
        pytest.param({"data": {"a": "eA"}}, id="base64 without padding"),
        pytest.param({"data": {"a": "_-=="}}, id="base64 for URLs"),
        pytest.param({"data": {"a": " eA=="}}, id="space in base64"),
        pytest.param({"data": {"a": "YWJj="}}, id="padding of a whole group"),
        pytest.param({"data": {"a": "YWJj===="}}, id="a group of padding"),
        pytest.param({"data": {"a": "YWI==="}}, id="too much padding"),
        pytest.param({"data": {"a": "eA==eA=="}}, id="padding in the middle"),
        pytest.param({"data": {"a": 1}}, id="number in data"),
        pytest.param({"stringData": {"a": True}}, id="boolean in stringData"),
        pytest.param({"data": ["a"]}, id="data is a list"),
        pytest.param({"metadata": {"labels": {"a": 1}}}, id="number as label"),
        pytest.param({"immutable": "yes"}, id="immutable is a string"),
        pytest.param({"kind": "Pod", "apiVersion": "v1"}, id="another kind"),
        pytest.param({"kind": "Secret", "apiVersion": "v2"}, id="another version"),
    ],
)
def test_malformed_secrets_are_bad_requests(secrets: Secrets, document: dict[str, Any]) -> None:
    document = {**document, "metadata": {"name": "bad", **document.get("metadata", {})}}
    status = failure(secrets.post(document), 400, "BadRequest")
    kind, version = document.get("kind", "Secret"), document.get("apiVersion", "v1")
    assert status["message"].startswith(f'{kind} in version "{version}" cannot be handled as a Secret: ')


@pytest.mark.parametrize("body", ["{nope", "[]", '"text"', "\xff"], ids=["broken", "a list", "a string", "not UTF-8"])
def test_body_that_is_not_an_object_is_a_bad_request(secrets: Secrets, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = secrets.cluster.admin.post(secrets.path, content=body.encode("latin-1"), headers=headers)
    status = failure(response, 400, "BadRequest")
    assert status["message"].startswith("the object provided is unrecognized")


def test_content_types_of_bodies(secrets: Secrets) -> None:
    admin = secrets.cluster.admin
    yaml = b"metadata:\n  name: from-yaml\n  annotations: {day: 2024-01-01}\nstringData: {a: b}"
    response = admin.post(secrets.path, content=yaml, headers={"Content-Type": "application/yaml"})
    assert response.status_code == 201, response.text
    assert response.json()["metadata"]["annotations"] == {"day": "2024-01-01"}
    assert admin.post(secrets.path, content=b'{"metadata":{"name":"untold"}}').status_code == 201
    response = admin.post(secrets.path, content=b"{}", headers={"Content-Type": "text/plain"})
    status = failure(response, 415, "UnsupportedMediaType")
    assert "accepted media types include: application/json, application/yaml" in status["message"]


def test_body_size_is_limited(secrets: Secrets) -> None:
    response = secrets.post({"metadata": {"name": "huge", "annotations": {"a": "x" * 3 * 1024 * 1024}}})
    assert failure(response, 413, "RequestEntityTooLarge")["message"].endswith("limit is 3145728")


def test_wrong_or_missing_namespace(secrets: Secrets) -> None:
    response = secrets.post({"metadata": {"name": "x", "namespace": "elsewhere"}})
    message = "the namespace of the provided object does not match the namespace sent on the request"
    assert failure(response, 400, "BadRequest")["message"] == message
    response = secrets.cluster.admin.post("/api/v1/namespaces/nowhere/secrets", json={"metadata": {"name": "x"}})
    status = failure(response, 404, "NotFound")
    assert status["message"] == 'namespaces "nowhere" not found'
    assert status["details"] == {"name": "nowhere", "kind": "namespaces"}
    assert secrets.cluster.admin.get("/api/v1/namespaces/nowhere/secrets").json()["items"] == []


def test_existing_secret_cannot_be_created(secrets: Secrets) -> None:
    secrets.create("twice")
    status = failure(secrets.post({"metadata": {"name": "twice"}}), 409, "AlreadyExists")
    assert status["message"] == 'secrets "twice" already exists'
    assert status["details"] == {"name": "twice", "kind": "secrets"}


def test_resource_version_cannot_be_set_on_creation(secrets: Secrets) -> None:
    response = secrets.post({"metadata": {"name": "x", "resourceVersion": "1"}})
    assert response.status_code == 500
    assert response.json()["message"] == "resourceVersion should not be set on objects to be created"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_missing_secret(secrets: Secrets, method: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
    body = '{"metadata":{"name":"none"}}' if method in ("PUT", "PATCH") else None
    response = secrets.cluster.admin.request(method, f"{secrets.path}/none", content=body, headers=headers)
    status = failure(response, 404, "NotFound")
    assert status["message"] == 'secrets "none" not found'
    assert status["details"] == {"name": "none", "kind": "secrets"}


@pytest.mark.parametrize("path", ["/api/v1/namespaces/default/nothing", "/api/v2/secrets", "/apis/none.example/v1"])
def test_unknown_resources(cluster: Cluster, path: str) -> None:
    response = cluster.admin.get(path)
    assert response.status_code == 404


def test_unsupported_methods(secrets: Secrets) -> None:
    secrets.create("one")
    status = failure(secrets.cluster.admin.post(f"{secrets.path}/one", json={}), 405, "MethodNotAllowed")
    assert status["message"] == "the server does not allow this method on the requested resource"
    failure(secrets.cluster.admin.put(secrets.path, json={}), 405, "MethodNotAllowed")


def test_a_dry_run_changes_nothing(secrets: Secrets) -> None:
    assert secrets.post({"metadata": {"name": "try"}}, dryRun="All").status_code == 201
    assert secrets.names() == set()
    made = secrets.create("kept")
    changed = secrets.patch("kept", {"metadata": {"labels": {"a": "b"}}}, dryRun="All")
    assert changed.json()["metadata"]["labels"] == {"a": "b"}
    assert secrets.delete("kept", dryRun=["All"]).status_code == 200
    assert secrets.get("kept") == made
    failure(secrets.post({"metadata": {"name": "try"}}, dryRun="Perhaps"), 422, "Invalid")


@pytest.mark.parametrize("name", ["a", "none"])
def test_version_of_one_object(secrets: Secrets, name: str) -> None:
    old = secrets.version()
    secrets.create("a")
    path, admin = f"{secrets.path}/{name}", secrets.cluster.admin
    for version in ("", "0", old):
        response = admin.get(path, params={"resourceVersion": version})
        assert response.status_code == (200 if name == "a" else 404), response.text
    response = admin.get(path, params={"resourceVersion": "99999999999999999"})
    assert (response.status_code, response.headers.get("Retry-After")) == (504, "1"), response.text
    assert response.json()["message"].startswith("Timeout: Too large resource version: 99999999999999999, current: ")
    for version, why in (("x", "invalid syntax"), ("-1", "invalid syntax"), ("9" * 20, "value out of range")):
        response = admin.get(path, params={"resourceVersion": version})
        assert response.status_code == 500, response.text
        text = f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": {why}'
        assert response.json()["message"] == text
