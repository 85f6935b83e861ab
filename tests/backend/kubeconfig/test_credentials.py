"""Tokens, exec plugins and client certificates of a kubeconfig, and where they are never sent."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.api.kubeconfig import KubeconfigCredentials
from airflow_kubernetes_secrets.errors import (
    ApiError,
    NotConfiguredError,
    UnauthorizedError,
)
from support.cluster import Cluster, ServiceAccount
from support.errors import everything_about
from support.faults import answer_with
from support.kubeconfigs import edit
from support.proxy import Proxy
from support.secrets import Put


def test_an_exec_plugin_gives_the_token_and_a_new_one_after_401(
    edited: Callable[..., Path], account: ServiceAccount, put: Put, tmp_path: Path
) -> None:
    put.variable("x", "found")
    calls, token = tmp_path / "calls", tmp_path / "token"
    token.write_text("expired")
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!{sys.executable}\nimport json, pathlib\n"
        f"pathlib.Path({str(calls)!r}).open('a').write('called\\n')\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', "
        f"'status': {{'token': pathlib.Path({str(token)!r}).read_text()}}}}))\n"
    )
    plugin.chmod(0o755)

    def use_plugin(config: dict[str, Any]) -> None:
        command = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
        config["users"][0]["user"] = {"exec": command}

    backend = KubernetesSecretsBackend(kubeconfig=str(edited(use_plugin)))
    with pytest.raises(UnauthorizedError, match="does not accept the kubeconfig"):
        backend.get_variable("x")
    # At first, after the 401, and when that is confirmed; not with each of the requests in between.
    assert 3 <= calls.read_text().count("called") <= 4
    token.write_text(account.token)

    assert backend.get_variable("x") == "found"


def test_a_newline_after_a_token_in_a_file_does_not_break_the_header(
    edited: Callable[..., Path], account: ServiceAccount, put: Put, tmp_path: Path
) -> None:
    """kubectl takes it."""
    put.variable("x", "found")
    (tmp_path / "token").write_text(f"{account.token}\n")

    def name_the_file(config: dict[str, Any]) -> None:
        config["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}

    assert KubernetesSecretsBackend(kubeconfig=str(edited(name_the_file))).get_variable("x") == "found"


def test_a_client_certificate(cluster: Cluster, path: Path, tmp_path: Path) -> None:
    clients = trustme.CA()
    certificate = clients.issue_cert("jane")
    files = {"client-certificate": tmp_path / "jane.crt", "client-key": tmp_path / "jane.key"}
    certificate.cert_chain_pems[0].write_to_path(str(files["client-certificate"]))
    certificate.private_key_pem.write_to_path(str(files["client-key"]))

    with Proxy(cluster, clients=clients) as proxy:

        def show_it(config: dict[str, Any]) -> None:
            server = f"https://{proxy.host}:{proxy.port}"
            config["clusters"][0]["cluster"] = {"server": server, "certificate-authority": str(proxy.ca_file)}
            config["users"][0]["user"] = {name: str(file) for name, file in files.items()}

        edit(path, show_it)
        proxy.faults.append(
            answer_with(200, b'{"kind": "SecretList", "metadata": {"resourceVersion": "1"}, "items": []}')
        )

        assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") is None

        [request] = proxy.requests
        assert "authorization" not in request.headers


CREDENTIALS: dict[str, dict[str, Any]] = {
    "token": {"token": "hunter2"},
    "tokenFile": {"tokenFile": "/nowhere/token"},
    "exec": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}},
    "auth-provider": {"auth-provider": {"name": "oidc", "config": {"id-token": "hunter2"}}},
    "username": {"username": "jane", "password": "hunter2"},
}


@pytest.mark.parametrize(("name", "user"), CREDENTIALS.items(), ids=CREDENTIALS)
@pytest.mark.parametrize("also", [{}, {"insecure-skip-tls-verify": True}])
def test_no_credentials_go_over_plain_http(
    edited: Callable[..., Path], tmp_path: Path, name: str, user: dict[str, Any], also: dict[str, Any]
) -> None:
    """kubectl leaves them out without a word, and then the API server asks who this is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)

        def plain(config: dict[str, Any]) -> None:
            config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{listener.getsockname()[1]}", **also}
            config["users"][0]["user"] = user

        path = edited(plain)
        plugin = path.parent / "plugin"
        plugin.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
        plugin.chmod(0o755)
        with pytest.raises(NotConfiguredError, match=r"its server begins with http://.*Write https://") as raised:
            KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x")

        with pytest.raises(BlockingIOError):
            listener.accept()
    assert f"the user's credentials ({name})" in str(raised.value)
    assert "kubectl proxy" in str(raised.value)
    assert "hunter2" not in everything_about(raised.value)
    assert not (tmp_path / "called").exists()


def test_a_cluster_without_a_server_is_not_sent_a_token(edited: Callable[..., Path]) -> None:
    """The loader would take it for http://localhost."""
    with pytest.raises(NotConfiguredError, match="its server is not a URL"):
        KubernetesSecretsBackend(
            kubeconfig=str(edited(lambda config: config["clusters"][0].update(cluster={"tls-server-name": "x"})))
        ).get_variable("x")


def test_a_kubeconfig_that_comes_to_name_plain_http_is_refused_when_it_is_read_again(
    edited: Callable[..., Path], put: Put
) -> None:
    put.variable("x", "found")
    credentials = KubeconfigCredentials(str(edited(lambda _config: None)), None)
    before = credentials.endpoint

    edited(lambda config: config["clusters"][0]["cluster"].update(server="http://127.0.0.1:1"))
    with pytest.raises(NotConfiguredError, match="its server begins with http://"):
        credentials.renew()

    assert credentials.endpoint is before
    assert credentials.tls() is not None


def test_a_client_certificate_does_not_matter_to_plain_http(edited: Callable[..., Path], tmp_path: Path) -> None:
    """It is shown in TLS, and nowhere else."""

    def plain(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"] = {"server": "http://127.0.0.1:1"}
        config["users"][0]["user"] = {"client-certificate-data": "eA==", "client-key-data": "eA==", "token": ""}

    credentials = KubeconfigCredentials(str(edited(plain)), None)

    assert credentials.tls() is None
    assert credentials.authorization() is None


def test_a_redirect_takes_the_token_nowhere(edited: Callable[..., Path], proxy: Proxy) -> None:
    def behind(config: dict[str, Any]) -> None:
        server = f"https://{proxy.host}:{proxy.port}"
        config["clusters"][0]["cluster"] = {"server": server, "certificate-authority": str(proxy.ca_file)}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        where = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/namespaces/x/secrets"
        for status in (301, 302, 303, 307, 308):
            proxy.faults.append(answer_with(status, headers={"Location": where}))
            with pytest.raises(ApiError, match=f"answered {status}"):
                KubernetesSecretsBackend(kubeconfig=str(edited(behind))).get_variable("x")
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert len(proxy.requests) == 5
