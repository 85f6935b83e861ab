"""The permissions that ``rbac`` prints are exactly those that the requests of lookups need, with each set of options.

The requests go through a proxy to an API server whose account has only these permissions.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.errors import ForbiddenError
from support.airflow import BACKEND
from support.cluster import GRANT_SECONDS, Cluster, checked
from support.exchange import Request
from support.proxy import Proxy

# A verb, a resource, a namespace, and for single objects the name.
Permission = tuple[str, str, str, str]

NO_LABELS = {"connections_label": None, "variables_label": None, "config_label": None}
REFERENCES = {"connections": {"by_name": "OTHER/named"}, "variables": {"by_name": "named"}}
ALL: dict[str, Any] = {"bundles": True, "config_maps": True, "team_namespaces": {"blue": "BLUE"}}

OPTIONS: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "a short cache": {**ALL, "cache_ttl": 1},
    "a cache": {"cache_ttl": 2},
    "everything": {**ALL, "cache_ttl": 2, "references": REFERENCES},
    "everything, but for connections": {**ALL, "cache_ttl": 2, "connections_label": None},
    "everything, but for variables": {**ALL, "cache_ttl": 2, "variables_label": None},
    "everything, but for connections and variables": {**ALL, "cache_ttl": 2, **NO_LABELS, "config_label": "x.io/y"},
    "everything, but teams by label": {**ALL, "cache_ttl": 2, "team_label": None},
    "no fallback of teams": {**ALL, "team_fallback": False},
    "references alone": {**NO_LABELS, "cache_ttl": 2, "bundles": True, "config_maps": True, "references": REFERENCES},
}


@pytest.fixture(autouse=True)
def without_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables by which this process would find an API server."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


def granted(documents: list[dict[str, Any]]) -> set[Permission]:
    """Return the permissions in Roles."""
    return {
        (verb, resource, document["metadata"]["namespace"], name)
        for document in documents
        if document["kind"] == "Role"
        for rule in document["rules"]
        for verb, resource, name in itertools.product(
            rule["verbs"], rule["resources"], rule.get("resourceNames", ("",))
        )
    }


def needed(request: Request) -> Permission:
    """Return the permission that a request needs."""
    _, _, _, _, namespace, resource, *name = urlsplit(request.target).path.split("/")
    verb = "get" if name else "watch" if request.is_watch else "list"
    return verb, resource, namespace, "".join(name)


@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
@pytest.mark.parametrize("options", OPTIONS)
def test_requests_need_exactly_the_printed_permissions(
    options: str,
    cluster: Cluster,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second, blue, other = (f"{namespace}-{each}" for each in ("first", "second", "blue", "other"))
    for each in (first, second, blue, other):
        cluster.create_namespace(each)
    for each in (first, other):
        cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "named", "namespace": each},
                "stringData": {"value": "fs://"},
            }
        )
    text = json.dumps(OPTIONS[options]).replace("OTHER", other).replace("BLUE", blue)
    kwargs = {"namespace": [first, second], **json.loads(text)}
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))
    assert main(["rbac", "-s", f"{namespace}/worker"]) == 0
    documents = [each for each in yaml.safe_load_all(capsys.readouterr().out) if each]
    worker = cluster.service_account(namespace, "worker", {})
    for each in documents:
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{each['metadata']['namespace']}"
        checked(cluster.admin.post(f"{path}/{each['kind'].lower()}s", json=each))
    expected = granted(documents)

    with Proxy(cluster) as proxy:
        for name, value in proxy.pod_environment().items():
            monkeypatch.setenv(name, value)
        backend = KubernetesSecretsBackend(service_account_path=str(proxy.folder(worker)), **kwargs)
        deadline = time.monotonic() + GRANT_SECONDS
        # RBAC applies a new Role after moments, and a process moves to a watch only when it continues to look up.
        while True:
            try:
                look_up(backend)
            except ForbiddenError:
                assert time.monotonic() < deadline
                proxy.requests.clear()
                continue
            if {needed(each) for each in proxy.requests} >= expected:
                break
            assert time.monotonic() < deadline, expected - {needed(each) for each in proxy.requests}
            time.sleep(0.1)
        assert {needed(each) for each in proxy.requests} == expected


def look_up(backend: KubernetesSecretsBackend) -> None:
    """Look up ids that no labelled Secret has, so that all namespaces are searched, and those of references."""
    for team in (None, "blue"):
        for identifier in ("none", "by_name"):
            backend.get_conn_value(identifier, team)
            backend.get_variable(identifier, team)
    backend.get_config("none")
