"""Bodies in protocol buffers: the devserver and a real kube-apiserver read the same fields."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from airflow_kubernetes_secrets_devserver.protobuf import encode
from support.contract import Secrets, failure, managed, parsed

OWNER = encode(1, b"ConfigMap") + encode(3, b"o") + encode(4, b"u") + encode(5, b"v1")
MANAGER = encode(1, b"me") + encode(2, b"Update") + encode(3, b"v1") + encode(6, b"FieldsV1")
SECONDS = encode(4, b"\x08\x64")  # the time at 100 seconds


def send(secrets: Secrets, method: str, kind: str, message: bytes, name: str = "") -> httpx.Response:
    body = b"k8s\0" + encode(1, encode(1, b"v1") + encode(2, kind.encode())) + encode(2, message)
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf", "Accept": "application/json"}
    return secrets.cluster.admin.request(method, f"{secrets.path}{name}", content=body, headers=headers)


def secret(*metadata: bytes) -> bytes:
    return encode(1, encode(1, b"a") + b"".join(metadata)) + encode(3, b"Opaque")


def test_owner_references(secrets: Secrets) -> None:
    owners = encode(13, OWNER + bytes([6 << 3, 1, 7 << 3, 0])) + encode(13, OWNER.replace(b"u", b"w"))
    made = send(secrets, "POST", "Secret", secret(owners))
    assert made.status_code == 201, made.text
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o"}
    expected = [{**owner, "uid": "u", "controller": True, "blockOwnerDeletion": False}, {**owner, "uid": "w"}]
    assert made.json()["metadata"]["ownerReferences"] == expected
    replaced = send(secrets, "PUT", "Secret", secret(owners, encode(12, encode(1, b"k"))), "/a")
    assert replaced.json()["metadata"]["annotations"] == {"k": ""}
    assert replaced.json()["metadata"]["ownerReferences"] == expected


def test_managed_fields(secrets: Secrets) -> None:
    secrets.create("a")
    fields = encode(7, encode(1, b'{"f:data":{"f:k":{}}}'))
    replaced = parsed(send(secrets, "PUT", "Secret", secret(encode(17, MANAGER + SECONDS + fields)), "/a"))
    assert managed(replaced) == {("me", "Update"): {"f:data": {"f:k": {}}}}
    [entry] = replaced["metadata"]["managedFields"]
    assert entry["time"] == "1970-01-01T00:01:40Z"
    cleared = send(secrets, "PUT", "Secret", secret(encode(17, b"")), "/a")
    assert "managedFields" not in cleared.json()["metadata"]


@pytest.mark.parametrize(
    ("options", "is_deleted"),
    [
        (encode(4, b"Background"), True),
        (encode(4, b"Backgroun"), False),
        (encode(4, b"Background") + bytes([3 << 3, 1]), False),
        (bytes([3 << 3, 0]), True),
    ],
    ids=["policy", "unknown policy", "policy and orphans", "no orphans"],
)
def test_propagation_policy(secrets: Secrets, options: bytes, is_deleted: Any) -> None:
    secrets.create("a")
    response = send(secrets, "DELETE", "DeleteOptions", options, "/a")
    if is_deleted:
        assert response.status_code == 200, response.text
    else:
        failure(response, 422, "Invalid")
    assert secrets.names() == (set() if is_deleted else {"a"})
