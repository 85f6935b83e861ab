"""Owners and finalizers in a server-side apply: several managers can each have their own items in one list.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from support.cluster import Cluster
from support.contract import Apply, Secrets, managed
from support.versions import Since, at

# Since this minor version an owner is managed as a whole; before it, each of its fields is.
WHOLE = 24


def owner(uid: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": f"of-{uid}", "uid": uid, **more}


def owners(*uids: str) -> dict[str, Any]:
    return {"ownerReferences": [owner(uid) for uid in uids]}


def item(uid: str) -> str:
    """Return the name of a list item in managedFields."""
    return f"k:{json.dumps({'uid': uid}, separators=(',', ':'))}"


def uids(response: httpx.Response) -> list[str]:
    assert response.status_code in (200, 201), response.text
    return [each["uid"] for each in response.json()["metadata"].get("ownerReferences", [])]


def owned(response: httpx.Response) -> Mapping[str, set[str]]:
    """Return the parts of the list of owners by their managers."""
    entries = response.json()["metadata"].get("managedFields", [])
    found = {each["manager"]: each["fieldsV1"].get("f:metadata", {}).get("f:ownerReferences", {}) for each in entries}
    return {name: set(each) for name, each in found.items() if each}


def test_each_manager_applies_its_own_owners(apply: Apply) -> None:
    assert uids(apply("a", metadata=owners("1"))) == ["1"]
    done = apply("b", metadata=owners("2"))
    assert uids(done) == ["1", "2"]
    assert owned(done) == {"a": {item("1")}, "b": {item("2")}}


def test_owner_that_is_no_longer_applied_is_removed(apply: Apply) -> None:
    apply("a", metadata=owners("1", "2"))
    apply("b", metadata=owners("2", "3"))
    assert uids(apply("a", metadata=owners("1"))) == ["1", "2", "3"]
    assert uids(apply("b", metadata=owners("3"))) == ["1", "3"]
    assert uids(apply("a")) == ["3"]
    gone = apply("b")
    assert "ownerReferences" not in gone.json()["metadata"]
    assert owned(gone) == {}


def test_two_managers_can_apply_the_same_owner(apply: Apply) -> None:
    apply("a", metadata=owners("1"))
    done = apply("b", metadata=owners("1"))
    assert owned(done) == {"a": {item("1")}, "b": {item("1")}}
    assert uids(apply("a")) == ["1"]
    assert uids(apply("b")) == []


def test_owner_with_different_content_is_a_conflict(secrets: Secrets, cluster: Cluster, apply: Apply) -> None:
    apply("a", metadata=owners("1", "2"))
    other = {"ownerReferences": [{**owner("1"), "name": "other"}]}
    refused = apply("b", metadata=other)
    assert refused.status_code == 409
    field = '.metadata.ownerReferences[uid="1"]' + at(cluster, Since({0: ".name", WHOLE: ""}))
    assert refused.json()["message"] == f'Apply failed with 1 conflict: conflict with "a": {field}'
    assert secrets.get("s")["metadata"]["ownerReferences"][0] == owner("1")

    taken = apply("b", force=True, metadata=other)
    assert taken.json()["metadata"]["ownerReferences"] == [{**owner("1"), "name": "other"}, owner("2")]
    assert owned(taken)["b"] == {item("1")}
    assert owned(taken)["a"] == at(cluster, Since({0: {item("1"), item("2")}, WHOLE: {item("2")}}))


def test_updates_also_manage_owners(secrets: Secrets, cluster: Cluster, apply: Apply) -> None:
    made = secrets.post({"metadata": {"name": "s", **owners("1", "2")}}, fieldManager="maker")
    assert owned(made) == {"maker": {".", item("1"), item("2")}}
    assert uids(apply("a", metadata=owners("3"))) == ["1", "2", "3"]
    refused = apply("a", metadata={"ownerReferences": [owner("2", controller=True)]})
    # If the fields are managed separately, a field that the owner did not have is new.
    assert refused.status_code == at(cluster, Since({0: 200, WHOLE: 409})), refused.text
    changed = secrets.patch("s", {"metadata": owners("2", "4")}, fieldManager="changer")
    assert uids(changed) == ["2", "4"]
    assert item("4") in owned(changed)["changer"]
    assert uids(apply("changer")) == ["2", "4"]


def test_last_apply_determines_the_order(secrets: Secrets, cluster: Cluster, apply: Apply) -> None:
    """Items that are not applied keep their place."""
    apply("a", metadata={**owners("1", "2"), "finalizers": ["x/1", "x/2"]})
    done = apply("b", metadata={**owners("3", "2", "1"), "finalizers": ["x/3", "x/2", "x/1"]})
    assert uids(done) == at(cluster, Since({0: ["1", "2", "3"], 30: ["3", "2", "1"]}))
    assert done.json()["metadata"]["finalizers"] == at(
        cluster, Since({0: ["x/1", "x/2", "x/3"], 30: ["x/3", "x/2", "x/1"]})
    )
    between = apply("c", metadata=owners("4", "1"))
    assert uids(between) == at(cluster, Since({0: ["1", "2", "3", "4"], 30: ["3", "2", "4", "1"]}))
    secrets.patch("s", {"metadata": {"finalizers": None}})


@pytest.mark.parametrize("name", ["ownerReferences", "finalizers"])
def test_an_item_cannot_be_applied_twice(secrets: Secrets, cluster: Cluster, apply: Apply, name: str) -> None:
    items: list[Any] = [owner("1")] * 2 if name == "ownerReferences" else ["x/y"] * 2
    refused = apply("a", metadata={name: items})
    assert refused.status_code == 500
    which = '[uid="1"]' if name == "ownerReferences" else '[="x/y"]'
    text = f".metadata.{name}: duplicate entries for key {which}"
    where = at(cluster, Since({0: "", 21: " (/s; /v1, Kind=Secret)"}))
    assert refused.json()["message"] == f"failed to create typed patch object{where}: {text}"
    assert secrets.names() == set()


def test_empty_lists_are_not_managed(secrets: Secrets, cluster: Cluster, apply: Apply) -> None:
    done = apply("a", metadata={"labels": {}, "finalizers": [], "ownerReferences": []}, data={})
    assert done.status_code == 201, done.text
    found: Any = {("a", "Apply"): {"f:data": {}, "f:metadata": {"f:labels": {}}}}
    assert managed(done.json()) == at(cluster, Since({0: {}, 21: found}))


def test_only_one_owner_can_be_the_controller(secrets: Secrets, cluster: Cluster, apply: Apply) -> None:
    apply("a", metadata={"ownerReferences": [owner("1", controller=True)]})
    refused = apply("b", metadata={"ownerReferences": [owner("2", controller=True)]})
    assert refused.status_code == 422, refused.text
    # A real server repeats the cause.
    cause, *same = refused.json()["details"]["causes"]
    assert cause["field"] == "metadata.ownerReferences"
    assert same == [cause] * len(same)
    which = at(cluster, Since({0: "of-1 and of-2", WHOLE: "ConfigMap/of-1 and ConfigMap/of-2"}))
    text = f'Only one reference can have Controller set to true. Found "true" in references for {which}'
    assert cause["message"].endswith(f": {text}")
    assert secrets.get("s")["metadata"]["ownerReferences"] == [owner("1", controller=True)]


@pytest.mark.parametrize("more", [{"uid": 1}, {"name": ["x"]}, {"controller": "true"}, {"blockOwnerDeletion": 1}])
def test_malformed_owners(secrets: Secrets, more: Any) -> None:
    refused = secrets.post({"metadata": {"name": "s", "ownerReferences": [{**owner("1"), **more}]}})
    assert refused.status_code == 400, refused.text
    assert refused.json()["message"].startswith('Secret in version "v1" cannot be handled as a Secret: ')


def test_duplicate_owners_are_merged(secrets: Secrets) -> None:
    assert uids(secrets.post({"metadata": {"name": "s", **owners("1", "1", "2")}})) == ["1", "2"]
