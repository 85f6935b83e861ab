"""The lists that a strategic merge patch merges, which `kubectl apply`, `edit` and `patch` use.

https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.contract import Secrets

ORDER, REMOVE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def owner(uid: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": uid, **more}


@pytest.fixture
def patched(secrets: Secrets) -> Iterator[Secrets]:
    """Create a Secret with the finalizers x/a and x/b, and the owners 1 and 2."""
    metadata = {"name": "p", "finalizers": ["x/a", "x/b"], "ownerReferences": [owner("1"), owner("2")]}
    assert secrets.post({"metadata": metadata, "data": {"k": "eA==", "l": "eA=="}}).status_code == 201
    yield secrets
    secrets.patch("p", {"metadata": {"finalizers": None}})


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"finalizers": ["x/c"]}, "cab"),
        ({"finalizers": ["x/b"]}, "ab"),
        ({"finalizers": ["x/b", "x/a"]}, "ba"),
        ({"finalizers": ["x/c", "x/a", "x/d"]}, "cadb"),
        ({"finalizers": ["x/b", "x/b"]}, "ab"),
        ({"finalizers": []}, "ab"),
        ({"finalizers": None}, ""),
        ({f"{REMOVE}finalizers": ["x/a"]}, "b"),
        ({f"{REMOVE}finalizers": ["x/none"]}, "ab"),
        ({f"{REMOVE}finalizers": ["x/a", "x/b"]}, ""),
        ({f"{ORDER}finalizers": ["x/b", "x/a"]}, "ba"),
        ({f"{ORDER}finalizers": ["x/c", "x/b"], "finalizers": ["x/c"]}, "cab"),
        ({f"{REMOVE}finalizers": ["x/a"], f"{ORDER}finalizers": ["x/c", "x/b"], "finalizers": ["x/c"]}, "cb"),
    ],
    ids=str,
)
def test_finalizers(patched: Secrets, patch: Any, expected: str) -> None:
    response = patched.patch("p", {"metadata": patch}, "strategic-merge-patch+json")
    assert response.status_code == 200, response.text
    assert [each[-1] for each in response.json()["metadata"].get("finalizers", [])] == [*expected]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"ownerReferences": [owner("3")]}, ["3", "1", "2"]),
        ({"ownerReferences": [{"uid": "2", "controller": True}]}, ["1", "2 controller"]),
        ({"ownerReferences": [{"uid": "2", "controller": None}]}, ["1", "2"]),
        ({"ownerReferences": [{"uid": "2", "$patch": "delete"}]}, ["1"]),
        ({"ownerReferences": [{"uid": "none", "$patch": "delete"}]}, ["1", "2"]),
        ({"ownerReferences": [{"$patch": "replace"}, owner("9")]}, ["9"]),
        ({"ownerReferences": [{"$patch": "replace"}]}, []),
        ({"ownerReferences": [owner("3"), owner("2"), owner("1")]}, ["3", "2", "1"]),
        ({"ownerReferences": []}, ["1", "2"]),
        ({"ownerReferences": None}, []),
        ({f"{ORDER}ownerReferences": [{"uid": "2"}, {"uid": "1"}]}, ["2", "1"]),
        (
            {
                f"{ORDER}ownerReferences": [{"uid": "3"}, {"uid": "1"}],
                "ownerReferences": [owner("3"), {"$patch": "delete", "uid": "2"}],
            },
            ["3", "1"],
        ),
    ],
    ids=str,
)
def test_owners(patched: Secrets, patch: Any, expected: list[str]) -> None:
    response = patched.patch("p", {"metadata": patch}, "strategic-merge-patch+json")
    assert response.status_code == 200, response.text
    owners = response.json()["metadata"].get("ownerReferences", [])
    assert [each["uid"] + (" controller" if each.get("controller") else "") for each in owners] == expected


def test_retain_keys(patched: Secrets) -> None:
    patch = {"data": {"$retainKeys": ["k", "m"], "m": "eQ=="}}
    response = patched.patch("p", patch, "strategic-merge-patch+json")
    assert response.json()["data"] == {"k": "eA==", "m": "eQ=="}


@pytest.mark.parametrize(
    "patch",
    [
        {"finalizers": ["x/c"], f"{ORDER}finalizers": ["x/b"]},
        {f"{ORDER}finalizers": "x/b"},
        {"ownerReferences": [{"name": "without a uid"}]},
        {"ownerReferences": [{"$patch": "delete"}]},
        {"ownerReferences": ["1"]},
        {"ownerReferences": [{"uid": "2", "$patch": "other"}]},
        {f"{ORDER}ownerReferences": [{"name": "o"}]},
        {"$patch": "other", "labels": {"a": "b"}},
        {"$retainKeys": ["name"], "labels": {"a": "b"}},
    ],
    ids=str,
)
def test_invalid_directives(patched: Secrets, patch: Any) -> None:
    before = patched.get("p")
    response = patched.patch("p", {"metadata": patch}, "strategic-merge-patch+json")
    # A real server reports most of these as internal errors.
    is_refused = patched.cluster.name == "devserver" or "$retainKeys" in patch
    assert response.status_code == (400 if is_refused else 500), response.text
    assert patched.get("p") == before
