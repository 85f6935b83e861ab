"""Namespaces: the devserver and a real kube-apiserver give the same responses."""

from __future__ import annotations

from typing import Any

import pytest

from support.cluster import Cluster
from support.contract import failure
from support.versions import Since, at


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


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_cannot_be_deleted(cluster: Cluster, name: str) -> None:
    status = failure(cluster.admin.delete(f"/api/v1/namespaces/{name}"), 403, "Forbidden")
    assert status["message"] == f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    assert status["details"] == {"name": name, "kind": "namespaces"}


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
