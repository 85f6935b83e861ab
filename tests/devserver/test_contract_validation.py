"""Unknown fields: dropped, with a warning, or rejected.

https://kubernetes.io/docs/reference/using-api/api-concepts/#setting-the-field-validation-level
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from support.cluster import Cluster
from support.contract import Secrets
from support.versions import Since, at

DOCUMENT = {"metadata": {"name": "v", "foo": 1}, "nonsense": {"a": 1}, 'x y"z': None}
UNKNOWN = ["metadata.foo", "nonsense", 'x y"z']


def warnings(response: httpx.Response) -> list[str]:
    return response.headers.get_list("warning")


def expected(cluster: Cluster, fields: Iterable[str]) -> list[str]:
    """Return the warnings of a server that checks fields, which servers do since 1.25."""
    texts = [f"299 - {json.dumps(f'unknown field {json.dumps(field)}')}" for field in fields]
    return at(cluster, Since[list[str]]({0: [], 25: texts}))


@pytest.mark.parametrize("query", [{}, {"fieldValidation": ""}, {"fieldValidation": "Warn"}])
def test_unknown_fields_are_dropped_with_a_warning(secrets: Secrets, cluster: Cluster, query: Any) -> None:
    made = secrets.post(DOCUMENT, **query)
    assert made.status_code == 201, made.text
    assert made.json().keys() == {"kind", "apiVersion", "metadata", "type"}
    assert warnings(made) == expected(cluster, UNKNOWN)
    replaced = cluster.admin.put(f"{secrets.path}/v", json=DOCUMENT, params=query)
    assert (replaced.status_code, warnings(replaced)) == (200, expected(cluster, UNKNOWN))
    for form in ("merge-patch+json", "strategic-merge-patch+json"):
        patched = secrets.patch("v", {"nonsense": 1, "metadata": {"foo": {}}}, form, **query)
        assert patched.status_code == 200, patched.text
        assert warnings(patched) == expected(cluster, ["metadata.foo", "nonsense"])
    patched = secrets.patch("v", [{"op": "add", "path": "/nonsense", "value": 1}], "json-patch+json", **query)
    assert (patched.status_code, warnings(patched)) == (200, expected(cluster, ["nonsense"]))


def test_unknown_fields_are_ignored(secrets: Secrets) -> None:
    made = secrets.post(DOCUMENT, fieldValidation="Ignore")
    assert (made.status_code, warnings(made)) == (201, [])


def test_known_fields_have_no_warning(secrets: Secrets) -> None:
    made = secrets.post({"metadata": {"name": "v", "labels": {"a": "b"}}, "stringData": {"k": "v"}, "immutable": False})
    assert (made.status_code, warnings(made)) == (201, [])


def test_unknown_fields_are_refused_with_strict_validation(secrets: Secrets, cluster: Cluster) -> None:
    refused = secrets.post(DOCUMENT, fieldValidation="Strict")
    assert refused.status_code == at(cluster, Since({0: 201, 25: 400})), refused.text
    listed = ", ".join(f"unknown field {json.dumps(field)}" for field in UNKNOWN)
    text = f'Secret in version "v1" cannot be handled as a Secret: strict decoding error: {listed}'
    assert refused.json().get("message") == at(cluster, Since({0: None, 25: text}))
    secrets.post({"metadata": {"name": "v"}})
    refused = secrets.patch("v", {"nonsense": 1}, fieldValidation="Strict")
    assert refused.status_code == at(cluster, Since({0: 200, 25: 422})), refused.text
    assert refused.text.count('unknown field \\"nonsense\\"') == at(cluster, Since({0: 0, 25: 2}))


def test_unknown_validation_level_is_refused(secrets: Secrets, cluster: Cluster) -> None:
    refused = secrets.post({"metadata": {"name": "v"}}, fieldValidation="strict")
    assert refused.status_code == at(cluster, Since({0: 201, 25: 422})), refused.text
    text = (
        'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "strict": '
        'supported values: "", "Ignore", "Strict", "Warn"'
    )
    assert refused.json().get("message") == at(cluster, Since({0: None, 25: text}))


@pytest.mark.parametrize("query", [{}, {"fieldValidation": "Ignore"}, {"fieldValidation": "Strict"}])
def test_unknown_fields_cannot_be_applied(secrets: Secrets, query: Any) -> None:
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "v"}, "nonsense": 1}
    refused = secrets.patch("v", document, "apply-patch+yaml", fieldManager="me", **query)
    assert refused.status_code == 500, refused.text
    assert refused.json()["message"].startswith("failed to create typed patch object")
    assert refused.json()["message"].endswith(".nonsense: field not declared in schema")
    assert secrets.names() == set()


def test_unknown_fields_in_a_list(secrets: Secrets, cluster: Cluster) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}
    document = {"metadata": {"name": "v", "ownerReferences": [owner, {**owner, "uid": "w", "foo": 1}]}}
    made = secrets.post(document)
    assert (made.status_code, warnings(made)) == (201, expected(cluster, ["metadata.ownerReferences[1].foo"]))
    assert "foo" not in made.json()["metadata"]["ownerReferences"][1]


def repeated(cluster: Cluster, *texts: str) -> list[str]:
    """Return the warnings about repeated fields. Servers check them since 1.25."""
    return at(cluster, Since[list[str]]({0: [], 25: [f"299 - {json.dumps(text)}" for text in texts]}))


def send(secrets: Secrets, method: str, name: str, form: str, text: str, **query: str) -> httpx.Response:
    headers = {"Content-Type": f"application/{form}"}
    return secrets.cluster.admin.request(method, f"{secrets.path}{name}", content=text, headers=headers, params=query)


@pytest.mark.parametrize(
    ("text", "fields", "data"),
    [
        ('"data": {"a": "YQ==", "a": "Yg==", "a": "Yw=="}', ["data.a"], {"a": "Yw=="}),
        ('"data": {"a": "YQ=="}, "data": {"b": "Yg=="}', ["data"], {"a": "YQ==", "b": "Yg=="}),
        ('"data": {"a": "YQ=="}, "metadata": {"labels": {"b": "c"}}', ["metadata"], {"a": "YQ=="}),
        ('"type": "a", "type": "b", "stringData": {"c.d": "", "c.d": ""}', ["type", "stringData.c.d"], {"c.d": ""}),
    ],
    ids=["key", "data", "metadata", "several"],
)
def test_repeated_fields(secrets: Secrets, cluster: Cluster, text: str, fields: list[str], data: Any) -> None:
    text = f'{{"metadata": {{"name": "v"}}, {text}}}'
    texts = [f"duplicate field {json.dumps(field)}" for field in fields]
    refused = send(secrets, "POST", "", "json", text, fieldValidation="Strict", dryRun="All")
    assert refused.status_code == at(cluster, Since({0: 201, 25: 400})), refused.text
    message = f'Secret in version "v1" cannot be handled as a Secret: strict decoding error: {", ".join(texts)}'
    assert refused.json().get("message") == at(cluster, Since({0: None, 25: message}))
    ignored = send(secrets, "POST", "", "json", text, fieldValidation="Ignore", dryRun="All")
    assert (ignored.status_code, warnings(ignored)) == (201, [])
    made = send(secrets, "POST", "", "json", text)
    assert (made.status_code, warnings(made)) == (201, repeated(cluster, *texts))
    assert made.json()["data"] == data
    assert ("labels" in made.json()["metadata"]) is (fields == ["metadata"])
    put = send(secrets, "PUT", "/v", "json", text)
    assert (put.status_code, warnings(put)) == (200, repeated(cluster, *texts))


def test_repeated_fields_in_a_list(secrets: Secrets, cluster: Cluster) -> None:
    owner = '"apiVersion": "v1", "kind": "K", "uid": "u", "name": "a", "name": "b"'
    made = send(secrets, "POST", "", "json", f'{{"metadata": {{"name": "v", "ownerReferences": [{{{owner}}}]}}}}')
    assert made.json()["metadata"]["ownerReferences"][0]["name"] == "b"
    assert warnings(made) == repeated(cluster, 'duplicate field "metadata.ownerReferences[0].name"')


@pytest.mark.parametrize("form", ["merge-patch+json", "strategic-merge-patch+json"])
def test_repeated_fields_in_a_patch(secrets: Secrets, cluster: Cluster, form: str) -> None:
    secrets.create("v", stringData={"z": "z"})
    text = '{"data": {"a": "YQ=="}, "data": {"b": "YQ==", "b": "Yg=="}}'
    refused = send(secrets, "PATCH", "/v", form, text, fieldValidation="Strict", dryRun="All")
    assert refused.status_code == at(cluster, Since({0: 200, 25: 422})), refused.text
    done = send(secrets, "PATCH", "/v", form, text)
    assert done.json()["data"] == {"b": "Yg==", "z": "eg=="}
    texts = ('duplicate field "data"', 'duplicate field "data.b"')
    assert warnings(done) == repeated(cluster, *texts)
    assert "strict decoding error" in refused.text or cluster.minor_version < 25


@pytest.mark.parametrize("form", ["yaml", "apply-patch+yaml"])
def test_repeated_fields_in_yaml(secrets: Secrets, cluster: Cluster, form: str) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: v}\ndata:\n  a: YQ==\n  a: Yg==\ndata: {c: YQ==}\n"
    method, name, query = ("POST", "", {}) if form == "yaml" else ("PATCH", "/v", {"fieldManager": "me"})
    texts = ['line 6: key "a" already set in map', 'line 7: key "data" already set in map']
    refused = send(secrets, method, name, form, text, fieldValidation="Strict", dryRun="All", **query)
    assert refused.status_code == at(cluster, Since({0: 201, 25: 400})), refused.text
    assert all(each in refused.json().get("message", "") for each in texts) is at(cluster, Since({0: False, 25: True}))
    done = send(secrets, method, name, form, text, **query)
    assert (done.status_code, done.json()["data"]) == (201, {"c": "YQ=="})
    assert sorted(warnings(done)) == sorted(repeated(cluster, *texts))
