"""Kubernetes objects, parsed from the API's bytes as far as a lookup needs them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import ExpiredVersionError
from airflow_kubernetes_secrets.kubernetes import decode
from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError, parse_list
from airflow_kubernetes_secrets.kubernetes.http1 import Response
from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests
from airflow_kubernetes_secrets.kubernetes.manifest_folder import ManifestFile
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Secret
from airflow_kubernetes_secrets.kubernetes.watch_events import Change, parse_watch_event
from support.errors import everything_about

METADATA = {
    "namespace": "airflow",
    "name": "app-db",
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "resourceVersion": "7",
}
SECRET: dict[str, Any] = {"metadata": METADATA, "data": {"password": "aHVudGVyMg=="}}


def answer(body: object) -> Response:
    return Response(200, {}, bytearray(json.dumps(body).encode()), keeps_open=True)


def a_list(*items: object) -> dict[str, Any]:
    return {"kind": "SecretList", "metadata": {"resourceVersion": "8"}, "items": list(items)}


def event(kind: str, thing: object) -> bytes:
    return json.dumps({"type": kind, "object": thing}).encode()


def test_no_value_is_in_a_repr() -> None:
    listed = parse_list(answer(a_list(SECRET)), SECRETS, "airflow")
    [secret] = listed.secrets

    assert listed.resource_version == "8"
    assert secret.value("password") == b"hunter2"
    assert "password" in repr(secret)
    document = decode._lists.decode(answer(a_list(SECRET)).body)
    for shown in (repr(secret), repr(listed), repr(document)):
        assert "aHVudGVyMg" not in shown
        assert "hunter2" not in shown


def test_no_value_of_a_manifest_is_in_a_repr() -> None:
    """Error reports show local variables."""
    [document] = read_manifests(b"stringData:\n  password: hunter2\n")
    [refused] = read_manifests(b"stringData: [hunter2\n")
    file = ManifestFile([(("airflow", "app-db"), document.value)], ["refused"])
    assert document.value == {"stringData": {"password": "hunter2"}}
    assert refused.problem
    assert "hunter2" in refused.text
    assert "hunter2" not in f"{document!r} {refused!r} {file!r}"
    assert repr(file) == "<ManifestFile objects=[('airflow', 'app-db')] problems=['refused']>"


@pytest.mark.parametrize("name", ["namespace", "name", "created", "labels", "data", "annotations", "another"])
def test_a_secret_cannot_be_changed(name: str) -> None:
    """Threads share the Secrets of an index."""
    secret = Secret("airflow", "app-db", "", {}, SECRET["data"])
    before = getattr(secret, name, None)

    with pytest.raises(AttributeError, match=f"'{name}' cannot be set"):
        setattr(secret, name, None)
    with pytest.raises(AttributeError, match=f"'{name}' cannot be deleted"):
        delattr(secret, name)

    assert getattr(secret, name, None) is before


def test_secrets_are_compared_by_identity() -> None:
    secret, same = (Secret("airflow", "app-db", "", {}, SECRET["data"]) for _ in range(2))

    assert secret != same
    assert {secret: 1, same: 2} == {same: 2, secret: 1}


def test_only_annotations_of_this_package_stay_in_memory() -> None:
    """kubectl stores a copy of the whole manifest in one of the other annotations, including passwords."""
    others = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(SECRET), "example.com/x": ""}
    ours = {"airflow.apache.org/data-key": "password", "example.com/id": "x y"}
    labels = {"example.com/id": "x"}
    annotated = {**SECRET, "metadata": {**METADATA, "labels": labels, "annotations": {**others, **ours}}}
    plain = {**SECRET, "metadata": {**METADATA, "labels": labels, "annotations": others}}

    listed = parse_list(answer(a_list(annotated, plain)), SECRETS, "airflow")

    assert [secret.annotations for secret in listed.secrets] == [ours, None]


@pytest.mark.parametrize(
    "body",
    [
        {**a_list(SECRET), "metadata": {}},
        {**a_list(SECRET), "metadata": {"resourceVersion": ""}},
        {**a_list(SECRET), "kind": "PodList"},
        a_list({**SECRET, "metadata": {**METADATA, "labels": ["x"]}}),
        a_list({**SECRET, "data": {"password": 7}}),
        a_list({"data": SECRET["data"]}),
        a_list({**SECRET, "metadata": {"name": "x"}}),
    ],
)
def test_malformed_lists(body: object) -> None:
    with pytest.raises(MalformedBodyError) as raised:
        parse_list(answer(body), SECRETS, "airflow")

    assert "aHVudGVyMg" not in everything_about(raised.value)


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
def test_an_event_of_a_secret(kind: str) -> None:
    found = parse_watch_event(event(kind, SECRET), SECRETS, "airflow")

    assert found.change is Change(kind)
    assert found.resource_version == "7"
    assert found.secret is not None
    assert found.secret.value("password") == b"hunter2"


def test_a_bookmark() -> None:
    bookmark = {"kind": "Secret", "metadata": {"resourceVersion": "9", "creationTimestamp": None}}

    found = parse_watch_event(event("BOOKMARK", bookmark), SECRETS, "airflow")

    assert (found.change, found.resource_version, found.secret) == (Change.BOOKMARK, "9", None)


def test_expired_version() -> None:
    with pytest.raises(ExpiredVersionError, match="too old resource version"):
        parse_watch_event(
            event("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version: 1 (2)"}),
            SECRETS,
            "airflow",
        )


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (event("ERROR", {"kind": "Status", "code": 500, "message": "etcd"}), "an error: 500 etcd"),
        (event("ERROR", {}), "an error: None"),
        (event("RENAMED", SECRET), "not an event"),
        (event("ADDED", {**SECRET, "metadata": {**METADATA, "resourceVersion": ""}}), "not an event"),
        (event("ADDED", {"data": SECRET["data"]}), "not an event"),
        (event("BOOKMARK", SECRET["data"]), "not an event"),
        (b"hunter2", "not an event"),
        (b"[" * 100_000, "not an event"),
        (b"", "not an event"),
    ],
)
def test_malformed_events(line: bytes, text: str) -> None:
    with pytest.raises(MalformedBodyError, match=text) as raised:
        parse_watch_event(line, SECRETS, "airflow")

    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
