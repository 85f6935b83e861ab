"""No request causes an internal error of the devserver, whatever it contains."""

from __future__ import annotations

import copy
import json
import logging
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from airflow_kubernetes_secrets_devserver import DevServer, StatusError
from support.kube_apiserver import bearer, trust

SECRETS = "/api/v1/namespaces/airflow/secrets"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u", "controller": True}
FIELDS = {
    "f:metadata": {"f:finalizers": {".": {}, 'v:"x/y"': {}}, "f:ownerReferences": {'k:{"uid":"u"}': {"f:name": {}}}},
    "f:data": {"f:k": {}},
}
ENTRY = {"manager": "m", "operation": "Apply", "apiVersion": "v1", "time": "2020-01-01T00:00:00Z", "fieldsV1": FIELDS}
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "s",
        "namespace": "airflow",
        "labels": {"a": "b"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"data": {"k": "eA=="}}'},
        "finalizers": ["x/y"],
        "ownerReferences": [OWNER],
        "managedFields": [ENTRY],
    },
    "data": {"k": "eA=="},
    "stringData": {"l": "v"},
    "type": "Opaque",
    "immutable": False,
}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": SECRET["metadata"], "spec": {"finalizers": ["x"]}}
REVIEW = {"spec": {"resourceAttributes": {"verb": "get", "resource": "secrets"}, "namespace": "airflow"}}
PATCH = [
    {"op": "replace", "path": "/data/k", "value": "eA=="},
    {"op": "copy", "from": "/metadata/labels", "path": "/metadata/annotations"},
]
OPTIONS = {"preconditions": {"uid": "u", "resourceVersion": "1"}, "dryRun": ["All"]}


def nested(levels: int) -> Any:
    found: Any = "x"
    for _ in range(levels):
        found = {"f:a": [found]}
    return found


# A placeholder for a value that Python itself cannot write.
DEEP = "DEEP"
ODD: list[Any] = [
    *(None, True, 0, -1, 1e300, float("nan"), float("inf"), 10**30, "", "x", "\ud800", "\x00", "{", "9" * 400),
    *(
        [],
        [None],
        ["x"],
        [[]],
        [{}],
        [1],
        {},
        {"": ""},
        {"x": None},
        {"f:x": 1},
        {".": 1},
        {"\udc00": "x"},
        {"$patch": 1},
    ),
    *(nested(40), nested(100), DEEP, "[" * 3000, '{"metadata":' * 3000),
]
REQUESTS: list[tuple[str, str, str, Any]] = [
    ("POST", SECRETS, "json", SECRET),
    ("PUT", f"{SECRETS}/s", "json", SECRET),
    ("PATCH", f"{SECRETS}/s", "apply-patch+yaml", SECRET),
    ("PATCH", f"{SECRETS}/s", "merge-patch+json", SECRET),
    ("PATCH", f"{SECRETS}/s", "strategic-merge-patch+json", SECRET),
    ("PATCH", f"{SECRETS}/s", "json-patch+json", PATCH),
    ("DELETE", f"{SECRETS}/none", "json", OPTIONS),
    ("DELETE", f"{SECRETS}/s", "json", OPTIONS),
    ("POST", "/api/v1/namespaces", "json", NAMESPACE),
    ("PATCH", "/api/v1/namespaces/s", "apply-patch+yaml", NAMESPACE),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "json", REVIEW),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "json", REVIEW),
    ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "json", REVIEW),
]
QUERIES = ("limit", "resourceVersion", "continue", "labelSelector", "fieldSelector", "resourceVersionMatch", "dryRun")


@pytest.fixture
def server() -> Iterator[DevServer]:
    with DevServer(history=50) as server:
        yield server


@pytest.fixture
def client(server: DevServer) -> Iterator[httpx.Client]:
    token = server.create_token("admin", None)
    with httpx.Client(base_url=server.url, verify=trust(server.ca_file), headers=bearer(token), timeout=180) as client:
        yield client


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return each collection in a document with each of its keys or indexes."""
    keys = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [pair for key in keys for pair in ((document, key), *places(document[key]))]


def changed(document: Any, choose: random.Random) -> Any:
    """Return the document with an odd value in one or two places."""
    found = {"": copy.deepcopy(document)}
    for _ in range(choose.choice((1, 1, 2))):
        where, key = choose.choice(places(found))
        odd = copy.deepcopy(choose.choice(ODD))
        if isinstance(where, dict) and isinstance(odd, str) and key and choose.random() < 0.3:
            where[odd] = where.pop(key)  # a name
        else:
            where[key] = odd
    return found[""]


def assert_no_internal_error(response: httpx.Response, what: object) -> None:
    """Assert that it is a response of the API, and not an internal error."""
    assert "Internal" not in response.text, what
    if response.status_code >= 400:
        assert response.json()["kind"] == "Status", what
    # The API returns these two errors as 500; test_contract_objects.py and test_contract_patch.py have the messages.
    known = ("resourceVersion should not be set", "failed to create typed patch object")
    assert response.status_code != 500 or response.json()["message"].startswith(known), what


@pytest.mark.parametrize("seed", range(2))
def test_mutated_requests_cause_no_internal_error(
    server: DevServer, client: httpx.Client, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    choose = random.Random(seed)
    caplog.set_level(logging.ERROR)
    server.apply({"metadata": {"name": "s"}})
    for number in range(500):
        method, path, form, document = choose.choice(REQUESTS)
        body = json.dumps(changed(document, choose)).encode().replace(b'"DEEP"', b"[" * 3000 + b"]" * 3000)
        query = {"fieldManager": choose.choice(("m", "n", "kubectl"))}
        if choose.random() < 0.5 and "apply" in form:
            query["force"] = "true"
        headers = {"Content-Type": f"application/{form}"}
        response = client.request(method, path, content=body, headers=headers, params=query)
        assert_no_internal_error(response, (method, path, form, body[:500]))
        if number % 20 == 0:
            assert_no_internal_error(client.get(SECRETS), "list")
            table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
            assert_no_internal_error(client.get(SECRETS, headers=table, params={"includeObject": "Object"}), "table")
            watched = client.get("/api/v1/secrets", params={"watch": "1", "timeoutSeconds": "-1"})
            assert all(json.loads(line)["type"] == "ADDED" for line in watched.text.splitlines())
    assert caplog.text == ""


def test_odd_queries_cause_no_internal_error(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    texts = [each for each in ODD if isinstance(each, str) and "\ud800" not in each]
    texts += [
        "0",
        "-1",
        "\uff11",
        "9" * 25,
        "a=b,c",
        "!",
        "a in (",
        "(((",
        "=",
        "a==b=c",
        "\xe9",
        "All",
        "Exact",
        "W10",
    ]
    for name in QUERIES:
        for text in texts:
            for path in (SECRETS, "/api/v1/namespaces"):
                assert_no_internal_error(client.get(path, params={name: text}), (name, text))
            watched = client.get(SECRETS, params={name: text, "watch": "1", "timeoutSeconds": "-1"})
            assert_no_internal_error(watched, (name, text))
    assert caplog.text == ""


def test_odd_protocol_buffers_cause_no_internal_error(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """A number in place of a string must not become a string of that many zeros."""
    choose = random.Random(1)
    caplog.set_level(logging.ERROR)
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    kind = b"\x0a\x0c\x0a\x02v1\x12\x06Secret"
    metadata = b"\x0a\x05\x0a\x01p\x12\x00"
    whole = b"k8s\x00" + kind + b"\x12" + bytes([len(metadata) + 2]) + b"\x0a" + bytes([len(metadata)]) + metadata
    large = b"\x10\xff\xff\xff\xff\xff\x1f"
    bodies = [b"k8s\x00" + large, b"k8s\x00" + kind + large, b"k8s\x00" + kind + b"\x12\x07\x18" + large[1:]]
    for _ in range(300):
        body = bytearray(whole)
        for _ in range(choose.randint(1, 3)):
            body[choose.randrange(4, len(body))] = choose.randrange(256)
        bodies.append(bytes(body))
    for each in bodies:
        assert_no_internal_error(client.post(SECRETS, content=each, headers=headers), each)
    assert caplog.text == ""


@pytest.mark.parametrize("metadata", ["x", [1], {"name": 5}, {"name": "a", "annotations": {"x": float("nan")}}])
def test_apply_rejects_invalid_metadata(server: DevServer, metadata: Any) -> None:
    with pytest.raises(StatusError) as caught:
        server.apply({"metadata": metadata})
    assert caught.value.code in (400, 422)


def test_lone_surrogates_become_replacement_characters(server: DevServer) -> None:
    made = server.apply({"metadata": {"name": "a", "annotations": {"x": "\ud800"}}, "stringData": {"k": "\udfff"}})
    assert (made["metadata"]["annotations"], made["data"]) == ({"x": "\ufffd"}, {"k": "77+9"})
