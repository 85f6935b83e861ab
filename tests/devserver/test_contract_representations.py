"""The representations of objects that the Accept header requests. None but the whole object contains data."""

from __future__ import annotations

import json

import httpx
import pytest

from support.contract import Secrets, encoded, failure

TABLE, OBJECT, LIST = "Table", "PartialObjectMetadata", "PartialObjectMetadataList"
VALUE = "hunter2"


def get(secrets: Secrets, accept: str, name: str = "", **query: str) -> httpx.Response:
    return secrets.cluster.admin.get(f"{secrets.path}{name}", headers={"Accept": accept}, params=query)


def accepted(kind: str, version: str = "v1", group: str = "meta.k8s.io") -> str:
    return f"application/json;as={kind};v={version};g={group}"


@pytest.fixture
def secret(secrets: Secrets) -> Secrets:
    secrets.create("a", stringData={"k": VALUE})
    return secrets


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_versions(secret: Secrets, version: str) -> None:
    for kind, name in ((TABLE, ""), (TABLE, "/a"), (OBJECT, "/a"), (LIST, "")):
        response = get(secret, accepted(kind, version), name)
        found = response.json()
        assert (found["apiVersion"], found["kind"]) == (f"meta.k8s.io/{version}", kind)
        assert encoded(VALUE) not in response.text
        for item in (*found.get("items", ()), *(row["object"] for row in found.get("rows", ()))):
            assert (item["apiVersion"], item["kind"]) == (f"meta.k8s.io/{version}", OBJECT)
        if kind != LIST:
            [line] = get(secret, accepted(kind, version), watch="1", timeoutSeconds="1").text.splitlines()
            event = json.loads(line)["object"]
            assert (event["apiVersion"], event["kind"]) == (f"meta.k8s.io/{version}", kind)
            assert encoded(VALUE) not in line


@pytest.mark.parametrize(
    "accept",
    [
        accepted(TABLE, "v2"),
        accepted(OBJECT, "v2"),
        accepted(OBJECT, group="other"),
        accepted("Other"),
        "application/json;as=Table;v=v1",
        "application/json;as=PartialObjectMetadata",
        "application/json;v=v1;g=meta.k8s.io",
    ],
)
def test_unknown_representations(secret: Secrets, accept: str) -> None:
    for name in ("", "/a"):
        failure(get(secret, accept, name), 406, "NotAcceptable")
        failure(get(secret, accept, name, watch="1", timeoutSeconds="1"), 406, "NotAcceptable")
    headers = {"Accept": accept}
    refused = secret.cluster.admin.post(secret.path, json={"metadata": {"name": "b"}}, headers=headers)
    failure(refused, 406, "NotAcceptable")
    failure(secret.cluster.admin.delete(f"{secret.path}/a", headers=headers), 406, "NotAcceptable")
    assert secret.names() == {"a"}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (f"{accepted(TABLE, 'v2')},{accepted(TABLE)}", TABLE),
        (f"{accepted(OBJECT, 'v2')},application/json", "Secret"),
        (f"application/json,{accepted(TABLE)}", "Secret"),
        ("application/json; as=Table; v=v1 ;g=meta.k8s.io", TABLE),
        ("*/*;as=Table;v=v1;g=meta.k8s.io", TABLE),
    ],
)
def test_the_first_known_representation_is_used(secret: Secrets, accept: str, kind: str) -> None:
    assert get(secret, accept, "/a").json()["kind"] == kind
