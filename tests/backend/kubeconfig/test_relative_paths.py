"""The files that a kubeconfig names: relative paths start at its own folder, as in kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from shutil import copy, which
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import NotConfiguredError, UnauthorizedError
from support.cluster import Cluster, ServiceAccount
from support.kubeconfigs import edit
from support.kubectl import needs_kubectl
from support.secrets import Put
from support.servers import on_the_devserver

Change = Callable[[dict[str, Any], dict[str, Any]], None]


@pytest.fixture
def folder(tmp_path: Path, cluster: Cluster, account: ServiceAccount, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a CA and a token. It is not the current folder."""
    found = tmp_path / "kube"
    found.mkdir()
    copy(cluster.ca_file, found / "ca.crt")
    (found / "token").write_text(f"{account.token}\n")
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def changed(folder: Path, path: Path) -> Callable[[Change], Path]:
    """Return a function that writes the kubeconfig to the folder, with a change of its cluster and its user."""

    def change_it(change: Change) -> Path:
        copied = Path(copy(path, folder / "config"))
        edit(copied, lambda config: change(config["clusters"][0]["cluster"], config["users"][0]["user"]))
        return copied

    return change_it


def everything(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    cluster["certificate-authority"] = "ca.crt"
    user.clear()
    user["tokenFile"] = "token"


def look(path: Path | str) -> str | None:
    return KubernetesSecretsBackend(kubeconfig=str(path), timeout=5).get_variable("x")


def as_kubectl_does(path: Path) -> bool:
    """Return whether kubectl can use a kubeconfig."""
    command = [which("kubectl") or "kubectl", f"--kubeconfig={path}", "get", "secrets"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    return done.returncode == 0


@needs_kubectl
@pytest.mark.parametrize("is_relative", [False, True])
def test_ca_and_token(changed: Callable[[Change], Path], put: Put, is_relative: bool) -> None:
    put.variable("x", "1")
    path = changed(everything)
    assert as_kubectl_does(path)
    assert look(path.relative_to(Path.cwd()) if is_relative else path) == "1"


@needs_kubectl
def test_the_file_of_a_token_comes_before_a_token(changed: Callable[[Change], Path], put: Put) -> None:
    put.variable("x", "1")
    path = changed(lambda _cluster, user: user.update(token="not-a-token", tokenFile="token"))
    assert as_kubectl_does(path)
    assert look(path) == "1"


@needs_kubectl
def test_empty_fields_have_no_effect(changed: Callable[[Change], Path], put: Put) -> None:
    put.variable("x", "1")

    def change(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        everything(cluster, user)
        cluster["certificate-authority-data"] = ""
        user.update(dict.fromkeys(("token", "client-certificate", "client-key", "client-certificate-data"), ""))

    path = changed(change)
    assert as_kubectl_does(path)
    assert look(path) == "1"


@needs_kubectl
def test_an_empty_file_name_of_a_token(changed: Callable[[Change], Path], put: Put) -> None:
    put.variable("x", "1")
    path = changed(lambda _cluster, user: user.update(tokenFile=""))
    assert as_kubectl_does(path)
    assert look(path) == "1"


@on_the_devserver
def test_a_kubeconfig_in_a_pipe(changed: Callable[[Change], Path], folder: Path, put: Put) -> None:
    """The content of a pipe, such as ``<(command)`` in a shell, can be read only once."""
    put.variable("x", "1")
    content = changed(everything).read_bytes()
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
    writer.start()
    assert look(pipe) == "1"
    writer.join(60)


@needs_kubectl
@pytest.mark.parametrize("command", ["./plugin", "plugin"])
def test_exec_plugin(
    changed: Callable[[Change], Path], folder: Path, put: Put, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a command with a slash is a path; any other is searched in PATH."""
    put.variable("x", "1")
    version = "client.authentication.k8s.io/v1"
    status = {"token": (folder / "token").read_text().strip()}
    (folder / "credentials").write_text(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))
    (folder / "plugin").write_text('#!/bin/sh\ncat "$PWD/kube/credentials"\n')
    (folder / "plugin").chmod(0o755)
    if command == "plugin":
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def change(_cluster: dict[str, Any], user: dict[str, Any]) -> None:
        user.clear()
        user["exec"] = {"apiVersion": version, "command": command, "interactiveMode": "Never"}

    path = changed(change)
    assert as_kubectl_does(path)
    assert look(path) == "1"


def test_user_and_cluster_in_different_folders(
    changed: Callable[[Change], Path], tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``KUBECONFIG`` can name several files."""
    put.variable("x", "1")
    first = changed(everything)
    second = tmp_path / "other"
    second.mkdir()
    (first.parent / "token").rename(second / "token")
    copy(first, second / "config")
    edit(first, lambda config: config.pop("users"))
    edit(second / "config", lambda config: config.pop("clusters"))
    monkeypatch.setenv("KUBECONFIG", f"{first}{os.pathsep}{second / 'config'}")
    assert KubernetesSecretsBackend(timeout=5).get_variable("x") == "1"


@on_the_devserver
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"certificate-authority": "no.crt"}, "its certificate-authority cannot be read: No such file or directory. A"),
        ({"certificate-authority": "token"}, "its certificate-authority contains no usable CA certificate. Correct it"),
        ({"certificate-authority": "."}, "its certificate-authority cannot be read: Is a directory. A relative path"),
        ({"tokenFile": "no"}, "its tokenFile cannot be read: No such file or directory. A relative path starts at the"),
        ({"tokenFile": "\0"}, "its tokenFile cannot be read: that is not a path. A relative path starts at the folder"),
    ],
)
def test_a_file_that_cannot_be_used(changed: Callable[[Change], Path], change: dict[str, str], problem: str) -> None:
    def apply(cluster: dict[str, Any], user: dict[str, Any]) -> None:
        (user if "tokenFile" in change else cluster).update(change)

    path = changed(apply)
    with pytest.raises(NotConfiguredError) as raised:
        look(path)
    assert str(raised.value).startswith(f"the kubeconfig {path} cannot be used: {problem}")


@pytest.mark.parametrize("path", ["nowhere", "~nobody-with-this-name/config", "nowhere:nowhere-else"])
def test_a_kubeconfig_that_does_not_exist(path: str) -> None:
    with pytest.raises(NotConfiguredError) as raised:
        look(path)
    assert str(raised.value) == f"the kubeconfig {path} cannot be used: there is no such file. Correct its path"


@on_the_devserver
@pytest.mark.parametrize("is_file", [False, True])
def test_an_expired_token(changed: Callable[[Change], Path], folder: Path, is_file: bool) -> None:
    parts = [json.dumps(each).encode() for each in ({"alg": "RS256"}, {"exp": 1_600_000_000})]
    token = ".".join(urlsafe_b64encode(each).rstrip(b"=").decode() for each in (*parts, b"signature"))
    (folder / "token").write_text(token)
    path = changed(everything if is_file else lambda _cluster, user: user.update(token=token))
    with pytest.raises(UnauthorizedError) as raised:
        look(path)
    assert str(raised.value).endswith(
        "which was read again: its token has expired. Log in to the cluster again, or copy a current kubeconfig"
    )
    assert token not in str(raised.value)


@on_the_devserver
def test_a_token_that_is_not_accepted(changed: Callable[[Change], Path]) -> None:
    path = changed(lambda _cluster, user: user.update(token=b64encode(b"nothing").decode()))
    with pytest.raises(UnauthorizedError) as raised:
        look(path)
    assert str(raised.value).endswith(
        "it has expired, was revoked, or belongs to another cluster. Log in to the cluster again, or copy a current "
        "kubeconfig"
    )


@on_the_devserver
def test_exec_plugin_whose_token_is_not_accepted(changed: Callable[[Change], Path]) -> None:
    version = "client.authentication.k8s.io/v1"
    credential = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": "not-a-token"}}

    def change(_cluster: dict[str, Any], user: dict[str, Any]) -> None:
        user.clear()
        user["exec"] = {"apiVersion": version, "command": "echo", "args": [json.dumps(credential)]}

    with pytest.raises(UnauthorizedError, match=r"another cluster\. Log in again as its exec plugin requires$"):
        look(changed(change))
