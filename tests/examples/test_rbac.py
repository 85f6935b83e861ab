"""The roles in the examples, on a server with RBAC: the lookups work with exactly these roles."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx
import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ForbiddenError
from airflow_kubernetes_secrets.process import restart
from support.cluster import GRANT_SECONDS, Cluster, ServiceAccount, checked, wait_until_allowed
from support.examples import Namespaces, backend_kwargs, manifests
from support.logs import log_messages
from support.secrets import Put

pytestmark = pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)

# The service accounts of the official chart for a release called "airflow", by the templates in
# https://github.com/apache/airflow/tree/main/chart/templates (_helpers.yaml)
COMPONENTS = ("scheduler", "dag-processor", "triggerer", "worker")
JOBS = ("migrate-database-job", "create-user-job")


def apply(cluster: Cluster, path: str, namespaces: Namespaces) -> list[dict[str, Any]]:
    """Create the objects in the file."""
    documents = manifests(path, namespaces)
    for document in documents:
        place = f"namespaces/{document['metadata']['namespace']}/{document['kind'].lower()}s"
        checked(cluster.admin.post(f"/apis/rbac.authorization.k8s.io/v1/{place}", json=document))
    return documents


def account(cluster: Cluster, namespaces: Namespaces, component: str) -> ServiceAccount:
    """Return a service account of the chart, without permissions."""
    return cluster.service_account(namespaces["airflow"], f"airflow-{component}", {})


def backend_of(who: ServiceAccount, **kwargs: object) -> KubernetesSecretsBackend:
    restart()
    return KubernetesSecretsBackend(service_account_path=str(who.folder), **kwargs)


def when_granted(look_up: Callable[[], Any]) -> Any:
    """Look up until RBAC applies the new role, which takes moments."""
    deadline = time.monotonic() + GRANT_SECONDS
    while True:
        try:
            return look_up()
        except ForbiddenError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def until_refused(look_up: Callable[[], Any]) -> None:
    """Look up until RBAC applies the removal of a role."""
    deadline = time.monotonic() + GRANT_SECONDS
    while time.monotonic() < deadline:
        look_up()
        time.sleep(0.05)


def status(cluster: Cluster, who: ServiceAccount, path: str, method: str = "GET") -> int:
    with cluster.client(who.token) as client:
        return client.request(method, path).status_code


@pytest.fixture
def put(cluster: Cluster, namespaces: Namespaces, in_pod: None) -> Put:
    return Put(cluster, namespaces["airflow-secrets"])


@pytest.mark.parametrize(("path", "web"), [("airflow-3", "api-server"), ("airflow-2", "webserver")])
def test_every_component(cluster: Cluster, put: Put, namespaces: Namespaces, path: str, web: str) -> None:
    put.connection("warehouse", "postgres://db.example.com")
    kwargs = backend_kwargs("rbac/airflow.cfg", namespaces)
    accounts = [account(cluster, namespaces, component) for component in (*COMPONENTS, web, *JOBS)]
    for who in accounts:
        with pytest.raises(ForbiddenError):
            backend_of(who, **kwargs).get_connection("warehouse")

    _role, binding = apply(cluster, f"rbac/{path}.yaml", namespaces)

    assert sorted(subject["name"] for subject in binding["subjects"]) == sorted(who.name for who in accounts)
    for who in accounts:
        backend = backend_of(who, **kwargs)
        assert when_granted(partial(backend.get_connection, "warehouse")).host == "db.example.com"
        with cluster.client(who.token) as client:
            wait_until_allowed(client, namespaces["airflow-secrets"], "watch")
    secrets = f"/api/v1/namespaces/{namespaces['airflow-secrets']}/secrets"
    assert status(cluster, accounts[0], f"{secrets}/any") == httpx.codes.FORBIDDEN
    assert status(cluster, accounts[0], secrets, "POST") == httpx.codes.FORBIDDEN
    assert status(cluster, accounts[0], "/api/v1/secrets") == httpx.codes.FORBIDDEN
    with pytest.raises(ForbiddenError):
        backend_of(account(cluster, namespaces, "statsd"), **kwargs).get_connection("warehouse")


def test_several_namespaces(cluster: Cluster, put: Put, namespaces: Namespaces) -> None:
    put.connection("in_the_second", "postgres://db.example.com", namespace=namespaces["databases"])
    put.config("sql_alchemy_conn", "postgresql://db", namespace=namespaces["databases"])
    put.variable("in_the_first", "a value")
    kwargs = backend_kwargs("rbac/several-namespaces.cfg", namespaces)
    accounts = [account(cluster, namespaces, component) for component in (*COMPONENTS, "api-server", *JOBS)]
    worker = accounts[COMPONENTS.index("worker")]
    with pytest.raises(ForbiddenError):
        backend_of(worker, **kwargs).get_connection("in_the_second")

    documents = apply(cluster, "rbac/several-namespaces.yaml", namespaces)

    for binding in documents[1::2]:
        assert sorted(subject["name"] for subject in binding["subjects"]) == sorted(who.name for who in accounts)
    for who in accounts:
        backend = backend_of(who, **kwargs)
        assert when_granted(partial(backend.get_connection, "in_the_second")).host == "db.example.com"
        assert backend.get_config("sql_alchemy_conn") == "postgresql://db"
        assert backend.get_variable("in_the_first") == "a value"
    assert status(cluster, worker, "/api/v1/secrets") == httpx.codes.FORBIDDEN


def test_only_the_second_of_several_namespaces_is_granted(cluster: Cluster, put: Put, namespaces: Namespaces) -> None:
    """As the page states, each namespace needs a binding."""
    put.connection("warehouse", "postgres://db.example.com", namespace=namespaces["databases"])
    kwargs = backend_kwargs("rbac/several-namespaces.cfg", namespaces)
    worker = account(cluster, namespaces, "worker")
    apply(cluster, "rbac/several-namespaces.yaml", namespaces)
    backend = backend_of(worker, **kwargs)
    when_granted(lambda: backend.get_connection("warehouse"))

    binding = "rolebindings/airflow-kubernetes-secrets"
    place = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespaces['airflow-secrets']}/{binding}"
    checked(cluster.admin.delete(place))

    with pytest.raises(ForbiddenError, match=namespaces["airflow-secrets"]):
        until_refused(lambda: backend.get_connection("warehouse"))


def test_references(cluster: Cluster, put: Put, namespaces: Namespaces, caplog: pytest.LogCaptureFixture) -> None:
    databases = namespaces["databases"]
    put({}, "postgres://db.example.com", name="warehouse-app", namespace=databases)
    put({}, "postgres://other.example.com", name="warehouse-superuser", namespace=databases)
    kwargs = backend_kwargs("rbac/references.cfg", namespaces)
    worker = account(cluster, namespaces, "worker")
    with pytest.raises(ForbiddenError, match="--resource-name=warehouse-app"):
        backend_of(worker, **kwargs).get_connection("warehouse")

    apply(cluster, "rbac/references.yaml", namespaces)

    backend = backend_of(worker, **kwargs)
    assert when_granted(lambda: backend.get_connection("warehouse")).host == "db.example.com"
    caplog.clear()
    assert backend.get_connection("another") is None
    assert backend.get_variable("any") is None
    assert backend.get_config("any") is None
    assert log_messages(caplog) == []
    secrets = f"/api/v1/namespaces/{databases}/secrets"
    assert status(cluster, worker, secrets) == httpx.codes.FORBIDDEN
    assert status(cluster, worker, f"{secrets}/warehouse-superuser") == httpx.codes.FORBIDDEN


@pytest.mark.parametrize(
    ("path", "bound", "others"),
    [
        ("without-workers", ("api-server", "scheduler", "dag-processor", "triggerer", *JOBS), ("worker",)),
        ("api-server-only", ("api-server",), ("scheduler", "dag-processor", "triggerer", "worker")),
    ],
)
def test_without_workers(
    cluster: Cluster, put: Put, namespaces: Namespaces, path: str, bound: Sequence[str], others: Sequence[str]
) -> None:
    put.connection("warehouse", "postgres://db.example.com")
    kwargs = backend_kwargs("rbac/airflow.cfg", namespaces)

    _role, binding = apply(cluster, f"rbac/{path}.yaml", namespaces)

    assert [subject["name"] for subject in binding["subjects"]] == [f"airflow-{each}" for each in bound]
    for component in bound:
        backend = backend_of(account(cluster, namespaces, component), **kwargs)
        assert when_granted(partial(backend.get_connection, "warehouse")).host == "db.example.com"
    for component in others:
        with pytest.raises(ForbiddenError, match=f"airflow-{component}"):
            backend_of(account(cluster, namespaces, component), **kwargs).get_connection("warehouse")
