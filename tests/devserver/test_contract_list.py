"""Lists: selectors, pages and versions are the same on the devserver and on a real kube-apiserver."""

from __future__ import annotations

import base64
import json

import pytest

from support.cluster import Cluster
from support.contract import Secrets
from support.versions import Since, at

LABELS = {
    "none": {},
    "prod": {"env": "prod", "app": "a"},
    "test": {"env": "test", "app": "a"},
    "empty": {"env": ""},
    "airflow": {"airflow.apache.org/connection-id": "smtp_default", "env": "prod", "team": "x", "size": "10"},
}


@pytest.fixture(scope="module")
def listed() -> dict[str, str]:
    """Return the namespaces, by cluster, in which the Secrets of LABELS already exist."""
    return {}


@pytest.fixture
def labelled(secrets: Secrets, listed: dict[str, str]) -> Secrets:
    """Return Secrets with LABELS, of which ``none`` has another type. They are created once for each server."""
    secrets.namespace = listed.setdefault(secrets.cluster.name, secrets.namespace)
    if not secrets.names():
        for name, labels in LABELS.items():
            secrets.create(name, labels, type="example.com/other" if name == "none" else "Opaque")
    return secrets


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", "none prod test empty airflow"),
        ("env=prod", "prod airflow"),
        ("env==prod", "prod airflow"),
        (" env = prod ", "prod airflow"),
        ("env!=prod", "none test empty"),
        ("env", "prod test empty airflow"),
        ("!env", "none"),
        ("! env", "none"),
        ("env=", "empty"),
        ("env!=", "none prod test airflow"),
        ("env in (prod)", "prod airflow"),
        ("env in (prod,test)", "prod test airflow"),
        ("env in ( prod , test )", "prod test airflow"),
        ("env in ()", "empty"),
        ("env in (,test)", "test empty"),
        ("env notin (prod,test)", "none empty"),
        ("env in (prod),!team", "prod"),
        ("env in (prod,test),app=a", "prod test"),
        ("airflow.apache.org/connection-id=smtp_default", "airflow"),
        ("airflow.apache.org/connection-id=smtp_default,!team", ""),
        ("a,b=c", ""),
        ("in", ""),
        ("env=prod,env=test", ""),
        ("env=PROD", ""),
        ("env in(prod),size>9", "airflow"),
        ("size > 10", ""),
        ("size<11", "airflow"),
        ("env<11", ""),
    ],
)
def test_label_selectors(labelled: Secrets, selector: str, names: str) -> None:
    assert labelled.names(labelSelector=selector) == set(names.split())


@pytest.mark.parametrize(
    "selector",
    [
        "env in (prod",
        "env=(prod)",
        "!",
        "=x",
        "a b",
        "a=b c",
        "a=-",
        "a=b/c",
        "a/b/c=1",
        ",",
        "a,",
        "a,,b",
        "!a=b",
        "a==b=c",
        "a=é",
        "x" * 64,
        "a=" + "x" * 64,
        "a in prod",
        "a=smtp://user",
        "a>",
        "a>x",
        "a>=1",
        "a>-1",
        "a>9223372036854775808",
    ],
)
def test_invalid_label_selectors(labelled: Secrets, selector: str) -> None:
    for query in ({}, {"watch": "1"}):
        response = labelled.list(labelSelector=selector, **query)
        assert response.status_code == 400, response.text
        assert response.json()["reason"] == "BadRequest"


def test_line_break_ends_a_label_selector(labelled: Secrets) -> None:
    assert labelled.names(labelSelector="a=b\n") == set()


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("metadata.name=prod", "prod"),
        ("metadata.name==prod", "prod"),
        ("metadata.name!=prod", "none test empty airflow"),
        ("metadata.name=nothing", ""),
        ("metadata.namespace=nowhere", ""),
        ("type=Opaque", "prod test empty airflow"),
        ("type=example.com/other", "none"),
        ("type!=Opaque", "none"),
        ("metadata.name=prod,type=Opaque", "prod"),
        ("metadata.name=prod,type!=Opaque", ""),
        (r"type=a\,b", ""),
        (r"type!=a\,b\=\\,metadata.name=prod", "prod"),
        (",==,metadata.name=prod,", "prod"),
    ],
)
def test_field_selectors(labelled: Secrets, selector: str, names: str) -> None:
    assert labelled.names(fieldSelector=selector) == set(names.split())


def test_label_and_field_selectors_are_combined(labelled: Secrets) -> None:
    assert labelled.names(fieldSelector="metadata.name=prod", labelSelector="env=prod") == {"prod"}
    assert labelled.names(fieldSelector="metadata.name=prod", labelSelector="env=test") == set()


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("data=x", "field label not supported: data"),
        ("metadata.labels.env=prod", "field label not supported: metadata.labels.env"),
        ("=x", "field label not supported: "),
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        ("metadata.name!==a", "invalid field selector: unescaped character in value: 61"),
        ("type=a\\", "invalid field selector: invalid escape sequence: \\"),
        (r"type=a\/b", r"invalid field selector: invalid escape sequence: \/"),
        (r"a\,b=x", r"field label not supported: a\,b"),
        (r"type=a\\,b", r"invalid selector: 'type=a\\,b'; can't understand 'b'"),
    ],
)
def test_invalid_field_selectors(labelled: Secrets, selector: str, message: str) -> None:
    for query in ({}, {"watch": "1"}):
        response = labelled.list(fieldSelector=selector, **query)
        assert response.status_code == 400, response.text
        assert response.json()["message"] == message


def test_fields_of_a_list(labelled: Secrets) -> None:
    found = labelled.list(labelSelector="env=test").json()
    assert (found["kind"], found["apiVersion"]) == ("SecretList", "v1")
    assert set(found["metadata"]) == {"resourceVersion"}
    (item,) = found["items"]
    assert "kind" not in item
    assert {"kind": "Secret", "apiVersion": "v1", **item} == labelled.get("test")


def test_all_namespaces(labelled: Secrets) -> None:
    admin = labelled.cluster.admin
    query = {"fieldSelector": f"metadata.namespace={labelled.namespace}"}
    found = admin.get("/api/v1/secrets", params=query).json()
    assert {item["metadata"]["name"] for item in found["items"]} == set(LABELS)
    first = admin.get("/api/v1/secrets", params={"limit": "1"}).json()
    token = first["metadata"]["continue"]
    second = admin.get("/api/v1/secrets", params={"limit": "1", "continue": token}).json()
    # The order is that of the keys in etcd, in which '-' comes before '/'.
    keys = [f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in first["items"] + second["items"]]
    assert keys == sorted(set(keys))


def test_namespaces_are_sorted_by_path(secrets: Secrets) -> None:
    """The path ``x-a/`` comes before ``x/``, although the name ``x`` comes before ``x-a``."""
    admin, first = secrets.cluster.admin, secrets.namespace
    namespaces = [f"{first}-a", first, f"{first}0"]
    for namespace in (namespaces[0], namespaces[2]):
        secrets.cluster.create_namespace(namespace)
    for namespace in namespaces:
        Secrets(secrets.cluster, namespace).create(first)

    query: dict[str, str] = {"fieldSelector": f"metadata.name={first}", "limit": "1"}
    found = []
    while True:
        page = admin.get("/api/v1/secrets", params=query).json()
        found += [item["metadata"]["namespace"] for item in page["items"]]
        if "continue" not in page["metadata"]:
            break
        query["continue"] = page["metadata"]["continue"]

    assert found == namespaces


def test_pages(labelled: Secrets) -> None:
    first = labelled.list(limit="2").json()
    assert [item["metadata"]["name"] for item in first["items"]] == ["airflow", "empty"]
    assert first["metadata"]["remainingItemCount"] == 3
    second = labelled.list(limit="2", continue_=first["metadata"]["continue"]).json()
    assert [item["metadata"]["name"] for item in second["items"]] == ["none", "prod"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    last = labelled.list(limit="2", continue_=second["metadata"]["continue"]).json()
    assert [item["metadata"]["name"] for item in last["items"]] == ["test"]
    assert "continue" not in last["metadata"]


def test_pages_with_a_label_selector(labelled: Secrets) -> None:
    first = labelled.list(limit="1", labelSelector="env=prod").json()
    assert [item["metadata"]["name"] for item in first["items"]] == ["airflow"]
    assert "remainingItemCount" not in first["metadata"]
    token = first["metadata"]["continue"]
    assert labelled.names(limit="5", labelSelector="env=prod", continue_=token) == {"prod"}


def test_pages_show_one_snapshot(secrets: Secrets) -> None:
    for name in "abcd":
        secrets.create(name)
    first = secrets.list(limit="1").json()
    secrets.delete("b")
    secrets.create("c1")
    secrets.patch("d", {"metadata": {"labels": {"changed": "yes"}}})
    rest = secrets.list(limit="9", continue_=first["metadata"]["continue"]).json()
    assert [item["metadata"]["name"] for item in rest["items"]] == ["b", "c", "d"]
    assert "labels" not in rest["items"][-1]["metadata"]
    assert secrets.names() == {"a", "c", "c1", "d"}


@pytest.mark.parametrize("limit", ["0", "-1", "99", str(len(LABELS))])
def test_limits_without_effect(labelled: Secrets, limit: str) -> None:
    assert labelled.names(limit=limit) == set(LABELS)
    assert "continue" not in labelled.list(limit=limit).json()["metadata"]


def test_version_zero_has_no_pages(labelled: Secrets) -> None:
    assert labelled.names(limit="1", resourceVersion="0") == set(LABELS)


def test_versions_of_a_list(secrets: Secrets) -> None:
    secrets.create("a")
    version = secrets.version()
    assert secrets.names(resourceVersion=version) == {"a"}
    secrets.create("b")
    # A kube-apiserver may answer with a state from its watch cache that is older than the last write, until a request
    # requires the version of that write.
    assert secrets.names(resourceVersion=secrets.version()) == {"a", "b"}
    assert secrets.names(resourceVersion=version) == {"a", "b"}
    assert secrets.names(resourceVersion=version, resourceVersionMatch="NotOlderThan", limit="9") == {"a", "b"}
    assert secrets.names(resourceVersion=version, resourceVersionMatch="Exact", limit="9") == {"a"}


def test_a_page_of_a_version(secrets: Secrets) -> None:
    versions = [secrets.create(name)["metadata"]["resourceVersion"] for name in ("a", "b", "c")]
    assert secrets.names(resourceVersion=versions[0], limit="9") == {"a"}
    first = secrets.list(resourceVersion=versions[1], limit="1").json()
    assert first["metadata"]["remainingItemCount"] == 1
    assert secrets.names(continue_=first["metadata"]["continue"], limit="9") == {"b"}
    # One object is read in its current version.
    assert secrets.names(resourceVersion=versions[1], limit="1", fieldSelector="metadata.name=c") == {"c"}


def test_future_version(secrets: Secrets) -> None:
    version = str(int(secrets.version()) + 1_000_000)
    response = secrets.list(resourceVersion=version)
    assert response.status_code == 504, response.text
    assert response.headers["Retry-After"] == "1"
    assert response.json()["reason"] == "Timeout"
    assert response.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert response.json()["message"].startswith(f"Timeout: Too large resource version: {version}, current: ")


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ({"limit": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ({"resourceVersion": "x", "limit": "1"}, 400, 'Invalid value: "x": strconv.ParseUint: parsing "x"'),
        ({"continue_": "nonsense"}, 400, "continue key is not valid"),
        (
            {"resourceVersionMatch": "Exact"},
            422,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        ({"resourceVersionMatch": "Odd", "resourceVersion": "1"}, 422, 'Unsupported value: "Odd"'),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422, 'is forbidden for resourceVersion "0"'),
        ({"watch": "1", "timeoutSeconds": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            {"watch": "1", "resourceVersionMatch": "NotOlderThan"},
            422,
            "resourceVersionMatch is forbidden for watch",
        ),
    ],
)
def test_invalid_list_options(secrets: Secrets, query: dict[str, str], code: int, message: str) -> None:
    response = secrets.list(**query)
    assert response.status_code == code, response.text
    assert message in response.json()["message"]


def test_continue_token_cannot_be_combined_with_a_version(labelled: Secrets) -> None:
    token = labelled.list(limit="1").json()["metadata"]["continue"]
    response = labelled.list(limit="1", continue_=token, resourceVersion="5")
    assert response.status_code == 400, response.text
    assert response.json()["message"] == "specifying resource version is not allowed when using continue"


def test_content_of_a_continue_token(labelled: Secrets, cluster: Cluster) -> None:
    token = labelled.list(limit="1").json()["metadata"]["continue"]
    found = json.loads(base64.urlsafe_b64decode(token + "=="))
    assert (found["v"], found["start"]) == ("meta.k8s.io/v1", at(cluster, Since({0: "airflow\0", 35: "/airflow\0"})))


def test_tables(labelled: Secrets) -> None:
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    for path, count in ((labelled.path, len(LABELS)), (f"{labelled.path}/prod", 1)):
        found = labelled.cluster.admin.get(path, headers=headers).json()
        assert (found["kind"], found["apiVersion"]) == ("Table", "meta.k8s.io/v1")
        assert [column["name"] for column in found["columnDefinitions"]] == ["Name", "Type", "Data", "Age"]
        assert len(found["rows"]) == count
        row = next(row for row in found["rows"] if row["cells"][0] == "prod")
        assert row["cells"][1:3] == ["Opaque", 0]
        assert row["object"]["kind"] == "PartialObjectMetadata"


METADATA = "application/json;as={};g=meta.k8s.io;v=v1"


class TestMetadataOnly:
    """Clients that need no value request only the metadata of objects."""

    def test_list_in_pages(self, labelled: Secrets) -> None:
        admin, headers = labelled.cluster.admin, {"Accept": METADATA.format("PartialObjectMetadataList")}
        found, token = [], ""
        while True:
            page = admin.get(labelled.path, headers=headers, params={"limit": "2", "continue": token}).json()
            assert (page["kind"], page["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
            found += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                break
        whole = admin.get(labelled.path).json()["items"]
        assert [each.keys() for each in found] == [{"kind", "apiVersion", "metadata"}] * len(LABELS)
        assert [each["metadata"] for each in found] == [each["metadata"] for each in whole]
        assert {each["kind"] for each in found} == {"PartialObjectMetadata"}

    def test_single_object(self, labelled: Secrets) -> None:
        headers = {"Accept": METADATA.format("PartialObjectMetadata")}
        found = labelled.cluster.admin.get(f"{labelled.path}/prod", headers=headers).json()
        assert (found.keys(), found["kind"]) == ({"kind", "apiVersion", "metadata"}, "PartialObjectMetadata")
        assert found["metadata"] == labelled.get("prod")["metadata"]

    @pytest.mark.parametrize(
        ("kind", "name", "what"),
        [
            ("PartialObjectMetadata", "", "is a list (*core.SecretList)"),
            ("PartialObjectMetadataList", "/prod", "is not a list (*core.Secret)"),
        ],
    )
    def test_list_and_object_kinds_are_not_interchangeable(
        self, labelled: Secrets, kind: str, name: str, what: str
    ) -> None:
        response = labelled.cluster.admin.get(f"{labelled.path}{name}", headers={"Accept": METADATA.format(kind)})
        assert (response.status_code, response.json()["reason"]) == (406, "NotAcceptable")
        assert response.json()["message"] == f"you requested {kind}, but the requested object {what}"

    def test_watch_events(self, labelled: Secrets) -> None:
        headers = {"Accept": METADATA.format("PartialObjectMetadata")}
        query = {"watch": "1", "timeoutSeconds": "1", "fieldSelector": "metadata.name=prod"}
        lines = labelled.cluster.admin.get(labelled.path, headers=headers, params=query).text.splitlines()
        [event] = map(json.loads, lines)
        assert event["type"] == "ADDED"
        assert event["object"].keys() == {"kind", "apiVersion", "metadata"}
