"""``airflow-kubernetes-secrets rbac``: its output, and on a real API server that the permissions are minimal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.errors import ForbiddenError
from airflow_kubernetes_secrets.process import start_anew
from support import kubectl
from support.airflow import BACKEND, ROOT
from support.cluster import GRANT_SECONDS, Cluster, ServiceAccount, checked
from support.secrets import Put

NO_LABELS = {"connections_label": None, "variables_label": None, "config_label": None}


class Rbac:
    """Runs the command with one configuration."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.out = self.err = ""
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)

    def status(self, kwargs: dict[str, Any] | str, *arguments: str) -> int:
        text = kwargs if isinstance(kwargs, str) else json.dumps(kwargs)
        self._monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", text)
        self._capsys.readouterr()
        status = main(["rbac", *arguments])
        self.out, self.err = self._capsys.readouterr()
        return status

    def documents(self, kwargs: dict[str, Any], *arguments: str) -> list[dict[str, Any]]:
        assert self.status(kwargs, *(arguments or ("-s", "airflow/worker"))) == 0, self.err
        return list(yaml.safe_load_all(self.out)) if self.out else []

    def rules(self, kwargs: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
        """Return the rule of each Role, by namespace and name, without the part about Secrets."""
        found = {}
        for document in self.documents(kwargs):
            if document["kind"] == "Role":
                (rule,) = document["rules"]
                assert (rule.pop("apiGroups"), rule.pop("resources")) == ([""], ["secrets"])
                role = f"{document['metadata']['namespace']}/{document['metadata']['name']}"
                assert role not in found
                found[role] = rule
        return found


@pytest.fixture
def rbac(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rbac:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    return Rbac(monkeypatch, capsys)


def shipped(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "examples" / "rbac" / name).read_text()))


@pytest.mark.parametrize(
    ("example", "kwargs"),
    [
        ("airflow-3.yaml", {"namespace": "airflow-secrets", "cache_ttl": 60}),
        ("several-namespaces.yaml", {"namespace": "airflow-secrets,databases", "cache_ttl": 60}),
        ("references.yaml", {**NO_LABELS, "references": {"connections": {"warehouse": "databases/warehouse-app"}}}),
    ],
)
def test_it_prints_what_the_examples_have(rbac: Rbac, example: str, kwargs: dict[str, Any]) -> None:
    meant = shipped(example)
    accounts = [f"{each['namespace']}/{each['name']}" for each in meant[1]["subjects"]]
    arguments = [part for account in accounts for part in ("-s", account)]

    assert rbac.documents(kwargs, *arguments) == meant
    assert rbac.err == ""


def test_another_namespace_changes_nothing_of_the_first() -> None:
    """The API server refuses to change the ``roleRef`` of a RoleBinding."""
    assert shipped("several-namespaces.yaml")[:2] == shipped("airflow-3.yaml")


def test_the_comment_names_options_and_no_value(rbac: Rbac) -> None:
    references = {"config": {"sql_alchemy_conn": "databases/metadata"}}
    rbac.documents({"namespace": "airflow-secrets", "references": references, "timeout": 5})

    comment = [line for line in rbac.out.splitlines() if line.startswith("#")]
    assert rbac.out.startswith("# Made by 'airflow-kubernetes-secrets rbac'")
    assert comment[-1] == "# From namespace, references in backend_kwargs."
    assert "sql_alchemy_conn" not in rbac.out
    assert "airflow-secrets" not in "".join(comment)


@pytest.mark.parametrize(
    ("kwargs", "verbs"),
    [
        ({}, ["list"]),
        ({"cache_ttl": 1.5}, ["list"]),
        ({"cache_ttl": 2}, ["list", "watch"]),
        ({"cache_ttl": 60, "connections_label": None}, ["list", "watch"]),
        ({"cache_ttl": 60, "connections_label": None, "variables_label": None}, ["list"]),
    ],
)
def test_the_verbs(rbac: Rbac, kwargs: dict[str, Any], verbs: list[str]) -> None:
    assert rbac.rules({"namespace": "a", **kwargs}) == {"a/airflow-kubernetes-secrets": {"verbs": verbs}}


def test_every_namespace_that_a_lookup_may_ask(rbac: Rbac) -> None:
    kwargs = {
        "namespace": "a,b",
        "team_namespaces": {"blue": "blue", "red": "b"},
        "references": {"connections": {"x": "c/x2", "y": "y2"}, "variables": {"z": "c/x1", "w": "a/w2"}},
    }

    assert rbac.rules(kwargs) == {
        **{f"{each}/airflow-kubernetes-secrets": {"verbs": ["list"]} for each in ("a", "b", "blue")},
        "c/airflow-kubernetes-secrets-by-name": {"resourceNames": ["x1", "x2"], "verbs": ["get"]},
        "a/airflow-kubernetes-secrets-by-name": {"resourceNames": ["w2", "y2"], "verbs": ["get"]},
    }


def test_options_alone_are_not_looked_for_in_a_teams_namespace(rbac: Rbac) -> None:
    kwargs = {"namespace": "a", "team_namespaces": {"blue": "blue"}, **NO_LABELS}
    assert list(rbac.rules({**kwargs, "config_label": "x.io/y"})) == ["a/airflow-kubernetes-secrets"]
    assert list(rbac.rules({**kwargs, "variables_label": "x.io/y"})) == [
        "a/airflow-kubernetes-secrets",
        "blue/airflow-kubernetes-secrets",
    ]


def test_names_and_bindings(rbac: Rbac) -> None:
    references = {"connections": {"x": "c/x"}}
    accounts = ("-s", "worker", "-s", "other/scheduler", "-s", "other/scheduler")
    documents = rbac.documents({"namespace": "a", "references": references}, *accounts, "--name", "mine")

    assert [(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) for each in documents] == [
        ("Role", "a", "mine"),
        ("RoleBinding", "a", "mine"),
        ("Role", "c", "mine-by-name"),
        ("RoleBinding", "c", "mine-by-name"),
    ]
    for role, binding in (documents[:2], documents[2:]):
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": role["metadata"]["name"],
        }
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "worker", "namespace": "a"},
            {"kind": "ServiceAccount", "name": "scheduler", "namespace": "other"},
        ]
    assert "the service account worker is taken to be in namespace a" in rbac.err
    assert "scheduler" not in rbac.err


@pytest.mark.parametrize(
    ("kwargs", "arguments", "text"),
    [
        ({}, ("-s", "airflow/worker"), "the namespace that Airflow looks in is not known here"),
        ({}, ("-s", "worker"), "the namespace of service account 'worker' is not known: say NAMESPACE/worker"),
        (
            {**NO_LABELS, "references": {"config": {"x": "y"}}},
            ("-s", "airflow/worker"),
            "the namespace that Airflow looks in is not known here",
        ),
        ({"namespace": "a"}, ("-s", "A_b"), "'A_b' cannot be a service account"),
        ({"namespace": "a"}, ("-s", "/b"), "'/b' cannot be a service account"),
        ({"namespace": "a"}, ("-s", "system:serviceaccount:a:b"), "cannot be a service account"),
        ({"namespace": "a"}, ("-s", "a/b", "--name", "x/y"), "cannot be the name of a Role"),
        ({"namespace": "a"}, ("-s", "a/b", "--name", ".."), "cannot be the name of a Role"),
        ({"namespace": "a"}, ("-s", "a/b", "-n", "A"), "namespace needs the name of a namespace"),
        ({"namespce": "a"}, ("-s", "a/b"), "did you mean 'namespace'"),
        ("{namespace: a}", ("-s", "a/b"), "it is not JSON"),
    ],
)
def test_what_is_not_known_or_not_valid(
    rbac: Rbac, kwargs: dict[str, Any] | str, arguments: tuple[str, ...], text: str
) -> None:
    assert rbac.status(kwargs, *arguments) == 2
    assert text in rbac.err
    assert rbac.out == ""


def test_namespaces_of_the_command_line(rbac: Rbac) -> None:
    documents = rbac.documents({"namespace": "a"}, "-n", "b,c", "-s", "worker")

    assert [each["metadata"]["namespace"] for each in documents] == ["b", "b", "c", "c"]
    assert documents[1]["subjects"][0]["namespace"] == "b"
    assert "# From --namespace, and the defaults of backend_kwargs." in rbac.out


def test_nothing_is_needed(rbac: Rbac, tmp_path: Path) -> None:
    assert rbac.documents({**NO_LABELS}) == []
    assert "Airflow asks the API for nothing" in rbac.err
    assert rbac.documents({"path": str(tmp_path)}) == []
    assert "so it needs no rights" in rbac.err


def test_references_alone_need_no_namespace_of_the_options(rbac: Rbac) -> None:
    kwargs = {**NO_LABELS, "references": {"config": {"x": "c/y"}}}
    assert list(rbac.rules(kwargs)) == ["c/airflow-kubernetes-secrets-by-name"]


def test_in_a_pod_its_own_namespace_counts(rbac: Rbac, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("token", "t"), ("ca.crt", "c"), ("namespace", "home\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")

    documents = rbac.documents({"service_account_path": str(tmp_path)}, "-s", "worker")

    assert documents[0]["metadata"]["namespace"] == "home"
    assert documents[1]["subjects"][0]["namespace"] == "home"


def test_the_namespace_of_a_kubeconfig_in_the_options_but_not_of_ones_own(
    rbac: Rbac, devserver_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(devserver_cluster.kubeconfig("t", "context"))

    assert rbac.documents({"kubeconfig": path})[0]["metadata"]["namespace"] == "context"
    monkeypatch.setenv("KUBECONFIG", path)
    assert rbac.status({}, "-s", "a/b") == 2


def test_as_a_process_of_its_own() -> None:
    program = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "rbac", "-s", "a/b", "-n", "123"]
    variables = {"AIRFLOW__SECRETS__BACKEND": "", "AIRFLOW__SECRETS__BACKEND_KWARGS": ""}
    done = subprocess.run(
        program, env={**os.environ, **variables}, capture_output=True, timeout=180, check=True, text=True
    )

    assert [each["metadata"]["namespace"] for each in yaml.safe_load_all(done.stdout)] == ["123", "123"]
    assert "[secrets] backend is not set" in done.stderr


def allowed(client: httpx.Client, verb: str, namespace: str, name: str = "") -> bool:
    attributes = {"namespace": namespace, "verb": verb, "resource": "secrets", "name": name}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    body = {**review, "spec": {"resourceAttributes": attributes}}
    status = checked(client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=body))["status"]
    return bool(status["allowed"])


def when_granted(look_up: Callable[[], Any]) -> Any:
    """Look up until RBAC applies the new role, which takes moments."""
    deadline = time.monotonic() + GRANT_SECONDS
    while True:
        try:
            return look_up()
        except ForbiddenError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def backend_of(account: ServiceAccount, kwargs: dict[str, Any]) -> KubernetesSecretsBackend:
    start_anew()
    return KubernetesSecretsBackend(service_account_path=str(account.folder), **kwargs)


@kubectl.needs_kubectl
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_on_a_real_server_it_is_enough_and_no_more(
    rbac: Rbac, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second, blue, other = (f"{namespace}-{each}" for each in ("first", "second", "blue", "other"))
    for each in (first, second, blue, other):
        cluster.create_namespace(each)
    put = Put(cluster, first)
    put.connection("of_all", "postgres://all", namespace=second)
    put.variable("key", "of blue", namespace=blue)
    put.config("option", "set")
    put({}, "postgres://referred", name="named", namespace=other)
    put({}, "postgres://hidden", name="hidden", namespace=other)
    kwargs = {
        "namespace": [first, second],
        "team_namespaces": {"blue": blue},
        "references": {"connections": {"by_name": f"{other}/named"}},
        "cache_ttl": 60,
    }
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)
    worker, stranger = (cluster.service_account(namespace, name, {}) for name in ("worker", "stranger"))
    with pytest.raises(ForbiddenError):
        backend_of(worker, kwargs).get_connection("of_all")

    rbac.documents(kwargs, "-s", f"{namespace}/worker")
    (tmp_path / "rbac.yaml").write_text(rbac.out)
    for _ in range(2):
        kubectl.run(f"kubectl apply -f {tmp_path / 'rbac.yaml'}", cluster, tmp_path)

    backend = backend_of(worker, kwargs)
    assert when_granted(lambda: backend.get_connection("of_all")).host == "all"
    assert when_granted(lambda: backend.get_variable("key", "blue")) == "of blue"
    assert when_granted(lambda: backend.get_connection("by_name")).host == "referred"
    assert backend.get_config("option") == "set"
    assert backend.get_variable("none", "blue") is None
    with cluster.client(worker.token) as client:
        listed = {(verb, each) for verb in ("list", "watch") for each in (first, second, blue)}
        verbs = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
        places = (first, second, blue, other, namespace, "")
        assert {(verb, each) for verb in verbs for each in places if allowed(client, verb, each)} == listed
        assert {verb for verb in verbs if allowed(client, verb, other, "named")} == {"get"}
        assert not allowed(client, "get", other, "hidden")
    with pytest.raises(ForbiddenError):
        backend_of(stranger, kwargs).get_connection("of_all")


@kubectl.needs_kubectl
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_on_a_real_server_one_verb_less_fails(
    rbac: Rbac, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each verb of each Role is needed: without it a lookup, or the watch, is refused."""
    Put(cluster, namespace)({}, "postgres://referred", name="named")
    kwargs = {"namespace": namespace, "cache_ttl": 60, "references": {"connections": {"by_name": "named"}}}
    documents = rbac.documents(kwargs, "-s", f"{namespace}/worker")
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)
    worker = cluster.service_account(namespace, "worker", {})
    for document in documents:
        if document["kind"] == "Role":
            document["rules"][0]["verbs"] = document["rules"][0]["verbs"][1:] or ["delete"]
    (tmp_path / "rbac.yaml").write_text(yaml.safe_dump_all(documents))
    kubectl.run(f"kubectl apply -f {tmp_path / 'rbac.yaml'}", cluster, tmp_path)

    with cluster.client(worker.token) as client:
        deadline = time.monotonic() + GRANT_SECONDS
        while not (allowed(client, "watch", namespace) and allowed(client, "delete", namespace, "named")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    backend = backend_of(worker, kwargs)
    with pytest.raises(ForbiddenError, match="may not list"):
        backend.get_variable("any")
    with pytest.raises(ForbiddenError, match="may not get"):
        backend.get_connection("by_name")
