"""A Secret with finalizers waits for them when it is deleted, on the devserver as on a real kube-apiserver.

https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from support.cluster import Cluster
from support.contract import Secrets, parsed
from support.versions import Since, at

FINALIZER = "example.com/wait"
OTHER = "example.com/other"
NO_NEW = "no new finalizers can be added if the object is being deleted, found new finalizers []string{"
QUALIFIED = "name is neither a standard finalizer name nor is it fully qualified"


def create(
    secrets: Secrets, name: str = "x", finalizers: Iterable[str] = (FINALIZER,), **content: Any
) -> dict[str, Any]:
    response = secrets.post({"metadata": {"name": name, "finalizers": list(finalizers)}, **content})
    assert response.status_code == 201, response.text
    return parsed(response)


def without_managers(found: dict[str, Any]) -> dict[str, Any]:
    """Return the object without managers: a real server records all of them, the devserver only those that apply."""
    return {**found, "metadata": {field: each for field, each in found["metadata"].items() if field != "managedFields"}}


def is_being_deleted(response: httpx.Response) -> dict[str, Any]:
    """Return the object, which must be in deletion."""
    assert response.status_code == 200, response.text
    found = parsed(response)
    assert found["kind"] == "Secret"
    assert found["metadata"]["deletionTimestamp"] >= found["metadata"]["creationTimestamp"]
    assert found["metadata"]["deletionGracePeriodSeconds"] == 0
    return found


def is_gone(secrets: Secrets, name: str = "x") -> bool:
    return secrets.cluster.admin.get(f"{secrets.path}/{name}").status_code == 404


def test_secret_is_deleted_when_the_last_finalizer_is_removed(secrets: Secrets) -> None:
    made = create(secrets, finalizers=[FINALIZER, OTHER], stringData={"k": "v"})

    going = is_being_deleted(secrets.delete("x"))

    assert going["data"] == made["data"]
    assert going["metadata"]["finalizers"] == [FINALIZER, OTHER]
    assert int(going["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert secrets.get("x") == going
    assert secrets.names() == {"x"}

    left = is_being_deleted(secrets.patch("x", {"metadata": {"finalizers": [OTHER]}}))
    assert left["metadata"]["finalizers"] == [OTHER]
    assert secrets.get("x") == left

    last = is_being_deleted(secrets.patch("x", {"metadata": {"finalizers": None}, "data": {"k": "bmV3"}}))
    assert "finalizers" not in last["metadata"]
    assert last["data"] == {"k": "bmV3"}
    assert last["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]
    assert is_gone(secrets)
    secrets.create("x")


@pytest.mark.parametrize("how", ["put", "merge patch", "JSON patch", "apply"])
def test_each_kind_of_change_can_remove_the_last_finalizer(secrets: Secrets, how: str) -> None:
    secrets.apply("x", metadata={"finalizers": [FINALIZER]})
    is_being_deleted(secrets.delete("x"))
    path = "/metadata/finalizers"
    changes = {
        "put": lambda: secrets.put({"metadata": {"name": "x"}}),
        "merge patch": lambda: secrets.patch("x", {"metadata": {"finalizers": []}}),
        "JSON patch": lambda: secrets.patch("x", [{"op": "remove", "path": path}], "json-patch+json"),
        "apply": lambda: secrets.apply("x"),
    }

    is_being_deleted(changes[how]())

    assert is_gone(secrets)


def test_second_delete_returns_the_secret_unchanged(secrets: Secrets) -> None:
    create(secrets)
    going = is_being_deleted(secrets.delete("x"))

    assert is_being_deleted(secrets.delete("x")) == going
    assert secrets.delete("x", preconditions={"uid": "other"}).status_code == 409
    assert secrets.get("x") == going


def test_name_stays_in_use_during_deletion(secrets: Secrets) -> None:
    create(secrets)
    secrets.delete("x")

    response = secrets.post({"metadata": {"name": "x"}})

    assert response.status_code == 409
    assert response.json()["message"] == 'object is being deleted: secrets "x" already exists'
    assert response.json()["details"] == {"name": "x", "kind": "secrets"}


def test_secret_can_be_changed_during_deletion_but_not_restored(secrets: Secrets) -> None:
    create(secrets)
    going = is_being_deleted(secrets.delete("x"))

    nothing = {"deletionTimestamp": None, "deletionGracePeriodSeconds": None}
    changed = is_being_deleted(secrets.patch("x", {"metadata": {"labels": {"a": "b"}, **nothing}}))
    assert changed["metadata"]["labels"] == {"a": "b"}
    replaced = is_being_deleted(secrets.put({"metadata": {"name": "x", "finalizers": [FINALIZER]}}))
    assert "labels" not in replaced["metadata"]
    for found in (changed, replaced):
        assert found["metadata"]["deletionTimestamp"] == going["metadata"]["deletionTimestamp"]
    assert secrets.get("x") == replaced


@pytest.mark.parametrize("finalizers", [[FINALIZER, OTHER], [OTHER]], ids=["one more", "another"])
def test_no_finalizer_can_be_added_during_deletion(secrets: Secrets, finalizers: Any) -> None:
    create(secrets)
    secrets.delete("x")

    response = secrets.patch("x", {"metadata": {"finalizers": finalizers}})

    assert response.status_code == 422
    cause = response.json()["details"]["causes"][0]
    assert cause["field"] == "metadata.finalizers"
    assert cause["reason"] == "FieldValueForbidden"
    assert cause["message"].startswith(f'Forbidden: {NO_NEW}"{OTHER}"')
    assert secrets.get("x")["metadata"]["finalizers"] == [FINALIZER]


def test_finalizer_added_before_deletion_is_respected(secrets: Secrets) -> None:
    secrets.create("x")
    assert secrets.patch("x", {"metadata": {"finalizers": [FINALIZER]}}).status_code == 200
    is_being_deleted(secrets.delete("x"))
    assert not is_gone(secrets)


def test_a_dry_run(secrets: Secrets) -> None:
    made = create(secrets)
    assert is_being_deleted(secrets.delete("x", dryRun=["All"]))["metadata"]["finalizers"] == [FINALIZER]
    assert secrets.get("x") == made

    going = is_being_deleted(secrets.delete("x"))
    is_being_deleted(secrets.patch("x", {"metadata": {"finalizers": None}}, dryRun="All"))
    assert secrets.get("x") == going


def test_immutable_secret(secrets: Secrets) -> None:
    create(secrets, immutable=True, stringData={"k": "v"})
    is_being_deleted(secrets.delete("x"))
    is_being_deleted(secrets.patch("x", {"metadata": {"finalizers": None}}))
    assert is_gone(secrets)


def test_delete_collection_with_and_without_finalizers(secrets: Secrets) -> None:
    create(secrets, "waits")
    secrets.create("goes")

    answer = secrets.cluster.admin.delete(secrets.path)

    assert answer.status_code == 200, answer.text
    assert {item["metadata"]["name"] for item in answer.json()["items"]} == {"waits", "goes"}
    assert secrets.names() == {"waits"}
    is_being_deleted(secrets.cluster.admin.get(f"{secrets.path}/waits"))


def test_watch_events_of_a_deletion(secrets: Secrets) -> None:
    made = create(secrets)
    with secrets.watch(resourceVersion=made["metadata"]["resourceVersion"]) as events:
        going = is_being_deleted(secrets.delete("x"))
        assert next(events) == {"type": "MODIFIED", "object": going}
        secrets.patch("x", {"metadata": {"finalizers": None}, "data": {"k": "bmV3"}})
        event = next(events)
    # The object is the one before its last change.
    assert event["type"] == "DELETED"
    version = event["object"]["metadata"].pop("resourceVersion")
    assert int(version) > int(going["metadata"].pop("resourceVersion"))
    assert without_managers(event["object"]) == without_managers(going)


def test_a_new_secret_is_not_being_deleted(secrets: Secrets) -> None:
    times = {"deletionTimestamp": "2020-01-01T00:00:00Z", "deletionGracePeriodSeconds": 3}
    made = secrets.post({"metadata": {"name": "x", **times}}).json()
    assert not made["metadata"].keys() & times.keys()


@pytest.mark.parametrize(
    ("finalizers", "field", "why"),
    [
        (["nodomain"], "metadata.finalizers[0]", QUALIFIED),
        ([FINALIZER, "nodomain"], "metadata.finalizers[1]", QUALIFIED),
        (["a/b/c"], "metadata.finalizers", Since({0: "a qualified name must", 35: "a valid label key must"})),
        (["Example.com/x"], "metadata.finalizers", "prefix part a lowercase RFC 1123 subdomain must consist of"),
        ([""], "metadata.finalizers", "name part must be non-empty"),
        (
            ["orphan", "foregroundDeletion"],
            "metadata.finalizers",
            "finalizer orphan and foregroundDeletion cannot be both set",
        ),
    ],
)
def test_invalid_finalizers(
    secrets: Secrets, cluster: Cluster, finalizers: Iterable[str], field: str, why: str
) -> None:
    response = secrets.post({"metadata": {"name": "x", "finalizers": finalizers}})
    assert response.status_code == 422, response.text
    causes = response.json()["details"]["causes"]
    assert causes[0]["field"] == field
    assert causes[0]["message"].startswith("Invalid value: ")
    assert at(cluster, why) in causes[0]["message"]


@pytest.mark.parametrize("finalizers", ["text", [1], {"a": "b"}, 1])
def test_finalizers_of_the_wrong_type(secrets: Secrets, finalizers: Any) -> None:
    response = secrets.post({"metadata": {"name": "x", "finalizers": finalizers}})
    assert response.status_code == 400, response.text
    assert response.json()["message"].startswith('Secret in version "v1" cannot be handled as a Secret: ')


@pytest.mark.parametrize("finalizers", [["orphan", "kubernetes"], ["example.com/A_b.c-d"], [FINALIZER, FINALIZER]])
def test_standard_and_qualified_finalizers(secrets: Secrets, finalizers: Any) -> None:
    assert create(secrets, finalizers=finalizers)["metadata"]["finalizers"] == finalizers


@pytest.mark.parametrize("finalizers", [None, []])
def test_no_finalizers(secrets: Secrets, finalizers: Any) -> None:
    response = secrets.post({"metadata": {"name": "x", "finalizers": finalizers}})
    assert "finalizers" not in response.json()["metadata"]
    assert secrets.delete("x").json()["kind"] == "Status"
