"""Malformed requests: the devserver refuses those that a real kube-apiserver refuses.

No request causes an internal error.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests
from support.cluster import Cluster
from support.contract import Secrets, failure
from support.versions import Since, at

JSON = {"Content-Type": "application/json"}
HALF = "\\ud800"


# Older servers report some of these as internal errors.
REFUSED = Since({0: 500, 30: 400})


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_is_not_finite(secrets: Secrets, constant: str) -> None:
    text = f'{{"metadata": {{"name": "a"}}, "immutable": {constant}}}'
    response = secrets.cluster.admin.post(secrets.path, content=text, headers=JSON)
    assert response.status_code == 400, response.text


def test_lone_surrogate_becomes_a_replacement_character(secrets: Secrets) -> None:
    metadata = f'{{"name": "a", "annotations": {{"x": "{HALF}"}}}}'
    text = f'{{"metadata": {metadata}, "stringData": {{"k": "{HALF}x\\ud83d\\ude00"}}}}'
    response = secrets.cluster.admin.post(secrets.path, content=text, headers=JSON)
    assert response.status_code == 201, response.text
    assert response.json()["metadata"]["annotations"] == {"x": "\ufffd"}
    assert base64.b64decode(response.json()["data"]["k"]).decode() == "\ufffdx\U0001f600"


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_lone_surrogate_in_a_key_is_refused(secrets: Secrets, field: str) -> None:
    text = f'{{"metadata": {{"name": "a", "{field}": {{"{HALF}": "{HALF}"}}}}}}'
    response = secrets.cluster.admin.post(secrets.path, content=text, headers=JSON)
    assert response.status_code == 422, response.text
    assert "\ufffd" in response.json()["message"]


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": text} for text in ("x", "1.5", "\uff11", "9" * 19, "9" * 30, "9" * 5000, "--5", " 5", "1_0")),
        *({"resourceVersion": text} for text in ("x", "-1", "+1", "\uff11", "9" * 20, "9" * 5000)),
        *({"watch": "1", "timeoutSeconds": text} for text in ("x", "9" * 30, "9" * 5000)),
        {"timeoutSeconds": "x"},
        {"continue": token('{"v":"meta.k8s.io/v1","rv":1e999,"start":"a"}')},
        {"continue": token("[" * 20_000)},
        {"continue": token("[]")},
        {"continue": token('{"v":"meta.k8s.io/v1","rv":null,"start":"a"}')},
    ],
    ids=lambda query: json.dumps(query)[:60],
)
def test_invalid_numbers_in_a_query(secrets: Secrets, cluster: Cluster, query: dict[str, str]) -> None:
    response = secrets.cluster.admin.get(secrets.path, params=query)
    assert response.status_code == (at(cluster, REFUSED) if "resourceVersion" in query else 400)


@pytest.mark.parametrize("limit", ["-5", "+5", "0000000000000000000000005", "9" * 18])
def test_unusual_but_valid_limits(secrets: Secrets, limit: str) -> None:
    assert secrets.list(limit=limit).status_code == 200


@pytest.mark.parametrize(
    "review",
    [
        *({"spec": spec} for spec in ([], [1], "x", 5, True)),
        *(
            {"spec": {field: each}}
            for field in ("resourceAttributes", "nonResourceAttributes")
            for each in ([1], "x", 5)
        ),
        {"spec": {"resourceAttributes": {"verb": 5}}},
        {"spec": {"nonResourceAttributes": {"path": {}, "verb": "get"}}},
    ],
    ids=str,
)
def test_malformed_access_reviews(cluster: Cluster, review: Any) -> None:
    response = cluster.admin.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
    assert response.status_code == 400, response.text


@pytest.mark.parametrize("spec", [[1], "x", 5, {"namespace": 5}, {"namespace": ["x"]}, {}, None])
def test_rules_reviews_without_a_valid_namespace(cluster: Cluster, spec: Any) -> None:
    response = cluster.admin.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", json={"spec": spec})
    assert response.status_code == 400, response.text


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"preconditions": [1]}, REFUSED),
        ({"preconditions": "x"}, REFUSED),
        ({"preconditions": 5}, REFUSED),
        ({"dryRun": "All"}, REFUSED),
        ({"dryRun": {"All": 1}}, REFUSED),
        ({"dryRun": ["x"]}, 422),
        ([1], REFUSED),
        ("x", REFUSED),
    ],
    ids=str,
)
def test_invalid_delete_options(secrets: Secrets, cluster: Cluster, options: Any, code: Any) -> None:
    secrets.create("a")
    response = secrets.cluster.admin.request("DELETE", f"{secrets.path}/a", json=options)
    assert response.status_code == at(cluster, code), response.text
    assert secrets.names() == {"a"}


@pytest.mark.parametrize(
    ("watch", "is_watch"),
    [("1", True), ("yes", True), ("", True), ("0", False), ("false", False), ("FALSE", False), ("no", True)],
)
def test_only_0_and_false_disable_a_watch(secrets: Secrets, watch: str, is_watch: bool) -> None:
    found = secrets.list(watch=watch, timeoutSeconds="1").text
    assert ('"SecretList"' not in found) is is_watch


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/api/v1/secrets", "/api/v1/namespaces/default/secrets/x", "/version", "/api/v1"])
def test_unsupported_methods(cluster: Cluster, method: str, path: str) -> None:
    response = cluster.admin.request(method, path)
    assert response.status_code == 405
    if method != "HEAD":
        assert response.json()["reason"] == "MethodNotAllowed"
    unknown = {"Authorization": "Bearer unknown"}
    assert cluster.admin.request(method, path, headers=unknown).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/version", "/api", "/api/v1"])
def test_read_only_paths(cluster: Cluster, method: str, path: str) -> None:
    assert cluster.admin.request(method, path).status_code == 405


def test_reviews_cannot_be_read(cluster: Cluster) -> None:
    assert cluster.admin.get("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").status_code == 405


@pytest.mark.parametrize("name", ["a?b", "a#b", "a b"])
def test_a_name_in_a_path_is_decoded(secrets: Secrets, name: str) -> None:
    response = secrets.cluster.admin.get(f"{secrets.path}/{quote(name)}")
    assert response.status_code == 404
    assert response.json()["message"] == f'secrets "{name}" not found'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_must_be_utf_8_without_a_byte_order_mark(secrets: Secrets, encoding: str) -> None:
    body = json.dumps({"metadata": {"name": "x"}}).encode(encoding)
    assert secrets.cluster.admin.post(secrets.path, content=body, headers=JSON).status_code == 400


def test_invalid_utf_8_becomes_a_replacement_character(secrets: Secrets) -> None:
    body = json.dumps({"metadata": {"name": "x", "annotations": {"k": "?"}}}).encode().replace(b"?", b"\xc3(")
    response = secrets.cluster.admin.post(secrets.path, content=body, headers=JSON)
    assert response.status_code == 201, response.text
    assert response.json()["metadata"]["annotations"] == {"k": "\ufffd("}


@pytest.mark.parametrize("value", ["y", "yes", "1e3", "0o14", "010", "1.50", "<<", "!!binary aGk=", "1:30", "0b1"])
@pytest.mark.parametrize("form", ["application/yaml", "application/apply-patch+yaml"])
def test_yaml_is_read_as_kubectl_reads_it(secrets: Secrets, form: str, value: str) -> None:
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\nstringData:\n  k: {value}\n"
    [document] = read_manifests(text.encode())
    admin, headers = secrets.cluster.admin, {"Content-Type": form}
    if form == "application/yaml":
        response = admin.post(secrets.path, content=text, headers=headers)
    else:
        response = admin.patch(f"{secrets.path}/x", content=text, headers=headers, params={"fieldManager": "x"})
    expected = document.value["stringData"]["k"]
    if isinstance(expected, str):
        assert base64.b64decode(response.json()["data"]["k"]).decode() == expected
    else:
        assert response.status_code >= 400
        assert secrets.names() == set()


@pytest.mark.parametrize("manager", ["x" * 129, "\u00e9" * 65, "a\nb"])
def test_invalid_field_managers(secrets: Secrets, manager: str) -> None:
    secrets.create("a")
    for response, kind in (
        (secrets.post({"metadata": {"name": "b"}}, fieldManager=manager), "CreateOptions"),
        (secrets.patch("a", {}, fieldManager=manager), "PatchOptions"),
    ):
        status = failure(response, 422, "Invalid")
        assert status["message"].startswith(f'{kind}.meta.k8s.io "" is invalid: fieldManager: ')
    assert secrets.names() == {"a"}


@pytest.mark.parametrize("metadata", [[1], "x", 5, True, {"labels": [1]}, {"ownerReferences": {}}, {"finalizers": "x"}])
@pytest.mark.parametrize("more", [{}, {"unknown": 1}])
def test_apply_of_malformed_metadata(secrets: Secrets, metadata: Any, more: Any) -> None:
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **more}
    response = secrets.patch("a", document, "apply-patch+yaml", fieldManager="me")
    # A real server reports all of these as internal errors.
    code = 400 if secrets.cluster.name == "devserver" else 500
    assert response.status_code == code, response.text
    assert secrets.names() == set()
