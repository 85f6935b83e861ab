"""Creating, changing and deleting Secrets: the devserver and a real kube-apiserver give the same responses."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from support.cluster import Cluster
from support.contract import Secrets, parsed
from support.versions import Since, at

SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
LABEL_VALUE = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
LABEL_KEY = "name part must consist of alphanumeric characters, '-', '_' or '.'"
DATA_KEY = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
A_QUALIFIED_NAME = Since({0: "a qualified name must", 35: "a valid label key must"})
OTHER_NAMESPACE = Since(
    {
        0: "the namespace of the object (o) does not match the namespace on the request",
        24: "the namespace of the provided object does not match the namespace sent on the request",
    }
)
IMMUTABLE = "field is immutable when `immutable` is set"


def failure(response: httpx.Response, code: int, reason: str) -> dict[str, Any]:
    status = parsed(response)
    assert (response.status_code, status.get("code")) == (code, code), response.text
    assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
    assert status.get("reason") == reason
    return status


def test_a_new_secret_has_what_a_server_gives(secrets: Secrets) -> None:
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
def test_forms_of_data(secrets: Secrets, content: dict[str, Any], data: dict[str, str] | str | None) -> None:
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
            id="its part",
        ),
        pytest.param({"metadata": {"ownerReferences": [{**OWNER, "uid": None}]}}, 422, id="its uid"),
        pytest.param({"metadata": {"uid": None, "resourceVersion": None, "generateName": None}}, {}, id="what is set"),
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
def test_what_cannot_be_a_secret_is_invalid(
    secrets: Secrets, cluster: Cluster, document: Any, field: str, message: str
) -> None:
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


def test_the_texts_of_invalid_fields_are_the_same(devserver_cluster: Cluster, kube_apiserver_cluster: Cluster) -> None:
    document = {"metadata": {"name": "Bad_", "labels": {"k": "-"}, "annotations": {"/": ""}}, "data": {"..a b": ""}}

    def causes(cluster: Cluster) -> list[dict[str, str]]:
        response = cluster.admin.post("/api/v1/namespaces/default/secrets", json=document)
        found = response.json()["details"]["causes"]
        return sorted(found, key=lambda cause: (cause["field"], cause["message"]))

    assert causes(devserver_cluster) == causes(kube_apiserver_cluster)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"data": {"a": "*"}}, id="no base64"),
        pytest.param({"data": {"a": "eA"}}, id="base64 without padding"),
        pytest.param({"data": {"a": "_-=="}}, id="base64 for URLs"),
        pytest.param({"data": {"a": " eA=="}}, id="space in base64"),
        pytest.param({"data": {"a": 1}}, id="number in data"),
        pytest.param({"stringData": {"a": True}}, id="truth in stringData"),
        pytest.param({"data": ["a"]}, id="data is a list"),
        pytest.param({"metadata": {"labels": {"a": 1}}}, id="number as label"),
        pytest.param({"immutable": "yes"}, id="immutable is a text"),
        pytest.param({"kind": "Pod", "apiVersion": "v1"}, id="another kind"),
        pytest.param({"kind": "Secret", "apiVersion": "v2"}, id="another version"),
    ],
)
def test_what_is_no_secret_is_a_bad_request(secrets: Secrets, document: dict[str, Any]) -> None:
    document = {**document, "metadata": {"name": "bad", **document.get("metadata", {})}}
    status = failure(secrets.post(document), 400, "BadRequest")
    kind, version = document.get("kind", "Secret"), document.get("apiVersion", "v1")
    assert status["message"].startswith(f'{kind} in version "{version}" cannot be handled as a Secret: ')


@pytest.mark.parametrize("body", ["{nope", "[]", '"text"', "\xff"], ids=["broken", "a list", "a text", "not UTF-8"])
def test_what_is_no_object_is_a_bad_request(secrets: Secrets, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = secrets.cluster.admin.post(secrets.path, content=body.encode("latin-1"), headers=headers)
    status = failure(response, 400, "BadRequest")
    assert status["message"].startswith("the object provided is unrecognized")


def test_forms_of_bodies(secrets: Secrets) -> None:
    admin = secrets.cluster.admin
    yaml = b"metadata:\n  name: from-yaml\n  annotations: {day: 2024-01-01}\nstringData: {a: b}"
    response = admin.post(secrets.path, content=yaml, headers={"Content-Type": "application/yaml"})
    assert response.status_code == 201, response.text
    assert response.json()["metadata"]["annotations"] == {"day": "2024-01-01"}
    assert admin.post(secrets.path, content=b'{"metadata":{"name":"untold"}}').status_code == 201
    response = admin.post(secrets.path, content=b"{}", headers={"Content-Type": "text/plain"})
    status = failure(response, 415, "UnsupportedMediaType")
    assert "accepted media types include: application/json, application/yaml" in status["message"]


def test_a_body_has_a_limit(secrets: Secrets) -> None:
    response = secrets.post({"metadata": {"name": "huge", "annotations": {"a": "x" * 3 * 1024 * 1024}}})
    assert failure(response, 413, "RequestEntityTooLarge")["message"].endswith("limit is 3145728")


def test_placement(secrets: Secrets) -> None:
    response = secrets.post({"metadata": {"name": "x", "namespace": "elsewhere"}})
    message = "the namespace of the provided object does not match the namespace sent on the request"
    assert failure(response, 400, "BadRequest")["message"] == message
    response = secrets.cluster.admin.post("/api/v1/namespaces/nowhere/secrets", json={"metadata": {"name": "x"}})
    status = failure(response, 404, "NotFound")
    assert status["message"] == 'namespaces "nowhere" not found'
    assert status["details"] == {"name": "nowhere", "kind": "namespaces"}
    assert secrets.cluster.admin.get("/api/v1/namespaces/nowhere/secrets").json()["items"] == []


def test_what_is_there_cannot_be_created(secrets: Secrets) -> None:
    secrets.create("twice")
    status = failure(secrets.post({"metadata": {"name": "twice"}}), 409, "AlreadyExists")
    assert status["message"] == 'secrets "twice" already exists'
    assert status["details"] == {"name": "twice", "kind": "secrets"}


def test_a_resource_version_cannot_be_created(secrets: Secrets) -> None:
    response = secrets.post({"metadata": {"name": "x", "resourceVersion": "1"}})
    assert response.status_code == 500
    assert response.json()["message"] == "resourceVersion should not be set on objects to be created"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_is_not_there(secrets: Secrets, method: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
    body = '{"metadata":{"name":"none"}}' if method in ("PUT", "PATCH") else None
    response = secrets.cluster.admin.request(method, f"{secrets.path}/none", content=body, headers=headers)
    status = failure(response, 404, "NotFound")
    assert status["message"] == 'secrets "none" not found'
    assert status["details"] == {"name": "none", "kind": "secrets"}


@pytest.mark.parametrize("path", ["/api/v1/namespaces/default/nothing", "/api/v2/secrets", "/apis/none.example/v1"])
def test_what_is_no_resource(cluster: Cluster, path: str) -> None:
    response = cluster.admin.get(path)
    assert response.status_code == 404


def test_methods_that_are_not_there(secrets: Secrets) -> None:
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


def test_update(secrets: Secrets) -> None:
    made = secrets.create("u", {"a": "1"}, stringData={"k": "v"})
    changed = secrets.put({"metadata": {"name": "u", "labels": {"b": "2"}}, "stringData": {"l": "w"}}).json()
    assert changed["metadata"]["labels"] == {"b": "2"}
    assert changed["data"] == {"l": "dw=="}
    for field in ("uid", "creationTimestamp"):
        assert changed["metadata"][field] == made["metadata"][field]
    assert int(changed["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_an_update_that_changes_nothing_makes_no_version(secrets: Secrets) -> None:
    made = secrets.create("same", {"a": "1"}, stringData={"k": "v"})
    assert secrets.put(made).json() == made
    assert secrets.patch("same", {"metadata": {"labels": {"a": "1"}}}).json() == made
    assert secrets.get("same") == made


def test_an_update_of_an_older_version_conflicts(secrets: Secrets) -> None:
    old = secrets.create("c")
    secrets.patch("c", {"metadata": {"labels": {"a": "1"}}})
    for response in (
        secrets.put(old),
        secrets.patch("c", {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"], "labels": {"a": "2"}}}),
    ):
        status = failure(response, 409, "Conflict")
        assert status["message"] == (
            'Operation cannot be fulfilled on secrets "c": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )
        assert status["details"] == {"name": "c", "kind": "secrets"}


def test_an_update_of_another_object_of_that_name_conflicts(secrets: Secrets) -> None:
    secrets.create("again")
    response = secrets.put({"metadata": {"name": "again", "uid": "00000000-0000-0000-0000-000000000000"}})
    assert "Precondition failed: UID in precondition" in failure(response, 409, "Conflict")["message"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"name": "o"}, "the name of the object (o) does not match the name on the URL (n)"),
        ({}, "the name of the object (n based on URL) was undeterminable: name must be provided"),
        (
            {"name": "n", "namespace": "o"},
            OTHER_NAMESPACE,
        ),
    ],
    ids=["name", "no name", "namespace"],
)
def test_an_update_cannot_move(secrets: Secrets, cluster: Cluster, metadata: dict[str, str], message: str) -> None:
    secrets.create("n")
    status = failure(secrets.put({"metadata": metadata}, "n"), 400, "BadRequest")
    assert status["message"].startswith(at(cluster, message))


def test_the_type_stays(secrets: Secrets) -> None:
    secrets.create("t")
    status = failure(secrets.put({"metadata": {"name": "t"}, "type": "other"}), 422, "Invalid")
    assert status["message"] == 'Secret "t" is invalid: type: Invalid value: "other": field is immutable'


def test_an_immutable_secret_stays(secrets: Secrets) -> None:
    made = secrets.create("i", stringData={"k": "v"}, immutable=True)
    status = failure(secrets.patch("i", {"stringData": {"k": "w"}}), 422, "Invalid")
    assert status["message"] == f'Secret "i" is invalid: data: Forbidden: {IMMUTABLE}'
    assert status["details"]["causes"] == [
        {"reason": "FieldValueForbidden", "message": f"Forbidden: {IMMUTABLE}", "field": "data"}
    ]
    failure(secrets.patch("i", {"immutable": False}), 422, "Invalid")
    failure(secrets.patch("i", {"immutable": None}), 422, "Invalid")
    assert secrets.patch("i", {"metadata": {"labels": {"a": "b"}}}).status_code == 200
    assert secrets.get("i")["data"] == made["data"]
    assert secrets.delete("i").status_code == 200


def test_delete(secrets: Secrets) -> None:
    uid = secrets.create("d")["metadata"]["uid"]
    answer = secrets.delete("d").json()
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "d", "kind": "secrets", "uid": uid}
    assert secrets.names() == set()


def test_delete_with_preconditions(secrets: Secrets) -> None:
    made = secrets.create("p")["metadata"]
    for condition, text in (({"uid": "other"}, "the UID in"), ({"resourceVersion": "1"}, "the ResourceVersion in")):
        status = failure(secrets.delete("p", preconditions=condition), 409, "Conflict")
        assert text in status["message"]
        assert status["details"] == {"name": "p", "kind": "Secret"}
    right = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    assert secrets.delete("p", preconditions=right).status_code == 200


def test_delete_all_that_match(secrets: Secrets) -> None:
    secrets.create("one", {"a": "1"})
    secrets.create("two", {"a": "2"})
    answer = secrets.cluster.admin.delete(secrets.path, params={"labelSelector": "a=1"}).json()
    assert answer["kind"] == "SecretList"
    assert [item["metadata"]["name"] for item in answer["items"]] == ["one"]
    assert secrets.names() == {"two"}


def test_namespaces(cluster: Cluster, namespace: str) -> None:
    found = cluster.admin.get(f"/api/v1/namespaces/{namespace}").json()
    assert found["kind"] == "Namespace"
    assert found["spec"] == {"finalizers": ["kubernetes"]}
    assert found["status"] == {"phase": "Active"}
    listed = cluster.admin.get("/api/v1/namespaces").json()
    assert {"default", namespace} <= {item["metadata"]["name"] for item in listed["items"]}
    again = cluster.admin.post("/api/v1/namespaces", json={"metadata": {"name": namespace}})
    status = failure(again, 409, "AlreadyExists")
    assert status["message"] == f'namespaces "{namespace}" already exists'
    status = failure(cluster.admin.post("/api/v1/namespaces", json={"metadata": {"name": "a.b"}}), 422, "Invalid")
    dots = Since({0: "a lowercase RFC 1123 label must consist of", 27: "must not contain dots"})
    assert at(cluster, dots) in status["message"]
    status = failure(cluster.admin.post("/api/v1/namespaces", json={"metadata": {"name": "A.b"}}), 422, "Invalid")
    assert "a lowercase RFC 1123 label must consist of" in status["message"]


def test_namespaces_can_be_selected_by_name(cluster: Cluster, namespace: str) -> None:
    selector = {"labelSelector": f"kubernetes.io/metadata.name={namespace}"}
    items = cluster.admin.get("/api/v1/namespaces", params=selector).json()["items"]
    assert [each["metadata"]["name"] for each in items] == at(cluster, Since[list[str]]({0: [], 21: [namespace]}))
    headers = {"Content-Type": "application/merge-patch+json"}
    change = {"metadata": {"labels": {"a": "b", "kubernetes.io/metadata.name": None}}}
    found = cluster.admin.patch(f"/api/v1/namespaces/{namespace}", json=change, headers=headers).json()
    always = at(cluster, Since[dict[str, str]]({0: {}, 21: {"kubernetes.io/metadata.name": namespace}}))
    assert found["metadata"]["labels"] == {"a": "b", **always}


def test_a_namespace_with_a_generated_name_can_be_selected_by_it(cluster: Cluster) -> None:
    response = cluster.admin.post("/api/v1/namespaces", json={"metadata": {"generateName": "made-"}})
    assert response.status_code == 201, response.text
    name = response.json()["metadata"]["name"]
    selector = {"labelSelector": f"kubernetes.io/metadata.name={name}"}
    items = cluster.admin.get("/api/v1/namespaces", params=selector).json()["items"]
    assert [each["metadata"]["name"] for each in items] == at(cluster, Since[list[str]]({0: [], 21: [name]}))
    assert response.json()["metadata"].get("labels") == at(
        cluster, Since[Any]({0: None, 21: {"kubernetes.io/metadata.name": name}})
    )
