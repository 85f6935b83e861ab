"""What an error report shows, with an exception at any line of reading a kubeconfig: no token."""

from __future__ import annotations

import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes import kubeconfig as api_kubeconfig
from airflow_kubernetes_secrets.process import restart
from support.cluster import Cluster, ServiceAccount
from support.errors import AtEveryLine
from support.reports import AT_EVERY_LINE, CASES, found_at
from support.servers import on_the_devserver

pytestmark = AT_EVERY_LINE


@pytest.fixture
def kubeconfig(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    account: ServiceAccount,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Write a kubeconfig with the account's token, in the form that the test names.

    The package makes a new Python run the plugin. These tests are about this process, and load the kubeconfig and run
    the plugin thousands of times. So a shell replaces that Python, because it starts in a tenth of the time, and
    libyaml reads the file.
    """
    version = "client.authentication.k8s.io/v1"
    status = {"token": account.token, "expirationTimestamp": "2020-01-01T00:00:00Z"}
    answer = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {shlex.quote(answer)}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(yaml, "safe_load", partial(yaml.load, Loader=yaml.CSafeLoader))
    (tmp_path / "token").write_text(account.token)
    users: dict[str, dict[str, Any]] = {
        "token": {"token": account.token},
        "tokenFile": {"tokenFile": str(tmp_path / "token")},
        "exec": {"exec": {"apiVersion": version, "command": "my-login"}},
    }
    path = cluster.kubeconfig(account.token, namespace)
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = users[request.param]
    path.write_text(yaml.safe_dump(config))
    return path


@on_the_devserver
@pytest.mark.parametrize("kubeconfig", ["token", "exec"], indirect=True)
def test_with_a_kubeconfig(kubeconfig: Path, cluster: Cluster, account: ServiceAccount, namespace: str) -> None:
    """The token of the plugin has expired, so the plugin is called each time."""
    case = CASES["variable"]
    cluster.apply(case.manifest(namespace))
    backend = KubernetesSecretsBackend(kubeconfig=str(kubeconfig))

    # The lines that read the kubeconfig are another test's, so the backend reads it once. An exception can end the
    # connection, so the next lookup connects again.
    def again() -> None:
        assert backend.get_config("x") is None

    again()
    assert case.look(backend) is not None
    work = AtEveryLine(
        lambda: backend.get_variable("x"),
        again,
        here=lambda file: "/airflow_kubernetes_secrets/" in file or "/kubernetes/" in file,
    )
    assert found_at(work, {*case.hidden, account.token}, least=100) == {}


@on_the_devserver
@pytest.mark.parametrize("kubeconfig", ["token", "tokenFile", "exec"], indirect=True)
def test_while_a_kubeconfig_is_read(kubeconfig: Path, account: ServiceAccount) -> None:
    backend = KubernetesSecretsBackend(kubeconfig=str(kubeconfig))

    def again() -> None:
        nonlocal backend
        restart()
        backend = KubernetesSecretsBackend(kubeconfig=str(kubeconfig))

    again()
    assert backend.get_config("x") is None
    # The thousands of lines that read YAML are skipped.
    work = AtEveryLine(lambda: backend.get_config("x"), again, here=lambda file: file == api_kubeconfig.__file__)
    assert found_at(work, {account.token}, least=50) == {}
