"""Permissions, and the messages of refusals: the devserver and a real kube-apiserver agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.cluster import Cluster
from support.versions import Since, at

ACCOUNT_GROUPS = ["system:serviceaccounts", "system:serviceaccounts:{}"]
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture
def reader(cluster: Cluster, namespace: str) -> Iterator[httpx.Client]:
    """Return a client with a service account that may only list the Secrets of ``namespace``."""
    account = cluster.service_account(namespace, "reader", {namespace: ["list"]})
    with cluster.client(account.token) as client:
        yield client


def test_a_service_account_folder(cluster: Cluster, namespace: str) -> None:
    account = cluster.service_account(namespace, "worker", {namespace: ["list"]})
    assert (account.folder / "token").read_text() == account.token
    assert (account.folder / "namespace").read_text() == namespace
    assert (account.folder / "ca.crt").read_bytes() == cluster.ca_file.read_bytes()
    assert account.token not in repr(account)


@pytest.mark.parametrize("header", ["Bearer nonsense", "bearer nonsense", "Bearer a b"])
def test_invalid_token(cluster: Cluster, header: str) -> None:
    with cluster.client(None) as client:
        response = client.get("/api/v1/secrets", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }


@pytest.mark.parametrize("header", [None, "Basic dXNlcjpwYXNz", "Bearer"])
def test_anonymous_requests(cluster: Cluster, header: str | None) -> None:
    with cluster.client(None) as client:
        response = client.get("/api/v1/secrets", headers={"Authorization": header} if header else {})
        assert response.status_code == 403, response.text
        assert 'User "system:anonymous" cannot list resource "secrets"' in response.json()["message"]
        assert client.get("/version").status_code == 200
        assert client.get("/readyz").text == "ok"
        refused = client.get("/api/v1").json()
    assert refused["message"] == 'forbidden: User "system:anonymous" cannot get path "/api/v1"'
    assert (refused["code"], refused["reason"], refused["details"]) == (403, "Forbidden", {})


@pytest.mark.parametrize(
    "refused",
    [
        ("GET", "{}/x", 'secrets "x"', "get", "{}"),
        ("PUT", "{}/x", 'secrets "x"', "update", "{}"),
        ("PATCH", "{}/x", 'secrets "x"', "patch", "{}"),
        ("DELETE", "{}/x", 'secrets "x"', "delete", "{}"),
        ("DELETE", "{}", "secrets", "deletecollection", "{}"),
        ("POST", "{}", "secrets", "create", "{}"),
        ("GET", "{}?watch=1", "secrets", "watch", "{}"),
        ("GET", "{}?watch=true&fieldSelector=metadata.name%3Dx", 'secrets "x"', "watch", "{}"),
        ("GET", "/api/v1/namespaces/default/secrets", "secrets", "list", "default"),
        ("GET", "/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dx", 'secrets "x"', "list", "default"),
        ("GET", "/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dx,y", "secrets", "list", "default"),
        ("GET", r"{}?watch=1&fieldSelector=type%3Dy\,metadata.name%3Dx", "secrets", "watch", "{}"),
        ("GET", "/api/v1/secrets", "secrets", "list", ""),
        ("GET", "/api/v1/secrets?watch=1", "secrets", "watch", ""),
        ("GET", "/api/v1/namespaces", "namespaces", "list", ""),
        ("GET", "/api/v1/namespaces/x", 'namespaces "x"', "get", "x"),
        ("POST", "/api/v1/namespaces", "namespaces", "create", ""),
        ("DELETE", "/api/v1/namespaces/x", 'namespaces "x"', "delete", "x"),
    ],
)
def test_message_of_a_forbidden_request(
    reader: httpx.Client, namespace: str, refused: tuple[str, str, str, str, str]
) -> None:
    method, path, subject, verb, where = refused
    body: dict[str, Any] | None = {} if method in ("POST", "PUT", "PATCH") else None
    response = reader.request(method, path.format(f"/api/v1/namespaces/{namespace}/secrets"), json=body)
    resource = subject.split()[0]
    scope = f'in the namespace "{where.format(namespace)}"' if where else "at the cluster scope"
    named = {"name": "x"} if '"x"' in subject else {}
    assert response.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f'{subject} is forbidden: User "system:serviceaccount:{namespace}:reader" cannot {verb} '
        f'resource "{resource}" in API group "" {scope}',
        "reason": "Forbidden",
        "details": {**named, "kind": resource},
        "code": 403,
    }
    assert response.status_code == 403


def test_an_apply_that_creates_needs_both_permissions(cluster: Cluster, namespace: str) -> None:
    """https://kubernetes.io/docs/reference/using-api/server-side-apply/#rbac-and-permissions"""
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}
    headers = {"Content-Type": "application/apply-patch+yaml"}
    path = f"/api/v1/namespaces/{namespace}/secrets/x?fieldManager=tester"

    def apply(name: str, verbs: list[str]) -> httpx.Response:
        account = cluster.service_account(namespace, name, {namespace: verbs})
        with cluster.client(account.token) as client:
            return client.patch(path, json=document, headers=headers)

    refused = apply("patcher", ["patch"])
    assert refused.status_code == 403, refused.text
    user = f"system:serviceaccount:{namespace}:patcher"
    # Before 1.32 the message does not name the missing permission.
    lacks = f'User "{user}" cannot create resource "secrets" in API group "" in the namespace "{namespace}"'
    assert refused.json()["message"] == f'secrets "x" is forbidden: {at(cluster, Since({0: "", 32: lacks}))}'
    assert refused.json()["details"] == {"name": "x", "kind": "secrets"}
    assert cluster.admin.get(path.partition("?")[0]).status_code == 404
    assert apply("creator", ["create"]).status_code == 403
    assert apply("both", ["patch", "create"]).status_code == 201
    # An apply to an existing object does not create it.
    assert apply("patcher-again", ["patch"]).status_code == 200


def test_granted_permission(reader: httpx.Client, namespace: str, cluster: Cluster) -> None:
    cluster.apply({"metadata": {"name": "x", "namespace": namespace}})
    found = reader.get(f"/api/v1/namespaces/{namespace}/secrets").json()
    assert [item["metadata"]["name"] for item in found["items"]] == ["x"]


@pytest.mark.parametrize(
    ("grants", "may"),
    [
        ({"*": ["list"]}, {("list", ""), ("list", "default"), ("list", "{}")}),
        ({"{}": ["*"]}, {("list", "{}"), ("watch", "{}"), ("get", "{}"), ("delete", "{}")}),
        ({"default": ["get", "watch"]}, {("get", "default"), ("watch", "default")}),
        ({}, set()),
    ],
    ids=["one verb everywhere", "all verbs in one namespace", "two verbs", "nothing"],
)
def test_access_review_returns_the_permissions(
    cluster: Cluster, namespace: str, grants: dict[str, list[str]], may: set[tuple[str, str]]
) -> None:
    grants = {where.format(namespace): verbs for where, verbs in grants.items()}
    account = cluster.service_account(namespace, "worker", grants)
    allowed = set()
    with cluster.client(account.token) as client:
        for where in ("", "default", "{}"):
            for verb in ("list", "watch", "get", "delete"):
                attributes = {"verb": verb, "resource": "secrets", "namespace": where.format(namespace)}
                response = client.post(REVIEWS, json={"spec": {"resourceAttributes": attributes}})
                assert response.status_code == 201, response.text
                assert response.json()["kind"] == "SelfSubjectAccessReview"
                assert response.json()["spec"]["resourceAttributes"]["verb"] == verb
                if response.json()["status"]["allowed"]:
                    allowed.add((verb, where))
    assert allowed == may


def test_permission_on_a_resource_excludes_its_subresources(cluster: Cluster, namespace: str) -> None:
    account = cluster.service_account(namespace, "worker", {namespace: ["get"]})
    with cluster.client(account.token) as client:
        for subresource, may in (("", True), ("status", False)):
            attributes = {"verb": "get", "resource": "secrets", "namespace": namespace, "subresource": subresource}
            review = client.post(REVIEWS, json={"spec": {"resourceAttributes": attributes}}).json()
            assert review["status"]["allowed"] is may


def test_refused_access_reviews(cluster: Cluster) -> None:
    response = cluster.admin.post(REVIEWS, json={"spec": {}})
    assert response.status_code == 422
    assert response.json()["message"].endswith(
        "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    )
    with cluster.client(None) as client:
        response = client.post(REVIEWS, json={"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}})
    assert response.status_code == 403
    assert response.json()["message"] == (
        'selfsubjectaccessreviews.authorization.k8s.io is forbidden: User "system:anonymous" cannot create resource '
        '"selfsubjectaccessreviews" in API group "authorization.k8s.io" at the cluster scope'
    )


def as_user(name: str) -> dict[str, str]:
    return {"Impersonate-User": name}


def test_administrator_can_impersonate_a_service_account(cluster: Cluster, namespace: str) -> None:
    account = cluster.service_account(namespace, "reader", {namespace: ["list"]})
    name = f"system:serviceaccount:{namespace}:{account.name}"
    path = f"/api/v1/namespaces/{namespace}/secrets"
    assert cluster.admin.get(path, headers=as_user(name)).status_code == 200
    refused = cluster.admin.get(f"{path}/x", headers=as_user(name))
    assert refused.status_code == 403
    assert f'User "{name}" cannot get resource "secrets"' in refused.json()["message"]


def test_empty_impersonation_header_is_ignored(cluster: Cluster, namespace: str) -> None:
    assert cluster.admin.get(f"/api/v1/namespaces/{namespace}/secrets", headers=as_user("")).status_code == 200


def test_unknown_impersonated_user_has_no_permissions(cluster: Cluster, namespace: str) -> None:
    refused = cluster.admin.get(f"/api/v1/namespaces/{namespace}/secrets", headers=as_user("somebody"))
    assert refused.status_code == 403
    assert 'User "somebody" cannot list resource "secrets"' in refused.json()["message"]


@pytest.mark.parametrize(
    ("name", "mode", "subject", "where"),
    [
        ("somebody", "user-info", 'users "somebody"', 'resource "users" in API group "" at the cluster scope'),
        (
            "system:serviceaccount:other:sa",
            "serviceaccount",
            'serviceaccounts "sa"',
            'resource "serviceaccounts" in API group "" in the namespace "other"',
        ),
        (
            "system:node:a",
            "arbitrary-node",
            'users "system:node:a"',
            'resource "users" in API group "" at the cluster scope',
        ),
    ],
)
def test_service_account_cannot_impersonate_other_users(
    cluster: Cluster, namespace: str, reader: httpx.Client, name: str, mode: Any, subject: str, where: str
) -> None:
    refused = reader.get(f"/api/v1/namespaces/{namespace}/secrets", headers=as_user(name))
    assert refused.status_code == 403
    user = f'User "system:serviceaccount:{namespace}:reader"'
    constrained = f'"secrets" in API group "" in the namespace "{namespace}"'
    # From 1.36 on, the permission for this request is checked first.
    assert refused.json()["message"] == at(
        cluster,
        Since(
            {
                0: f"{subject} is forbidden: {user} cannot impersonate {where}",
                36: f"secrets is forbidden: {user} cannot impersonate-on:{mode}:list resource {constrained}",
            }
        ),
    )


def test_service_account_cannot_impersonate_in_a_request_for_a_path(
    cluster: Cluster, namespace: str, reader: httpx.Client
) -> None:
    refused = reader.get("/version", headers=as_user("somebody"))
    assert refused.status_code == 403
    user = f'User "system:serviceaccount:{namespace}:reader"'
    assert refused.json()["message"] == at(
        cluster,
        Since(
            {
                0: f'users "somebody" is forbidden: {user} cannot impersonate resource "users" in API group "" '
                "at the cluster scope",
                36: f'forbidden: {user} cannot impersonate-on:user-info:get path "/version"',
            }
        ),
    )


def test_rules_review_lists_the_permissions(cluster: Cluster, namespace: str, reader: httpx.Client) -> None:
    """https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/"""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    for client, rule in (
        (reader, (["list"], [""], ["secrets"])),
        (cluster.admin, (["*"], ["*"], ["*"])),
    ):
        response = client.post(path, json={"spec": {"namespace": namespace}})
        assert response.status_code == 201, response.text
        review = response.json()
        assert (review["kind"], review["spec"]) == ("SelfSubjectRulesReview", {})
        assert review["status"]["incomplete"] is False
        rules = [(each["verbs"], each["apiGroups"], each["resources"]) for each in review["status"]["resourceRules"]]
        assert rule in rules
        assert any("selfsubjectrulesreviews" in resources for _, _, resources in rules)
        paths = {each for rule in review["status"]["nonResourceRules"] for each in rule["nonResourceURLs"]}
        assert "/version" in paths or "*" in paths
    elsewhere = reader.post(path, json={"spec": {"namespace": "elsewhere"}}).json()["status"]["resourceRules"]
    assert not any("secrets" in each["resources"] for each in elsewhere)
    refused = reader.post(path, json={"spec": {}})
    assert (refused.status_code, refused.json()["message"]) == (400, "no namespace on request")


METHODS = {"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE", "options": "OPTIONS"}


@pytest.mark.parametrize(
    ("path", "verbs"),
    [
        *((path, {"get"}) for path in ("/api", "/api/", "/api/v1", "/apis", "/openapi/v2", "/version", "/version/")),
        *((path, {"get"}) for path in ("/healthz", "/livez", "/readyz")),
        *((path, set()) for path in ("/", "/foo", "/metrics", "/logs", "/healthz/", "/livez/x", "/version/x")),
    ],
)
def test_permissions_for_paths_without_a_resource(
    reader: httpx.Client, namespace: str, path: str, verbs: set[str]
) -> None:
    allowed = set()
    for verb, method in METHODS.items():
        attributes = {"verb": verb, "path": path}
        review = reader.post(REVIEWS, json={"spec": {"nonResourceAttributes": attributes}}).json()
        response = reader.request(method, path)
        assert (response.status_code != 403) is review["status"]["allowed"]
        if response.status_code != 403:
            allowed.add(verb)
            continue
        user = f"system:serviceaccount:{namespace}:reader"
        assert response.json()["message"] == f'forbidden: User "{user}" cannot {verb} path "{path}"'
    assert allowed == verbs


@pytest.mark.parametrize(
    ("method", "path", "subject", "action"),
    [
        ("GET", "/api/v1/namespaces/{}/secrets/x/status", 'secrets "x"', 'get resource "secrets/status"'),
        ("PUT", "/api/v1/namespaces/{}/secrets/x/status/y", 'secrets "x"', 'update resource "secrets/status"'),
        ("GET", "/api/v1/namespaces/{}/pods", "pods", 'list resource "pods"'),
        ("POST", "/api/v1/namespaces/{}/pods/x", 'pods "x"', 'create resource "pods"'),
        ("GET", "/api/v1/namespaces/{}/events", "events", 'list resource "events"'),
        ("GET", "/api/v1/namespaces/{}/status", 'namespaces "{}"', 'get resource "namespaces/status"'),
        ("DELETE", "/apis/apps/v1/namespaces/{}/deployments", "deployments.apps", "deletecollection resource"),
    ],
)
def test_permissions_for_other_resources(
    reader: httpx.Client, namespace: str, method: str, path: str, subject: str, action: str
) -> None:
    refused = reader.request(method, path.format(namespace))
    assert refused.status_code == 403, refused.text
    user = f"system:serviceaccount:{namespace}:reader"
    message = f'{subject.format(namespace)} is forbidden: User "{user}" cannot {action}'
    assert refused.json()["message"].startswith(message)
    assert refused.json()["message"].endswith(f' in the namespace "{namespace}"')


@pytest.mark.parametrize(
    ("name", "groups", "expected", "may_list"),
    [
        ("bob", [], ["system:authenticated"], False),
        ("bob", ["g1", "g2"], ["g1", "g2", "system:authenticated"], False),
        ("bob", ["system:masters"], ["system:masters", "system:authenticated"], True),
        ("bob", ["system:authenticated"], ["system:authenticated"], False),
        ("bob", ["system:unauthenticated"], None, False),
        ("system:anonymous", ["g1"], None, False),
        ("admin", [], ["system:authenticated"], False),
        ("system:serviceaccount:{}:reader", [], [*ACCOUNT_GROUPS, "system:authenticated"], True),
        ("system:serviceaccount:{}:reader", ["g1"], ["g1", "system:authenticated"], True),
        ("system:serviceaccount:{}:other", ["system:masters"], ["system:masters", "system:authenticated"], True),
    ],
)
def test_groups_of_an_impersonated_user(
    cluster: Cluster,
    namespace: str,
    reader: httpx.Client,
    name: str,
    groups: list[str],
    expected: list[str] | None,
    may_list: Any,
) -> None:
    headers = [("Impersonate-User", name.format(namespace)), *(("Impersonate-Group", each) for each in groups)]
    listed = cluster.admin.get(f"/api/v1/namespaces/{namespace}/secrets", headers=headers)
    assert (listed.status_code == 200) is may_list
    assert (cluster.admin.get("/api", headers=headers).status_code == 200) is (expected is not None)
    refused = reader.get("/version", headers=headers)
    assert (refused.status_code, "impersonate" in refused.json()["message"]) == (403, True)
    if cluster.minor_version < 28:
        return  # it has no review of the user
    response = cluster.admin.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={}, headers=headers)
    if expected is None:
        assert response.status_code == 403
    else:
        assert response.json()["status"]["userInfo"]["groups"] == [each.format(namespace) for each in expected]


def test_groups_cannot_be_impersonated_without_a_user(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    response = cluster.admin.get(path, headers={"Impersonate-Group": "system:masters"})
    # Older servers report an internal error.
    assert response.status_code == at(cluster, Since({0: 500, 36: 400})), response.text
