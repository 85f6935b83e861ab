"""The proxy forwards the bodies of requests, and the responses to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.proxy import Proxy
from support.raw_connection import Caller

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def send(caller: Caller, method: str, path: str, body: str, form: str = "json") -> tuple[int, dict[str, Any]]:
    """Send a request, and return the status and the document of the response."""
    headers = {**caller.headers, "Content-Type": f"application/{form}"}
    caller.connection.request(method, path, body, headers)
    response = caller.connection.getresponse()
    return response.status, json.loads(response.read())


def test_bodies_arrive_whole(proxy: Proxy, caller: Caller) -> None:
    """Several requests use one connection, so the proxy also finds the end of each body."""
    large = {"metadata": {"name": "a"}, "stringData": {"value": "x" * 200_000}}
    status, created = send(caller, "POST", caller.path, json.dumps(large))
    assert (status, len(created["data"]["value"])) == (201, 266_668)
    status, patched = send(
        caller, "PATCH", f"{caller.path}/a", '{"metadata": {"labels": {"b": "c"}}}', "merge-patch+json"
    )
    assert (status, patched["metadata"]["labels"]) == (200, {"b": "c"})
    status, replaced = send(caller, "PUT", f"{caller.path}/a", json.dumps({**patched, "data": {"value": "eQ=="}}))
    assert (status, replaced["data"]) == (200, {"value": "eQ=="})
    wrong = {"preconditions": {"uid": "another"}}
    assert send(caller, "DELETE", f"{caller.path}/a", json.dumps(wrong))[0] == 409
    assert send(caller, "DELETE", f"{caller.path}/a", "")[0] == 200
    assert caller.list() == 200
    assert [each.method for each in proxy.requests] == ["POST", "PATCH", "PUT", "DELETE", "DELETE", "GET"]


@pytest.mark.parametrize("cluster", ["devserver", "kube-apiserver"], indirect=True)
def test_reviews(caller: Caller) -> None:
    status, review = send(
        caller, "POST", REVIEW, json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    )
    assert (status, review["kind"]) == (201, "SelfSubjectReview")
    assert review["status"]["userInfo"]["username"]
