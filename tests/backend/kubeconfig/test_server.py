"""The server in a kubeconfig, and the check of its certificate."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    NotConfiguredError,
)
from airflow_kubernetes_secrets.kubernetes.kubeconfig import KubeconfigCredentials
from support.cluster import Cluster
from support.faults import answer_with
from support.kubeconfigs import edit
from support.kubectl import needs_kubectl
from support.proxy import Proxy
from support.secrets import Put
from support.waiting import until


def test_certificate_check_can_be_disabled(edited: Callable[..., Path], put: Put) -> None:
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

    proxy.always = answer_with(404, b'{"kind": "Status", "message": "no cluster c-1"}')
    with pytest.raises(ApiError, match="answered 404 no cluster c-1"):
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
def test_address_of_a_server(edited: Callable[..., Path], server: str, host: str, port: int, before: str) -> None:
    def name(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = server
        config["users"][0]["user"] = {}

    credentials = KubeconfigCredentials(str(edited(name)), None)

    endpoint = credentials.endpoint
    assert (endpoint.host, endpoint.port, endpoint.path) == (host, port, before)
    assert (credentials.tls() is None) is server.startswith("http:")
    assert credentials.authorization() is None


def test_tls_server_name(edited: Callable[..., Path], put: Put) -> None:
    put.variable("x", "found")

    def expect(name: str) -> Callable[[dict[str, Any]], None]:
        return lambda config: config["clusters"][0]["cluster"].update({"tls-server-name": name})

    assert KubernetesSecretsBackend(kubeconfig=str(edited(expect("localhost")))).get_variable("x") == "found"
    with pytest.raises(ApiUnavailableError, match="certificate is not trusted: Hostname mismatch"):
        KubernetesSecretsBackend(kubeconfig=str(edited(expect("example.com"))), timeout=9).get_variable("x")


@pytest.mark.parametrize(
    "server", ["", "127.0.0.1:6443", "https:///path", "ftp://127.0.0.1", "unix:///socket", 7, None]
)
def test_server_that_is_not_a_url(edited: Callable[..., Path], server: object) -> None:
    def name(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = server

    with pytest.raises(NotConfiguredError, match="its server is not a URL"):
        KubernetesSecretsBackend(kubeconfig=str(edited(name))).get_variable("x")


@pytest.mark.parametrize("skip", ["false", "true", "", 0, 1, []])
def test_insecure_skip_tls_verify_that_is_not_a_boolean(edited: Callable[..., Path], skip: object) -> None:
    """The loader would treat the string "false" as true."""

    def write(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = skip

    with pytest.raises(NotConfiguredError, match="insecure-skip-tls-verify is neither true nor false"):
        KubernetesSecretsBackend(kubeconfig=str(edited(write))).get_variable("x")


@pytest.mark.parametrize("ca", ["certificate-authority", "certificate-authority-data"])
def test_ca_together_with_insecure_skip_tls_verify(edited: Callable[..., Path], ca: str, cluster: Cluster) -> None:
    def both(config: dict[str, Any]) -> None:
        found = config["clusters"][0]["cluster"]
        del found["certificate-authority"]
        found[ca] = str(cluster.ca_file) if ca == "certificate-authority" else b64encode(cluster.ca_file.read_bytes())
        found["insecure-skip-tls-verify"] = True

    with pytest.raises(
        NotConfiguredError, match=r"specifies both a CA certificate and insecure-skip-tls-verify.*Remove"
    ):
        KubernetesSecretsBackend(kubeconfig=str(edited(both))).get_variable("x")


def test_certificate_is_checked_if_insecure_skip_tls_verify_is_false(edited: Callable[..., Path], put: Put) -> None:
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


@needs_kubectl
def test_through_kubectl_proxy(path: Path, put: Put, tmp_path: Path) -> None:
    """kubectl proxy listens on plain HTTP and adds the credentials itself."""
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
