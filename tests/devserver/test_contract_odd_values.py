"""Values that are almost valid: the devserver accepts those that a real kube-apiserver accepts, and no others."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from support.contract import Secrets, failure

OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}
NO_NAMES: list[Any] = [0, False, [], {}]
WARNING = (
    ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references in 1.20+, and may "
    "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
)


def docker_config(content: bytes) -> dict[str, Any]:
    return {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": b64encode(content).decode()}}


def owner(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"ownerReferences": [{**OWNER, **fields}]}}


def manager(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"managedFields": [{"manager": "m", "apiVersion": "v1", **fields}]}}


@pytest.mark.parametrize(
    ("document", "status"),
    [
        *(({"metadata": {"generation": each}}, 422) for each in (-1, -(2**63))),
        *(({"metadata": {"generation": each}}, 400) for each in (2**63, 1e30, -(2**63) - 1)),
        *(({"metadata": {"generation": each}}, 201) for each in (0, 1, 2**63 - 1)),
        *(({"metadata": {"deletionGracePeriodSeconds": each}}, 201) for each in (-1, 2**63 - 1)),
        ({"metadata": {"deletionGracePeriodSeconds": 2**63}}, 400),
        *(
            ({"metadata": {field: each}}, 400)
            for field in ("creationTimestamp", "deletionTimestamp")
            for each in ("2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z", "", "2024-01-01")
        ),
        ({"metadata": {"creationTimestamp": "2024-02-29T23:59:59.5+01:00"}}, 201),
        *((manager(time=each), 400) for each in ("", "x", "2024-01-01", "2024-02-30T00:00:00Z", 5)),
        *((manager(time=each), 201) for each in ("2024-02-29T00:00:00Z", None)),
        *((owner(apiVersion=each), 422) for each in ("a/b/c", "v1/", "/", "")),
        *((owner(apiVersion=each), 201) for each in ("/v1", "a/b", "apps/v1", "a b")),
        *((owner(kind="Event", apiVersion=each), 422) for each in ("v1", "/v1")),
        (owner(kind="Event", apiVersion="events.k8s.io/v1"), 201),
        *(({"metadata": {"generateName": each}}, 422) for each in ("A", "a.", "a/b", "é", "a" * 254)),
        *(({"metadata": {"generateName": each}}, 201) for each in ("a", "A-", "a--", "--", "a" * 253)),
        *(({"metadata": {"labels": {f"{'a' * length}/b": ""}}}, status) for length, status in ((253, 201), (254, 422))),
        *(
            ({"metadata": {"annotations": {f"{'a' * length}/b": ""}}}, status)
            for length, status in ((253, 201), (254, 422))
        ),
        *(({field: each}, 400) for field in ("kind", "apiVersion") for each in NO_NAMES),
        *((docker_config(b'{"a": %s}' % each), 422) for each in (b"NaN", b"1e999", b"1" * 400, b'"\t"', b"01")),
        *((docker_config(b'{"a": %s}' % each), 201) for each in (b"1e-999", b"-0", b'"\\ud800"', b'"\xff"')),
        *((docker_config(each), 422) for each in (b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"[]", b"{}x", b"\x0c{}")),
        *((docker_config(each), 201) for each in (b" {}\n", b"null")),
    ],
)
def test_value(secrets: Secrets, document: dict[str, Any], status: int) -> None:
    document = {**document, "metadata": {"name": "odd", **document.get("metadata", {})}}
    response = secrets.post(document)
    if status == 201:
        assert response.status_code == 201, response.text
    else:
        failure(response, status, {400: "BadRequest", 422: "Invalid"}[status])
        assert secrets.names() == set()


def test_generation_is_stored(secrets: Secrets) -> None:
    assert secrets.post({"metadata": {"name": "s", "generation": 3}}).json()["metadata"]["generation"] == 3
    assert secrets.get("s")["metadata"]["generation"] == 3
    for each in (-1, 5, None):
        replaced = secrets.put({"metadata": {"name": "s", "generation": each}})
        assert (replaced.status_code, replaced.json()["metadata"]["generation"]) == (200, 3)
    assert "generation" not in secrets.post({"metadata": {"name": "t", "generation": 0}}).json()["metadata"]


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        ("x", True),
        ("1x", True),
        ("-1", True),
        ("٣", True),
        (str(2**64), True),
        ("9" * 5000, True),
        ("0", True),
        ("1", False),
        ("007", False),
        ("0" * 5000 + "1", False),
    ],
)
def test_resource_version_of_a_new_object(secrets: Secrets, version: str, is_taken: bool) -> None:
    """Only a version that is a number is one."""
    response = secrets.post({"metadata": {"name": "s", "resourceVersion": version}})
    assert response.status_code == (201 if is_taken else 500), response.text
    assert secrets.names() == ({"s"} if is_taken else set())
    if is_taken:
        assert response.json()["metadata"]["resourceVersion"] not in ("", version)


@pytest.mark.parametrize(
    ("version", "why"),
    [*((each, "invalid syntax") for each in ("x", "-1", "1x")), (str(2**64), "value out of range")],
)
def test_no_resource_version(secrets: Secrets, version: str, why: str) -> None:
    secrets.create("s")
    response = secrets.put({"metadata": {"name": "s", "resourceVersion": version}})
    assert response.status_code == 500, response.text
    assert response.json()["message"] == f'strconv.ParseUint: parsing "{version}": {why}'


def test_warning_about_repeated_owners(secrets: Secrets) -> None:
    def warnings(*uids: str, name: str = "s") -> list[str]:
        owners = [{**OWNER, "uid": each} for each in uids]
        return secrets.post({"metadata": {"name": name, "ownerReferences": owners}}).headers.get_list("warning")

    assert warnings("1", "2") == []
    assert warnings("1", "2", "1", name="t") == [f'299 - "{WARNING.format("")}1"']
    assert warnings("2", "1", "1", "3", "2", "1", name="u") == [f'299 - "{WARNING.format("")}1, 2, 1"']
    patched = secrets.patch("s", {"metadata": {"ownerReferences": [OWNER, OWNER]}})
    text = WARNING.format(" after mutating admission happens")
    assert (patched.status_code, patched.headers.get_list("warning")) == (200, [f'299 - "{text}b"'])
