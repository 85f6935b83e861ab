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
