"""Requests that no client intends: the devserver refuses those that a real kube-apiserver refuses.

None of them causes an internal error.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from support.cluster import Cluster
from support.contract import Secrets
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


def test_half_of_a_surrogate_pair_is_another_character(secrets: Secrets) -> None:
    metadata = f'{{"name": "a", "annotations": {{"x": "{HALF}"}}}}'
    text = f'{{"metadata": {metadata}, "stringData": {{"k": "{HALF}x\\ud83d\\ude00"}}}}'
    response = secrets.cluster.admin.post(secrets.path, content=text, headers=JSON)
    assert response.status_code == 201, response.text
    assert response.json()["metadata"]["annotations"] == {"x": "\ufffd"}
    assert base64.b64decode(response.json()["data"]["k"]).decode() == "\ufffdx\U0001f600"


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_half_of_a_surrogate_pair_that_cannot_be_there(secrets: Secrets, field: str) -> None:
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
        {"continue": token('{"v":"meta.k8s.io/v1","rv":1e999,"start":"a"}')},
        {"continue": token("[" * 20_000)},
        {"continue": token("[]")},
        {"continue": token('{"v":"meta.k8s.io/v1","rv":null,"start":"a"}')},
    ],
    ids=lambda query: json.dumps(query)[:60],
)
def test_numbers_in_a_query(secrets: Secrets, cluster: Cluster, query: dict[str, str]) -> None:
    response = secrets.cluster.admin.get(secrets.path, params=query)
    assert response.status_code == (at(cluster, REFUSED) if "resourceVersion" in query else 400)


@pytest.mark.parametrize("limit", ["-5", "+5", "0000000000000000000000005", "9" * 18])
def test_numbers_that_are_some(secrets: Secrets, limit: str) -> None:
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
def test_a_review_of_nothing(cluster: Cluster, review: Any) -> None:
    response = cluster.admin.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
    assert response.status_code == 400, response.text


@pytest.mark.parametrize("spec", [[1], "x", 5, {"namespace": 5}, {"namespace": ["x"]}, {}, None])
def test_a_review_of_no_namespace(cluster: Cluster, spec: Any) -> None:
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
def test_how_nothing_can_be_deleted(secrets: Secrets, cluster: Cluster, options: Any, code: Any) -> None:
    secrets.create("a")
    response = secrets.cluster.admin.request("DELETE", f"{secrets.path}/a", json=options)
    assert response.status_code == at(cluster, code), response.text
    assert secrets.names() == {"a"}


@pytest.mark.parametrize("metadata", [[1], "x", 5, True, {"labels": [1]}, {"ownerReferences": {}}, {"finalizers": "x"}])
@pytest.mark.parametrize("more", [{}, {"unknown": 1}])
def test_what_cannot_be_applied(secrets: Secrets, metadata: Any, more: Any) -> None:
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **more}
    response = secrets.patch("a", document, "apply-patch+yaml", fieldManager="me")
    # A real server reports all of these as internal errors.
    code = 400 if secrets.cluster.name == "devserver" else 500
    assert response.status_code == code, response.text
    assert secrets.names() == set()
