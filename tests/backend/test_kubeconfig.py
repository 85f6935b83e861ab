"""Outside a cluster: a kubeconfig that somebody named, read by the official client's loader."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import trustme
import yaml
from cryptography.hazmat.primitives import serialization

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.api.kubeconfig import KubeconfigCredentials
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    NotConfiguredError,
    UnauthorizedError,
)
from support.cluster import Cluster, ServiceAccount
from support.errors import everything_about
from support.proxy import Proxy, answer_with, until
from support.secrets import Put


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pod, and a home directory without a kubeconfig."""
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def path(cluster: Cluster, account: ServiceAccount, namespace: str) -> Path:
    """A kubeconfig whose context names the namespace."""
    return cluster.kubeconfig(account.token, namespace)


@pytest.fixture
def edited(path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """Changes the kubeconfig in place."""

    def edit_it(change: Callable[[dict[str, Any]], None]) -> Path:
        edit(path, change)
        return path

    return edit_it


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config))


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


def test_a_kubeconfig_comes_before_the_pod(path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put.variable("x", "found")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"


def test_backend_kwargs_come_before_the_variable(path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put.variable("x", "found")
    monkeypatch.setenv("KUBECONFIG", "/no/such/file")

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"


def test_the_variable_is_ignored_in_a_pod(
    cluster: Cluster, account: ServiceAccount, put: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It may be there for the cluster that tasks work with."""
    put.variable("x", "found")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "of-another-cluster"))
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)

    assert KubernetesSecretsBackend(service_account_path=str(account.folder)).get_variable("x") == "found"


def test_a_proxy_is_refused(edited: Callable[..., Path]) -> None:
    def behind(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["proxy-url"] = "http://127.0.0.1:1"

    with pytest.raises(NotConfiguredError, match="asks for a proxy"):
        KubernetesSecretsBackend(kubeconfig=str(edited(behind))).get_variable("x")


def test_the_variables_of_proxies_are_ignored(path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put.variable("x", "found")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"


def test_home_in_the_path(path: Path, put: Put, tmp_path: Path) -> None:
    put.variable("x", "found")
    (tmp_path / "config").write_bytes(path.read_bytes())

    assert KubernetesSecretsBackend(kubeconfig="~/config").get_variable("x") == "found"


def test_one_in_the_home_directory_is_never_taken_silently(path: Path, tmp_path: Path) -> None:
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


def test_without_a_namespace_it_is_default_as_in_kubectl(cluster: Cluster) -> None:
    account = cluster.service_account("default", f"reader-{os.urandom(4).hex()}", {"default": ["list"]})
    Put(cluster, "default").variable("in-default", "found")

    backend = KubernetesSecretsBackend(kubeconfig=str(cluster.kubeconfig(account.token)))
    assert backend.get_variable("in-default") == "found"


def test_a_context_without_a_kubeconfig() -> None:
    with pytest.raises(NotConfiguredError, match="context 'prod' is one of a kubeconfig, and none is named"):
        KubernetesSecretsBackend(context="prod").get_variable("x")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match=f"the kubeconfig {tmp_path}/missing cannot be used"):
        KubernetesSecretsBackend(kubeconfig=f"{tmp_path}/missing").get_variable("x")


def test_a_context_that_is_not_there(path: Path) -> None:
    with pytest.raises(NotConfiguredError, match=r"cannot be used: .*no-such"):
        KubernetesSecretsBackend(kubeconfig=str(path), context="no-such").get_variable("x")


@pytest.mark.parametrize("content", ["token: hunter2: {", "token: *hunter2", "token: !hunter2 x"])
def test_a_file_that_is_not_yaml_is_not_quoted(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str) -> None:
    (tmp_path / "broken").write_text(content)

    with pytest.raises(NotConfiguredError, match="broken cannot be read") as raised:
        KubernetesSecretsBackend(kubeconfig=f"{tmp_path}/broken").get_variable("x")

    assert "hunter2" not in everything_about(raised.value)
    assert "hunter2" not in caplog.text


BROKEN: dict[str, Callable[[dict[str, Any]], None]] = {
    "a CA that is none": lambda config: config["clusters"][0].update(
        cluster={"server": "https://127.0.0.1:1", "certificate-authority-data": "aHVudGVyMg=="}
    ),
    "a client certificate that is none": lambda config: config["users"][0].update(
        user={"client-certificate-data": "aHVudGVyMg==", "client-key-data": "aHVudGVyMg=="}
    ),
    "a port that is none": lambda config: config["clusters"][0]["cluster"].update(server="https://hunter2:abc"),
    "a server that is none": lambda config: config["clusters"][0]["cluster"].update(server="//"),
    "no such user": lambda config: config.update(users=[]),
    "a password without a user": lambda config: config["users"][0].update(
        user={"username": None, "password": "hunter2"}
    ),
    "a key without a certificate": lambda config: config["users"][0].update(
        user={"client-certificate-data": None, "client-key-data": "hunter2"}
    ),
    "a plugin without a version": lambda config: config["users"][0].update(
        user={"exec": {"apiVersion": None, "command": "true", "env": [{"name": "PASSWORD", "value": "hunter2"}]}}
    ),
    "a user without a name": lambda config: config["users"].insert(0, {"user": {"token": "hunter2"}}),
    "users that are no list": lambda config: config.update(users={"token": "hunter2"}),
    "a provider without its configuration": lambda config: config["users"][0].update(
        user={"auth-provider": {"name": "oidc", "config": {"id-token": None, "refresh-token": "hunter2"}}}
    ),
    "a provider whose program fails": lambda config: config["users"][0].update(
        user={
            "auth-provider": {
                "name": "gcp",
                "config": {"cmd-path": "sh", "cmd-args": "-c echo${IFS}hunter2>&2;exit${IFS}1"},
            }
        }
    ),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_in_it_is_not_quoted(
    edited: Callable[..., Path], change: Callable[[dict[str, Any]], None], caplog: pytest.LogCaptureFixture
) -> None:
    broken = edited(change)

    with pytest.raises((NotConfiguredError, UnauthorizedError)) as raised:
        KubernetesSecretsBackend(kubeconfig=str(broken)).get_variable("x")

    assert f"the kubeconfig {broken}" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert "hunter2" not in caplog.text


def test_contents_in_place_of_a_path_are_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "apiVersion: v1\nusers:\n- user:\n    token: hunter2")

    with pytest.raises(NotConfiguredError, match="has to be the path of a file") as raised:
        KubernetesSecretsBackend().get_variable("x")

    assert "hunter2" not in str(raised.value)


def test_an_encrypted_client_key_asks_nobody(edited: Callable[..., Path], tmp_path: Path) -> None:
    """OpenSSL would wait for a pass phrase at the terminal."""
    authority = trustme.CA()
    leaf = authority.issue_cert("airflow.example.com")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    (tmp_path / "key").write_bytes(encrypted)
    leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate"))

    def use(config: dict[str, Any]) -> None:
        config["users"][0]["user"] = {
            "client-certificate": str(tmp_path / "certificate"),
            "client-key": str(tmp_path / "key"),
        }

    with pytest.raises(NotConfiguredError, match="its client key is encrypted"):
        KubernetesSecretsBackend(kubeconfig=str(edited(use))).get_variable("x")


def test_an_exec_plugin_that_fails_grants_nothing_to_everybody(edited: Callable[..., Path], tmp_path: Path) -> None:
    """The loader goes on without credentials, and the API server takes the request for anonymous."""

    def use_plugin(config: dict[str, Any]) -> None:
        command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
        config["users"][0]["user"] = {"exec": command}

    with pytest.raises(UnauthorizedError, match=r"exec plugin|does not accept") as raised:
        KubernetesSecretsBackend(kubeconfig=str(edited(use_plugin))).get_variable("x")

    assert "kubectl" not in str(raised.value)


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
    token.write_text(account.token)

    assert backend.get_variable("x") == "found"
    assert calls.read_text().count("called") >= 2


def test_skipping_the_check_of_the_certificate_is_its_owners_choice(edited: Callable[..., Path], put: Put) -> None:
    put.variable("x", "found")

    def skip(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"].pop("certificate-authority")
        config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True

    assert KubernetesSecretsBackend(kubeconfig=str(edited(skip))).get_variable("x") == "found"


def test_a_server_with_a_path(edited: Callable[..., Path], proxy: Proxy) -> None:
    def behind_a_path(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"] = {
            "server": f"https://{proxy.host}:{proxy.port}/k8s/clusters/c-1/",
            "certificate-authority": str(proxy.ca_file),
        }

    proxy.faults.append(answer_with(404))
    with pytest.raises(ApiError, match="answered 404"):
        KubernetesSecretsBackend(kubeconfig=str(edited(behind_a_path))).get_variable("x")

    assert proxy.requests[0].target.startswith("/k8s/clusters/c-1/api/v1/namespaces/")


@pytest.mark.parametrize(
    ("server", "host", "port", "before"),
    [
        ("https://127.0.0.1", "127.0.0.1", 443, ""),
        ("http://localhost", "localhost", 80, ""),
        ("https://[::1]:6443/k8s/clusters/c-1/", "::1", 6443, "/k8s/clusters/c-1"),
    ],
)
def test_where_a_server_is(edited: Callable[..., Path], server: str, host: str, port: int, before: str) -> None:
    def name(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = server
        config["users"][0]["user"] = {}

    credentials = KubeconfigCredentials(str(edited(name)), None)

    endpoint = credentials.endpoint
    assert (endpoint.host, endpoint.port, endpoint.path) == (host, port, before)
    assert (credentials.tls() is None) is server.startswith("http:")
    assert credentials.authorization() is None


def test_the_name_that_the_certificate_must_carry(edited: Callable[..., Path], put: Put) -> None:
    put.variable("x", "found")

    def expect(name: str) -> Callable[[dict[str, Any]], None]:
        return lambda config: config["clusters"][0]["cluster"].update({"tls-server-name": name})

    assert KubernetesSecretsBackend(kubeconfig=str(edited(expect("localhost")))).get_variable("x") == "found"
    with pytest.raises(ApiUnavailableError, match="certificate is not trusted: Hostname mismatch"):
        KubernetesSecretsBackend(kubeconfig=str(edited(expect("example.com"))), timeout=9).get_variable("x")


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


@pytest.mark.parametrize(
    "server", ["", "127.0.0.1:6443", "https:///path", "ftp://127.0.0.1", "unix:///socket", 7, None]
)
def test_a_server_that_is_no_url(edited: Callable[..., Path], server: object) -> None:
    def name(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = server

    with pytest.raises(NotConfiguredError, match="its server is not a URL"):
        KubernetesSecretsBackend(kubeconfig=str(edited(name))).get_variable("x")


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


@pytest.mark.parametrize("skip", ["false", "true", "", 0, 1, []])
def test_a_check_of_the_certificate_that_is_neither_on_nor_off(edited: Callable[..., Path], skip: object) -> None:
    """The loader would take the text "false" for true."""

    def write(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = skip

    with pytest.raises(NotConfiguredError, match="insecure-skip-tls-verify is neither true nor false"):
        KubernetesSecretsBackend(kubeconfig=str(edited(write))).get_variable("x")


@pytest.mark.parametrize("ca", ["certificate-authority", "certificate-authority-data"])
def test_a_ca_beside_no_check_of_the_certificate(edited: Callable[..., Path], ca: str, cluster: Cluster) -> None:
    def both(config: dict[str, Any]) -> None:
        found = config["clusters"][0]["cluster"]
        del found["certificate-authority"]
        found[ca] = str(cluster.ca_file) if ca == "certificate-authority" else b64encode(cluster.ca_file.read_bytes())
        found["insecure-skip-tls-verify"] = True

    with pytest.raises(NotConfiguredError, match=r"names a CA certificate and says insecure-skip-tls-verify.*Leave"):
        KubernetesSecretsBackend(kubeconfig=str(edited(both))).get_variable("x")


def test_a_certificate_that_is_to_be_checked_is(edited: Callable[..., Path], put: Put) -> None:
    put.variable("x", "found")

    def write(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = False

    assert KubernetesSecretsBackend(kubeconfig=str(edited(write))).get_variable("x") == "found"

    def of_another(config: dict[str, Any]) -> None:
        authority = trustme.CA().cert_pem.bytes()
        config["clusters"][0]["cluster"].pop("certificate-authority")
        config["clusters"][0]["cluster"]["certificate-authority-data"] = b64encode(authority).decode()

    with pytest.raises(ApiUnavailableError, match="its certificate is not trusted"):
        KubernetesSecretsBackend(kubeconfig=str(edited(of_another)), timeout=9).get_variable("x")


@pytest.mark.skipif(which("kubectl") is None, reason="needs kubectl on PATH")
def test_through_kubectl_proxy(path: Path, put: Put, tmp_path: Path) -> None:
    """It listens on plain HTTP and adds the credentials itself."""
    put.variable("x", "found")
    output = tmp_path / "output"
    with (
        output.open("w") as stream,
        subprocess.Popen(["kubectl", "--kubeconfig", str(path), "proxy", "--port=0"], stdout=stream) as kubectl,
    ):
        try:
            until(lambda: "127.0.0.1:" in output.read_text())
            port = output.read_text().rpartition(":")[2].strip()

            def plain(config: dict[str, Any]) -> None:
                config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{port}"}
                config["users"][0]["user"] = {}

            copy = tmp_path / "copy"
            copy.write_bytes(path.read_bytes())
            edit(copy, plain)
            assert KubernetesSecretsBackend(kubeconfig=str(copy)).get_variable("x") == "found"
        finally:
            kubectl.terminate()


def test_without_the_extra_the_error_says_what_to_install(path: Path) -> None:
    program = """
import sys
sys.modules["kubernetes"] = None  # what an import of something that is not installed finds
from airflow_kubernetes_secrets.api.kubeconfig import KubeconfigCredentials
try:
    KubeconfigCredentials(sys.argv[1], None)
except Exception as error:
    print(error)
"""
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "pip install 'airflow-kubernetes-secrets[kubeconfig]'" in done.stdout


def test_the_official_client_is_loaded_only_for_a_kubeconfig() -> None:
    program = (
        "import json, sys; from airflow_kubernetes_secrets.sources.source import Source; "
        "print(json.dumps('kubernetes' in sys.modules))"
    )
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert json.loads(done.stdout) is False
