"""Tokens, exec plugins and client certificates of a kubeconfig, and where they are never sent."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    NotConfiguredError,
    UnauthorizedError,
    UnconfirmedRefusalError,
)
from airflow_kubernetes_secrets.kubernetes.kubeconfig import KubeconfigCredentials
from support.cluster import Cluster, ServiceAccount
from support.errors import everything_about
from support.faults import answer_with
from support.kubeconfigs import edit
from support.memory import replace_token
from support.proxy import Proxy
from support.secrets import Put
from support.servers import on_the_devserver


@dataclass(frozen=True)
class Plugin:
    """An exec plugin that takes ``seconds`` and prints what is in the file ``token``."""

    folder: Path

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def seconds(self) -> Path:
        return self.folder / "seconds"

    @property
    def runs(self) -> int:
        return (self.folder / "runs").read_text().count("run")

    def configure(self, config: dict[str, Any]) -> None:
        """Configure a kubeconfig's user to get the token from this plugin."""
        program = self.folder / "plugin"
        program.write_text(
            f"#!{sys.executable}\nimport json, pathlib, time\n"
            f"folder = pathlib.Path({str(self.folder)!r})\n"
            "(folder / 'runs').open('a').write('run\\n')\n"
            "time.sleep(float((folder / 'seconds').read_text()))\n"
            "status = {'token': (folder / 'token').read_text()}\n"
            "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', "
            "'status': status}))\n"
        )
        program.chmod(0o755)
        command = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
        config["users"][0]["user"] = {"exec": command}


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    plugin = Plugin(tmp_path)
    plugin.seconds.write_text("0")
    return plugin


def test_exec_plugin_returns_a_new_token_after_a_401(
    edited: Callable[..., Path], account: ServiceAccount, put: Put, plugin: Plugin
) -> None:
    put.variable("x", "found")
    plugin.token.write_text("expired")
    backend = KubernetesSecretsBackend(kubeconfig=str(edited(plugin.configure)))
    with pytest.raises(UnauthorizedError, match="does not accept the kubeconfig"):
        backend.get_variable("x")
    # The plugin runs at first and after the 401, not again with each request that confirms it.
    assert plugin.runs == 2
    plugin.token.write_text(account.token)

    assert backend.get_variable("x") == "found"


@on_the_devserver
def test_exec_plugin_runs_once_in_a_lookup_with_several_requests(
    cluster: Cluster, edited: Callable[..., Path], account: ServiceAccount, put: Put, plugin: Plugin
) -> None:
    """After a list that fails, another list and a query for the single id follow."""
    put.variable("x", "found")
    plugin.token.write_text(account.token)
    backend = KubernetesSecretsBackend(kubeconfig=str(edited(plugin.configure)), cache_ttl=1)
    for _ in range(3):
        assert backend.get_variable("x") == "found"
    runs = plugin.runs
    replace_token(cluster, account)
    # Until then, the index is fresh.
    time.sleep(1)

    with pytest.raises(UnauthorizedError):
        backend.get_variable("x")

    assert plugin.runs == runs + 1


def test_exec_plugin_that_uses_the_whole_timeout_does_not_hide_the_401(
    refusals_confirmed_at_once: None, edited: Callable[..., Path], put: Put, plugin: Plugin
) -> None:
    put.variable("x", "found")
    plugin.token.write_text("revoked")
    backend = KubernetesSecretsBackend(kubeconfig=str(edited(plugin.configure)), timeout=0.5)
    plugin.seconds.write_text("0.5")

    with pytest.raises(UnconfirmedRefusalError):
        backend.get_variable("x")
    with pytest.raises(UnauthorizedError):
        backend.get_variable("x")


def test_old_token_causes_no_error_while_a_slow_exec_plugin_runs(
    edited: Callable[..., Path], account: ServiceAccount, put: Put, plugin: Plugin
) -> None:
    """Several threads notice the rotation, at different moments."""
    put.variable("x", "found")
    plugin.token.write_text("expired")
    # All attempts of the last thread are after those of the first one have begun, by more than a second.
    backend = KubernetesSecretsBackend(kubeconfig=str(edited(plugin.configure)), timeout=20)
    plugin.token.write_text(account.token)
    plugin.seconds.write_text("1.5")

    def ask(number: int) -> str | None:
        time.sleep(number * 0.4)
        return backend.get_variable("x")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(4))) == ["found"] * 4


def test_a_newline_after_a_token_in_a_file_does_not_break_the_header(
    edited: Callable[..., Path], account: ServiceAccount, put: Put, tmp_path: Path
) -> None:
    """kubectl accepts such a file."""
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
def test_credentials_are_not_sent_over_plain_http(
    edited: Callable[..., Path], tmp_path: Path, name: str, user: dict[str, Any], also: dict[str, Any]
) -> None:
    """kubectl silently drops them, and then the API server treats the request as anonymous."""
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
    """The loader would use http://localhost."""
    with pytest.raises(NotConfiguredError, match="its server is not a URL"):
        KubernetesSecretsBackend(
            kubeconfig=str(edited(lambda config: config["clusters"][0].update(cluster={"tls-server-name": "x"})))
        ).get_variable("x")


def test_kubeconfig_that_changes_to_plain_http_is_refused(edited: Callable[..., Path], put: Put) -> None:
    put.variable("x", "found")
    credentials = KubeconfigCredentials(str(edited(lambda _config: None)), None)
    before = credentials.endpoint

    edited(lambda config: config["clusters"][0]["cluster"].update(server="http://127.0.0.1:1"))
    with pytest.raises(NotConfiguredError, match="its server begins with http://"):
        credentials.renew()

    assert credentials.endpoint is before
    assert credentials.tls() is not None


def test_client_certificate_is_accepted_with_plain_http(edited: Callable[..., Path], tmp_path: Path) -> None:
    """A client certificate is only presented in TLS."""

    def plain(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"] = {"server": "http://127.0.0.1:1"}
        config["users"][0]["user"] = {"client-certificate-data": "eA==", "client-key-data": "eA==", "token": ""}

    credentials = KubeconfigCredentials(str(edited(plain)), None)

    assert credentials.tls() is None
    assert credentials.authorization() is None


def test_redirects_are_not_followed(edited: Callable[..., Path], proxy: Proxy, put: Put) -> None:
    put.variable("x", "found")

    def behind(config: dict[str, Any]) -> None:
        server = f"https://{proxy.host}:{proxy.port}"
        config["clusters"][0]["cluster"] = {"server": server, "certificate-authority": str(proxy.ca_file)}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        where = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/namespaces/x/secrets"
        for status in (301, 302, 303, 307, 308):
            proxy.faults.append(answer_with(status, headers={"Location": where}))
        assert KubernetesSecretsBackend(kubeconfig=str(edited(behind)), timeout=20).get_variable("x") == "found"
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert len(proxy.requests) == 6
