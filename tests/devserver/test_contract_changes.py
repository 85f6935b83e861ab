"""Changing and deleting Secrets: the devserver and a real kube-apiserver give the same responses."""

from __future__ import annotations

from typing import Any

import pytest

from support.cluster import Cluster
from support.contract import Secrets, failure
from support.versions import Since, at
from support.waiting import until

OTHER_NAMESPACE = Since(
    {
        0: "the namespace of the object (o) does not match the namespace on the request",
        24: "the namespace of the provided object does not match the namespace sent on the request",
    }
)
IMMUTABLE = "field is immutable when `immutable` is set"


def test_update(secrets: Secrets) -> None:
    made = secrets.create("u", {"a": "1"}, stringData={"k": "v"})
    changed = secrets.put({"metadata": {"name": "u", "labels": {"b": "2"}}, "stringData": {"l": "w"}}).json()
    assert changed["metadata"]["labels"] == {"b": "2"}
    assert changed["data"] == {"l": "dw=="}
    for field in ("uid", "creationTimestamp"):
        assert changed["metadata"][field] == made["metadata"][field]
    assert int(changed["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


def test_update_without_changes_creates_no_version(secrets: Secrets) -> None:
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


def test_update_with_another_uid_conflicts(secrets: Secrets) -> None:
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
def test_update_cannot_change_name_or_namespace(
    secrets: Secrets, cluster: Cluster, metadata: dict[str, str], message: str
) -> None:
    secrets.create("n")
    status = failure(secrets.put({"metadata": metadata}, "n"), 400, "BadRequest")
    assert status["message"].startswith(at(cluster, message))


@pytest.mark.parametrize("metadata", [{"name": None}, None])
def test_a_patch_cannot_remove_the_name(secrets: Secrets, metadata: Any) -> None:
    secrets.create("n")
    status = failure(secrets.patch("n", {"metadata": metadata}), 400, "BadRequest")
    assert status["message"].startswith("the name of the object (n based on URL) was undeterminable")


def test_version_0_matches_any_version(secrets: Secrets) -> None:
    secrets.create("v")
    change = {"metadata": {"name": "v", "resourceVersion": "0", "labels": {"a": "b"}}}
    assert secrets.put(change).status_code == 200
    assert secrets.patch("v", change).status_code == 200


def test_type_is_immutable(secrets: Secrets) -> None:
    secrets.create("t")
    status = failure(secrets.put({"metadata": {"name": "t"}, "type": "other"}), 422, "Invalid")
    assert status["message"] == 'Secret "t" is invalid: type: Invalid value: "other": field is immutable'


def test_immutable_secret_cannot_be_changed(secrets: Secrets) -> None:
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


@pytest.mark.parametrize(
    ("options", "is_deleted"),
    [
        ({"propagationPolicy": "Background"}, True),
        ({"propagationPolicy": "Backgroun"}, False),
        ({"propagationPolicy": "Background", "orphanDependents": True}, False),
        ({"orphanDependents": False}, True),
    ],
    ids=str,
)
def test_propagation_policy(secrets: Secrets, options: dict[str, Any], is_deleted: bool) -> None:
    for name, query in (("body", {}), ("query", options)):
        secrets.create(name)
        response = secrets.cluster.admin.request(
            "DELETE",
            f"{secrets.path}/{name}",
            json=None if query else options,
            params={key: str(each).lower() if isinstance(each, bool) else each for key, each in query.items()},
        )
        if is_deleted:
            assert response.status_code == 200, response.text
            continue
        [cause] = failure(response, 422, "Invalid")["details"]["causes"]
        assert cause["field"] == "propagationPolicy"
        assert name in secrets.names()


def test_delete_options_of_another_kind(secrets: Secrets) -> None:
    made = secrets.create("kept")
    assert secrets.delete("kept", **made).status_code >= 400
    assert secrets.names() == {"kept"}


def test_delete_collection_with_a_selector(secrets: Secrets) -> None:
    secrets.create("one", {"a": "1"})
    secrets.create("two", {"a": "2"})
    answer = secrets.cluster.admin.delete(secrets.path, params={"labelSelector": "a=1"}).json()
    assert answer["kind"] == "SecretList"
    assert [item["metadata"]["name"] for item in answer["items"]] == ["one"]
    assert secrets.names() == {"two"}


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ({"uid": "x"}, None, 409),
        ({"resourceVersion": "1"}, None, 409),
        ({"gracePeriodSeconds": "x"}, None, 400),
        ({}, {"gracePeriodSeconds": "x"}, Since({0: 500, 30: 400})),
        ({"uid": "x", "dryRun": "All", "gracePeriodSeconds": "x", "propagationPolicy": "x"}, {"kind": ""}, 200),
    ],
    ids=["uid", "resourceVersion", "grace period", "grace period in the body", "body"],
)
def test_the_query_contains_the_delete_options_if_there_is_no_body(
    secrets: Secrets, cluster: Cluster, query: Any, body: Any, code: Any
) -> None:
    secrets.create("a")
    response = cluster.admin.request("DELETE", f"{secrets.path}/a", params=query, json=body)
    assert response.status_code == at(cluster, code), response.text
    assert secrets.names() == (set() if response.is_success else {"a"})


def test_delete_collection_deletes_one_page(secrets: Secrets) -> None:
    for name in ("a", "b", "c"):
        secrets.create(name)
    query: dict[str, str] = {"limit": "1"}
    for name, rest in (("a", {"b", "c"}), ("b", {"c"})):
        page = secrets.cluster.admin.delete(secrets.path, params=query).json()
        assert [item["metadata"]["name"] for item in page["items"]] == [name]
        assert page["metadata"]["remainingItemCount"] == len(rest)
        assert secrets.names() == rest
        query["continue"] = page["metadata"]["continue"]


def test_delete_collection_on_a_page_of_the_past(secrets: Secrets) -> None:
    for name in ("a", "b", "c"):
        secrets.create(name)
    token = secrets.list(limit="1").json()["metadata"]["continue"]
    secrets.delete("b")
    page = secrets.cluster.admin.delete(secrets.path, params={"continue": token}).json()
    assert [item["metadata"]["name"] for item in page["items"]] == ["b", "c"]
    assert secrets.names() == {"a"}


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ({"limit": "x"}, None, 400),
        ({"resourceVersion": "x"}, None, Since({0: 500, 30: 400})),
        ({"continue": "x"}, None, 400),
        ({"resourceVersion": "0"}, None, 409),
        ({"uid": "x"}, None, 409),
        ({}, {"preconditions": {"uid": "x"}}, 409),
        ({}, {"preconditions": {"resourceVersion": "1"}}, 409),
        ({"propagationPolicy": "x"}, None, 422),
    ],
    ids=str,
)
def test_refused_delete_collection(secrets: Secrets, cluster: Cluster, query: Any, body: Any, code: Any) -> None:
    secrets.create("a")
    secrets.create("b")
    # A real server lists what it deletes with version 0 from a cache that may be a moment behind.
    until(lambda: secrets.names(resourceVersion="0") == {"a", "b"})
    response = cluster.admin.request("DELETE", secrets.path, params=query, json=body)
    assert response.status_code == at(cluster, code), response.text
    if response.status_code == 409:
        assert response.json()["details"]["kind"] == "Secret"
    assert secrets.names() == {"a", "b"}
