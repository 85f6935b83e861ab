"""ConfigMaps: their values, rules, managers and permissions, as far as they differ from those of Secrets."""

from __future__ import annotations

from typing import Any

import pytest

from support.cluster import Cluster
from support.contract import Secrets, encoded, managed, parsed
from support.servers import on_the_devserver
from support.versions import Since, at


@pytest.fixture
def config_maps(cluster: Cluster, namespace: str) -> Secrets:
    return Secrets(cluster, namespace, "ConfigMap")


def test_values_are_text_or_bytes(config_maps: Secrets) -> None:
    made = config_maps.create("c", {"a": "b"}, data={"text": " hello\n", "null": None}, binaryData={"bytes": "/w=="})

    assert made["data"] == {"text": " hello\n", "null": ""}
    assert made["binaryData"] == {"bytes": "/w=="}
    assert "type" not in made
    assert config_maps.get("c") == made
    listed = parsed(config_maps.list(labelSelector="a=b"))
    assert (listed["kind"], [each["data"] for each in listed["items"]]) == ("ConfigMapList", [made["data"]])
    assert config_maps.names(labelSelector="a!=b") == set()
    assert config_maps.names(fieldSelector="metadata.name=c") == {"c"}


def test_a_secret_of_the_same_name_is_another_object(config_maps: Secrets, cluster: Cluster) -> None:
    secrets = Secrets(cluster, config_maps.namespace)
    config_maps.create("x", data={"k": "text"})
    secrets.create("x", stringData={"k": "secret"})

    assert config_maps.delete("x").status_code == 200
    assert secrets.get("x")["data"] == {"k": encoded("secret")}
    assert config_maps.names() == set()


def test_only_config_maps_are_accepted(config_maps: Secrets) -> None:
    refused = config_maps.post({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}})
    assert refused.status_code == 400, refused.text
    unknown = config_maps.list(fieldSelector="type=Opaque")
    text = '"type" is not a known field selector: only "metadata.name", "metadata.namespace"'
    assert (unknown.status_code, unknown.json()["message"]) == (400, text)


TOO_LONG = Since({0: "Too long: must have at most 1048576 bytes", 32: "Too long: may not be more than 1048576 bytes"})


@pytest.mark.parametrize(
    ("content", "field", "text"),
    [
        ({"data": {"k": "a"}, "binaryData": {"k": "YQ=="}}, "data[k]", "duplicate of key present in binaryData"),
        ({"data": {"a/b": ""}}, "data[a/b]", "a valid config key must consist of"),
        ({"binaryData": {"..": ""}}, "binaryData[..]", "must not be '..'"),
        ({"data": {"k": "x" * (1024 * 1024 + 1)}}, "[]", TOO_LONG),
        ({"data": {"k": "é" * (512 * 1024)}, "binaryData": {"b": "YQ=="}}, "[]", TOO_LONG),
    ],
    ids=["both", "key", "dots", "size", "size of both"],
)
def test_invalid_config_maps(
    config_maps: Secrets, cluster: Cluster, content: dict[str, Any], field: str, text: str | Since[str]
) -> None:
    refused = config_maps.post({"metadata": {"name": "x"}, **content})

    assert refused.status_code == 422, refused.text
    [cause] = refused.json()["details"]["causes"]
    assert cause["field"] == field
    assert (text if isinstance(text, str) else at(cluster, text)) in cause["message"]
    assert config_maps.names() == set()


def test_config_map_of_the_maximum_size(config_maps: Secrets) -> None:
    assert config_maps.post({"metadata": {"name": "x"}, "data": {"k": "x" * 1024 * 1024}}).status_code == 201


@pytest.mark.parametrize("content", [{"data": {"k": 1}}, {"data": []}, {"binaryData": {"k": "hunter2!"}}])
def test_config_map_that_cannot_be_decoded(config_maps: Secrets, content: dict[str, Any]) -> None:
    refused = config_maps.post({"metadata": {"name": "x"}, **content})

    assert refused.status_code == 400, refused.text


def test_string_data_is_an_unknown_field(config_maps: Secrets, cluster: Cluster) -> None:
    made = config_maps.post({"metadata": {"name": "x"}, "stringData": {"k": "v"}})

    assert made.status_code == 201, made.text
    assert "stringData" not in made.json()
    warnings = made.headers.get_list("warning")
    assert warnings == at(cluster, Since[list[str]]({0: [], 25: ['299 - "unknown field \\"stringData\\""']}))


def test_immutable_config_map(config_maps: Secrets) -> None:
    made = config_maps.create("x", data={"k": "v"}, immutable=True)
    changed = {**made, "immutable": False, "data": {"k": "new"}, "binaryData": {"b": "YQ=="}}

    refused = config_maps.put(changed)

    assert refused.status_code == 422, refused.text
    causes = refused.json()["details"]["causes"]
    assert [each["field"] for each in causes] == ["immutable", "data", "binaryData"]
    assert {each["message"] for each in causes} == {"Forbidden: field is immutable when `immutable` is set"}
    assert config_maps.put({**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}}).status_code == 200


def test_patches(config_maps: Secrets) -> None:
    config_maps.create("x", data={"a": "1", "b": "2"})

    for form, patch, expected in (
        ("merge-patch+json", {"data": {"b": None, "c": "3"}}, {"a": "1", "c": "3"}),
        ("strategic-merge-patch+json", {"data": {"$patch": "replace", "d": "4"}}, {"d": "4"}),
        ("json-patch+json", [{"op": "replace", "path": "/data/d", "value": "5"}], {"d": "5"}),
    ):
        patched = config_maps.patch("x", patch, form)
        assert (patched.status_code, patched.json().get("data")) == (200, expected), patched.text


def test_server_side_apply(config_maps: Secrets) -> None:
    assert config_maps.apply("x", "one", data={"a": "1"}, binaryData={"b": "YQ=="}).status_code == 201
    assert config_maps.apply("x", "two", data={"c": "3"}).status_code == 200
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "2"}}

    conflict = config_maps.patch("x", document, "apply-patch+yaml", fieldManager="two")

    assert conflict.status_code == 409, conflict.text
    assert ".data.a" in conflict.json()["message"]
    found = config_maps.get("x")
    assert (found["data"], found["binaryData"]) == ({"a": "1", "c": "3"}, {"b": "YQ=="})
    assert managed(found)["one", "Apply"] == {
        "f:binaryData": {"f:b": {}, **managed(found)["one", "Apply"]["f:binaryData"]},
        "f:data": {"f:a": {}, **managed(found)["one", "Apply"]["f:data"]},
    }
    # A field is removed if its manager no longer applies it and no other manager owns it.
    assert config_maps.apply("x", "one", data={"a": "1"}).status_code == 200
    assert "binaryData" not in config_maps.get("x")


def test_a_watch(config_maps: Secrets, cluster: Cluster) -> None:
    version = config_maps.version()
    with config_maps.watch(resourceVersion=version) as events:
        Secrets(cluster, config_maps.namespace).create("secret")
        made = config_maps.create("x", data={"k": "v"})
        config_maps.patch("x", {"data": {"k": "new"}})
        config_maps.delete("x")
        found = [next(events) for _ in range(3)]

    assert [each["type"] for each in found] == ["ADDED", "MODIFIED", "DELETED"]
    assert found[0]["object"]["kind"] == "ConfigMap"
    assert found[0]["object"]["data"] == made["data"]
    assert {each["object"]["data"]["k"] for each in found[1:]} == {"new"}


def test_permissions_on_config_maps_are_separate(cluster: Cluster, namespace: str) -> None:
    only_secrets = cluster.service_account(namespace, "a", {namespace: ["list"]})
    both = cluster.service_account(namespace, "b", {namespace: ["list"]}, resources=["secrets", "configmaps"])
    path = f"/api/v1/namespaces/{namespace}/configmaps"

    with cluster.client(both.token) as client:
        assert client.get(path).status_code == 200
        assert client.get(f"{path}/x").status_code == 403
    with cluster.client(only_secrets.token) as client:
        refused = client.get(path)
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        f'configmaps is forbidden: User "system:serviceaccount:{namespace}:a" cannot list resource "configmaps" in API '
        f'group "" in the namespace "{namespace}"'
    )


def test_a_table_shows_no_value(config_maps: Secrets, cluster: Cluster) -> None:
    config_maps.create("x", data={"a": "1", "b": "2"}, binaryData={"c": "YQ=="})

    response = cluster.admin.get(config_maps.path, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})

    table = parsed(response)
    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert [row["cells"][:2] for row in table["rows"] if row["cells"][0] == "x"] == [["x", 3]]


# A real server needs its controller for that, which the tests do not run.
@on_the_devserver
def test_deleted_namespace_deletes_its_config_maps(cluster: Cluster, namespace: str) -> None:
    config_maps = Secrets(cluster, namespace, "ConfigMap")
    config_maps.create("x")
    assert cluster.admin.delete(f"/api/v1/namespaces/{namespace}").status_code == 200
    cluster.create_namespace(namespace)
    assert config_maps.names() == set()


def test_discovery(cluster: Cluster) -> None:
    found = {each["name"]: each for each in parsed(cluster.admin.get("/api/v1"))["resources"]}["configmaps"]

    assert (found["kind"], found["namespaced"], found["shortNames"]) == ("ConfigMap", True, ["cm"])
    assert {"create", "delete", "get", "list", "patch", "update", "watch"} <= {*found["verbs"]}
