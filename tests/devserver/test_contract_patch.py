"""The kinds of patches: the devserver and a real kube-apiserver produce the same results."""

from __future__ import annotations

from typing import Any

import pytest

from support.cluster import Cluster
from support.contract import Secrets
from support.versions import Since, at

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}


@pytest.fixture
def patched(secrets: Secrets) -> Secrets:
    """Create a Secret with labels a=1 and b=2, and data k=v and l=w."""
    secrets.create("p", {"a": "1", "b": "2"}, stringData={"k": "v", "l": "w"})
    return secrets


@pytest.mark.parametrize("form", ["merge-patch+json", "strategic-merge-patch+json"])
def test_merge_and_strategic_merge(patched: Secrets, form: str) -> None:
    patch = {"metadata": {"labels": {"a": None, "c": "3"}}, "stringData": {"k": "x"}, "data": {"l": None}}
    response = patched.patch("p", patch, form)
    assert response.status_code == 200, response.text
    assert response.json()["metadata"]["labels"] == {"b": "2", "c": "3"}
    assert response.json()["data"] == {"k": "eA=="}
    assert patched.get("p") == response.json()


@pytest.mark.parametrize(
    ("patch", "labels", "data"),
    [
        pytest.param({"data": {"$patch": "replace", "n": "eA=="}}, {"a": "1", "b": "2"}, {"n": "eA=="}, id="replace"),
        pytest.param({"metadata": {"labels": {"$patch": "delete"}}}, None, {"k": "dg==", "l": "dw=="}, id="delete"),
        pytest.param(
            {"metadata": {"$setElementOrder/finalizers": [], "labels": {"a": "9"}}},
            {"a": "9", "b": "2"},
            {"k": "dg==", "l": "dw=="},
            id="order of a list",
        ),
    ],
)
def test_strategic_directives(
    patched: Secrets, patch: Any, labels: dict[str, str] | None, data: dict[str, str]
) -> None:
    response = patched.patch("p", patch, "strategic-merge-patch+json")
    assert response.status_code == 200, response.text
    assert response.json()["metadata"].get("labels") == labels
    assert response.json()["data"] == data


def test_json_patch(patched: Secrets) -> None:
    operations = [
        {"op": "test", "path": "/type", "value": "Opaque"},
        {"op": "add", "path": "/metadata/labels/x~1y", "value": "1"},
        {"op": "remove", "path": "/metadata/labels/a"},
        {"op": "replace", "path": "/data/k", "value": "eA=="},
        {"op": "copy", "from": "/data/k", "path": "/data/m"},
        {"op": "move", "from": "/data/l", "path": "/data/n"},
    ]
    response = patched.patch("p", operations, "json-patch+json")
    assert response.status_code == 200, response.text
    assert response.json()["metadata"]["labels"] == {"b": "2", "x/y": "1"}
    assert response.json()["data"] == {"k": "eA==", "m": "eA==", "n": "dw=="}


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "test", "path": "/type", "value": "other"}, id="a test that fails"),
        pytest.param({"op": "remove", "path": "/metadata/labels/none"}, id="missing path"),
        pytest.param({"op": "add", "path": "/none/none", "value": "1"}, id="missing parent"),
        pytest.param({"op": "invent", "path": "/type", "value": "1"}, id="unknown operation"),
        pytest.param({"op": "test", "path": "/immutable", "value": 0}, id="number for a boolean"),
        *(
            pytest.param({"op": "add", "path": f"/metadata/ownerReferences/{each}", "value": OWNER}, id=f"at {each}")
            for each in ("9", "-9", " 1", "0_1", "x", "\uff11")
        ),
        pytest.param({"op": "remove", "path": "/metadata/ownerReferences/2"}, id="missing item"),
    ],
)
def test_invalid_json_patches(patched: Secrets, operation: dict[str, Any]) -> None:
    owners = [{**OWNER, "uid": each} for each in "ab"]
    assert patched.patch("p", {"immutable": False, "metadata": {"ownerReferences": owners}}).status_code == 200
    before = patched.get("p")
    first = {"op": "replace", "path": "/metadata/labels/a", "value": "changed"}
    response = patched.patch("p", [first, operation], "json-patch+json")
    assert response.status_code == 422, response.text
    assert response.json()["reason"] == "Invalid"
    assert response.json()["message"] == "the server rejected our request due to an error in our request"
    assert patched.get("p") == before


@pytest.mark.parametrize(
    ("operation", "owners"),
    [
        ({"op": "add", "path": "/2"}, "abN"),
        ({"op": "add", "path": "/-"}, "abN"),
        ({"op": "add", "path": "/-1"}, "abN"),
        ({"op": "add", "path": "/-3"}, "Nab"),
        ({"op": "add", "path": "/01"}, "aNb"),
        ({"op": "replace", "path": "/0"}, "Nb"),
        ({"op": "remove", "path": "/-1"}, "a"),
        ({"op": "test", "path": "/0/none", "value": None}, "ab"),
    ],
    ids=str,
)
def test_json_patch_of_a_list(patched: Secrets, operation: dict[str, Any], owners: str) -> None:
    before = [{**OWNER, "uid": each} for each in "ab"]
    patched.patch("p", {"metadata": {"ownerReferences": before}})
    operation = {"value": {**OWNER, "uid": "N"}, **operation}
    operation["path"] = f"/metadata/ownerReferences{operation['path']}"
    response = patched.patch("p", [operation], "json-patch+json")
    assert response.status_code == 200, response.text
    assert "".join(each["uid"] for each in response.json()["metadata"]["ownerReferences"]) == owners


@pytest.mark.parametrize(
    ("form", "patch", "code"),
    [
        ("json", {}, 415),
        ("json-patch+json", {}, 400),
        ("merge-patch+json", {"metadata": {"labels": {"a": "-"}}}, 422),
        ("merge-patch+json", {"metadata": {"labels": "x"}}, 422),
        ("merge-patch+json", {"metadata": {"name": "other"}}, 400),
        ("apply-patch+yaml", "{", 400),
    ],
)
def test_patches_that_are_refused(patched: Secrets, form: str, patch: Any, code: int) -> None:
    before = patched.get("p")
    response = patched.patch("p", patch, form, **({"fieldManager": "x"} if "apply" in form else {}))
    assert response.status_code == code, response.text
    assert patched.get("p") == before


def test_apply_creates(secrets: Secrets) -> None:
    response = secrets.apply("a", metadata={"labels": {"a": "1"}}, data={"k": "eA=="}, stringData={"l": "y"})
    assert response.status_code == 201, response.text
    assert response.json()["data"] == {"k": "eA==", "l": "eQ=="}
    assert response.json()["type"] == "Opaque"
    entry = response.json()["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"], entry["fieldsType"]) == ("tester", "Apply", "FieldsV1")
    assert entry["fieldsV1"]["f:metadata"] == {"f:labels": {"f:a": {}}}
    assert entry["fieldsV1"]["f:data"] == {"f:k": {}}


def test_apply_again_changes_nothing(secrets: Secrets) -> None:
    first = secrets.apply("a", metadata={"labels": {"a": "1"}}, data={"k": "eA=="})
    again = secrets.apply("a", metadata={"labels": {"a": "1"}}, data={"k": "eA=="})
    assert again.status_code == 200
    assert again.json() == first.json()


def test_apply_removes_fields_that_its_manager_no_longer_applies(secrets: Secrets) -> None:
    secrets.create("a", {"kept": "1"}, data={"foreign": "eA=="})
    secrets.apply("a", metadata={"labels": {"a": "1", "b": "2"}}, data={"k": "eA==", "l": "eA=="})
    changed = secrets.apply("a", metadata={"labels": {"b": "3"}}, data={"l": "eQ=="}).json()
    assert changed["metadata"]["labels"] == {"kept": "1", "b": "3"}
    assert changed["data"] == {"foreign": "eA==", "l": "eQ=="}


def test_apply_keeps_fields_that_another_manager_also_applies(secrets: Secrets) -> None:
    secrets.apply("a", "one", metadata={"labels": {"a": "1"}}, data={"k": "eA=="})
    secrets.apply("a", "two", metadata={"labels": {"a": "1"}}, data={"k": "eA=="})
    assert secrets.apply("a", "one").json()["data"] == {"k": "eA=="}
    gone = secrets.apply("a", "two").json()
    assert "data" not in gone
    assert "labels" not in gone["metadata"]


def test_apply_keeps_fields_that_were_changed_since(secrets: Secrets) -> None:
    secrets.apply("a", metadata={"labels": {"a": "1", "b": "2"}})
    secrets.patch("a", {"metadata": {"labels": {"b": "9"}}})
    assert secrets.apply("a", metadata={"labels": {"a": "1"}}).json()["metadata"]["labels"] == {"a": "1", "b": "9"}


def test_apply_takes_over_with_force(secrets: Secrets) -> None:
    secrets.apply("a", "one", metadata={"labels": {"a": "1"}})
    secrets.apply("a", "two", metadata={"labels": {"a": "2"}})
    assert secrets.apply("a", "one").json()["metadata"]["labels"] == {"a": "2"}


def test_apply_keeps_string_data_it_no_longer_applies(secrets: Secrets) -> None:
    """This is surprising but correct: data that was made from stringData has no manager."""
    secrets.apply("a", stringData={"k": "v"})
    assert secrets.apply("a", stringData={"l": "w"}).json()["data"] == {"k": "dg==", "l": "dw=="}


NO_VERSION = Since({0: "Incorrect version specified in apply patch.", 28: "invalid object type: /, Kind=Secret"})
OTHER_NAMESPACE = Since(
    {
        0: "the namespace of the object (x) does not match the namespace on the request",
        24: "the namespace of the provided object does not match the namespace sent on the request",
    }
)


@pytest.mark.parametrize(
    ("document", "query", "code", "message"),
    [
        ({}, {}, 422, "fieldManager: Required value: is required for apply patch"),
        ({"apiVersion": None}, {"fieldManager": "x"}, 400, NO_VERSION),
        ({"metadata": {"name": "b"}}, {"fieldManager": "x"}, 400, "the name of the object (b) does not match the name"),
        ({"metadata": {"managedFields": [{"manager": "x"}]}}, {"fieldManager": "x"}, 400, "managedFields must be nil"),
        ({"metadata": {"namespace": "x"}}, {"fieldManager": "x"}, 400, OTHER_NAMESPACE),
    ],
    ids=["no manager", "no version", "another name", "managed fields", "another namespace"],
)
def test_refused_applies(
    secrets: Secrets, cluster: Cluster, document: dict[str, Any], query: dict[str, str], code: int, message: str
) -> None:
    secrets.create("a")
    response = secrets.patch("a", {"apiVersion": "v1", "kind": "Secret", **document}, "apply-patch+yaml", **query)
    assert response.status_code == code, response.text
    assert at(cluster, message) in response.json()["message"]
