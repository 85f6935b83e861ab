"""Which kubeconfig is used, and which of its contexts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    NotConfiguredError,
)
from support.cluster import Cluster, ServiceAccount
from support.secrets import Put


def test_named_in_backend_kwargs(path: Path, put: Put) -> None:
    put.variable("x", "found")

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"


def test_named_in_the_variable(path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put.variable("x", "found")
    monkeypatch.setenv("KUBECONFIG", str(path))

    assert KubernetesSecretsBackend().get_variable("x") == "found"


def test_the_variable_may_name_several_files(
    path: Path, put: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put.variable("x", "found")
    empty = tmp_path / "empty"
    empty.write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "contexts": [], "users": [], "clusters": []})
    )
    monkeypatch.setenv("KUBECONFIG", f"{empty}{os.pathsep}{path}")

    assert KubernetesSecretsBackend().get_variable("x") == "found"


def test_kubeconfig_takes_precedence_over_the_pod(path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put.variable("x", "found")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"


def test_backend_kwargs_take_precedence_over_the_variable(
    path: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put.variable("x", "found")
    monkeypatch.setenv("KUBECONFIG", "/no/such/file")

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"


def test_the_variable_is_ignored_in_a_pod(
    cluster: Cluster, account: ServiceAccount, put: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The variable may be set for the cluster that tasks work with."""
    put.variable("x", "found")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "of-another-cluster"))
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)

    assert KubernetesSecretsBackend(service_account_path=str(account.folder)).get_variable("x") == "found"


def test_a_proxy_is_refused(edited: Callable[..., Path]) -> None:
    def behind(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["proxy-url"] = "http://127.0.0.1:1"

    with pytest.raises(NotConfiguredError, match=r"specifies a proxy .*Use a context without a proxy"):
        KubernetesSecretsBackend(kubeconfig=str(edited(behind))).get_variable("x")


@pytest.mark.parametrize(
    "impersonation",
    [{"as": "system:serviceaccount:x:y"}, {"as-groups": ["readers"]}, {"as-uid": "7"}, {"as-user-extra": {"a": ["b"]}}],
    ids=str,
)
def test_impersonation_is_refused(edited: Callable[..., Path], put: Put, impersonation: dict[str, Any]) -> None:
    """The loader ignores it, so the lookup would have the permissions of the user itself."""
    put.variable("x", "found")

    def acting_as_another(config: dict[str, Any]) -> None:
        config["users"][0]["user"] |= impersonation

    with pytest.raises(NotConfiguredError, match="impersonates another user"):
        KubernetesSecretsBackend(kubeconfig=str(edited(acting_as_another))).get_variable("x")


def test_the_variables_of_proxies_are_ignored(path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put.variable("x", "found")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"


def test_tilde_in_the_path(path: Path, put: Put, tmp_path: Path) -> None:
    put.variable("x", "found")
    (tmp_path / "config").write_bytes(path.read_bytes())

    assert KubernetesSecretsBackend(kubeconfig="~/config").get_variable("x") == "found"


def test_kubeconfig_in_the_home_directory_is_not_used_by_default(path: Path, tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_bytes(path.read_bytes())

    with pytest.raises(NotConfiguredError, match="there is no kubeconfig"):
        KubernetesSecretsBackend(namespace="default").get_variable("x")


def test_context(edited: Callable[..., Path], put: Put) -> None:
    put.variable("x", "found")

    def move(config: dict[str, Any]) -> None:
        config["contexts"].append({**config["contexts"][0], "name": "other"})
        config["contexts"][0]["context"] = {"cluster": "test", "user": "test", "namespace": "elsewhere"}

    backend = KubernetesSecretsBackend(kubeconfig=str(edited(move)), context="other")
    assert backend.get_variable("x") == "found"


def test_context_without_a_namespace_uses_default_as_in_kubectl(cluster: Cluster) -> None:
    account = cluster.service_account("default", f"reader-{os.urandom(4).hex()}", {"default": ["list"]})
    Put(cluster, "default").variable("in-default", "found")

    backend = KubernetesSecretsBackend(kubeconfig=str(cluster.kubeconfig(account.token)))
    assert backend.get_variable("in-default") == "found"


def test_a_context_without_a_kubeconfig() -> None:
    with pytest.raises(NotConfiguredError, match=r"context 'prod' requires a kubeconfig.*or add --kubeconfig"):
        KubernetesSecretsBackend(context="prod").get_variable("x")


@pytest.mark.parametrize(
    ("content", "context", "problem"),
    [
        (
            "{contexts: [{name: a}, {name: b}], current-context: a}",
            "nope",
            "it has no context 'nope'. Choose one of its contexts: a, b",
        ),
        (
            "{contexts: [{name: a}, {name: b}], current-context: gone}",
            None,
            "it has no context 'gone'. Choose one of its contexts: a, b",
        ),
        ("{contexts: [{name: a}]}", None, "it has no current-context. Choose one of its contexts: a"),
        (
            "{contexts: [{name: a}], current-context: ''}",
            None,
            "it has no current-context. Choose one of its contexts: a",
        ),
        ("{contexts: null, current-context: a}", None, "it has no contexts. Copy a complete kubeconfig"),
        ("{kind: Config}", "a", "it has no contexts. Copy a complete kubeconfig"),
        (
            f"contexts: [{', '.join(f'{{name: c{number}}}' for number in range(12))}]",
            "nope",
            "it has no context 'nope'. Choose one of its contexts: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more",
        ),
    ],
)
def test_a_context_that_does_not_exist(content: str, context: str | None, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(NotConfiguredError) as raised:
        KubernetesSecretsBackend(kubeconfig=str(path), context=context).get_variable("x")
    assert str(raised.value).endswith(f"the kubeconfig {path} cannot be used: {problem}")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        NotConfiguredError, match=f"the kubeconfig {tmp_path}/missing cannot be used: there is no such file. Correct"
    ):
        KubernetesSecretsBackend(kubeconfig=f"{tmp_path}/missing").get_variable("x")


def test_missing_context(path: Path) -> None:
    with pytest.raises(NotConfiguredError, match=r"cannot be used: .*no-such"):
        KubernetesSecretsBackend(kubeconfig=str(path), context="no-such").get_variable("x")
