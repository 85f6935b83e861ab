"""Credentials in a pod, compared with the official client's loader."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from kubernetes.client import Configuration
from kubernetes.config import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader

from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes.credentials import ServiceAccountCredentials
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.api_source import ApiSource
from support.cluster import Cluster
from support.interpreters import find_python
from support.kube_apiserver import write_certificates

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the files that Kubernetes mounts into a pod."""
    write_certificates(tmp_path)
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    shutil.copyfile(next(tmp_path.glob("ca*.crt"), tmp_path / "ca.pem"), folder / "ca.crt")
    (folder / "token").write_text("a.b.c")
    (folder / "namespace").write_text("airflow")
    return folder


def official(folder: Path, environ: dict[str, str]) -> tuple[str, str] | None:
    """Return the host and the header that the official client would use; None if it refuses."""
    configuration = Configuration()
    try:
        InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt"), environ=environ).load_and_set(
            configuration
        )
    except ConfigException:
        return None
    token = configuration.auth_settings()["BearerToken"]["value"]
    assert token is not None
    return configuration.host, token


def ours(folder: Path, environ: dict[str, str]) -> tuple[str, str] | None:
    try:
        credentials = ServiceAccountCredentials(str(folder), environ)
    except NotConfiguredError:
        return None
    return f"https://{credentials.endpoint}", credentials.authorization()


SITUATIONS: dict[str, tuple[dict[str, str | None], dict[str, str | None]]] = {
    "a pod": ({}, {}),
    "IPv6": ({"KUBERNETES_SERVICE_HOST": "fd00::1"}, {}),
    "a name": ({"KUBERNETES_SERVICE_HOST": "kubernetes.default.svc"}, {}),
    "another port": ({"KUBERNETES_SERVICE_PORT": "6443"}, {}),
    "no host": ({"KUBERNETES_SERVICE_HOST": None}, {}),
    "no port": ({"KUBERNETES_SERVICE_PORT": None}, {}),
    "host is empty": ({"KUBERNETES_SERVICE_HOST": ""}, {}),
    "port is empty": ({"KUBERNETES_SERVICE_PORT": ""}, {}),
    "no token": ({}, {"token": None}),
    "token is empty": ({}, {"token": ""}),
    "no CA": ({}, {"ca.crt": None}),
    "CA is empty": ({}, {"ca.crt": ""}),
    "no namespace": ({}, {"namespace": None}),
    "namespace is empty": ({}, {"namespace": ""}),
}


@pytest.mark.parametrize(("environ", "files"), SITUATIONS.values(), ids=SITUATIONS)
def test_results_match_the_official_loader(
    folder: Path, environ: dict[str, str | None], files: dict[str, str | None]
) -> None:
    for name, content in files.items():
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_text(content)
    merged = {name: value for name, value in {**POD, **environ}.items() if value is not None}

    expected = official(folder, merged)
    found = ours(folder, merged)

    # The name of an authorization scheme is case-insensitive (RFC 9110, 11.1); this project sends the usual one.
    if expected is not None:
        expected = (expected[0], expected[1].replace("bearer", "Bearer", 1))
    assert found == expected


def test_a_newline_after_the_token_does_not_break_the_header(folder: Path) -> None:
    """The official loader would send the newline, and every server would reject it."""
    (folder / "token").write_text("a.b.c\n")

    assert ServiceAccountCredentials(str(folder), POD).authorization() == "Bearer a.b.c"


def test_the_token_is_read_again_every_minute(folder: Path) -> None:
    credentials = ServiceAccountCredentials(str(folder), POD)
    (folder / "token").write_text("rotated")
    assert credentials.authorization() == "Bearer a.b.c"

    credentials._token_read_at -= 61

    assert credentials.authorization() == "Bearer rotated"
    (folder / "token").write_text("rotated again")
    assert credentials.authorization() == "Bearer rotated"


def test_error_outside_a_pod_names_the_two_options(folder: Path) -> None:
    with pytest.raises(NotConfiguredError) as raised:
        ServiceAccountCredentials(str(folder), {"PATH": "/bin"})

    text = str(raised.value)
    assert "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set" in text
    assert "Run Airflow in a pod" in text
    assert '{"kubeconfig": "…"}' in text
    assert "KUBECONFIG" in text


@pytest.mark.parametrize("name", ["token", "ca.crt"])
@pytest.mark.parametrize("content", [None, b"", b" \n", b"hunter2\xff"], ids=["missing", "empty", "blank", "not text"])
def test_an_unusable_file_is_named(folder: Path, name: str, content: bytes | None) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)

    with pytest.raises(NotConfiguredError, match="service_account_path") as raised:
        ServiceAccountCredentials(str(folder), POD)

    assert str(folder / name) in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in repr(raised.value.__context__)


def test_invalid_ca_certificate_is_named(folder: Path) -> None:
    (folder / "ca.crt").write_text("not a certificate")

    with pytest.raises(NotConfiguredError, match=r"ca\.crt contains no usable CA certificate"):
        ServiceAccountCredentials(str(folder), POD).tls()


@pytest.mark.parametrize("port", ["https", "0", "65536", "-1", "tcp://10.0.0.1:443"])
def test_invalid_port(folder: Path, port: str) -> None:
    """Kubernetes sets a variable of this form for a Service called kubernetes."""
    with pytest.raises(NotConfiguredError, match="KUBERNETES_SERVICE_PORT is not a port number"):
        ServiceAccountCredentials(str(folder), {**POD, "KUBERNETES_SERVICE_PORT": port})


def test_namespace_of_the_pod(folder: Path) -> None:
    (folder / "namespace").write_text("analytics\n")

    assert ServiceAccountCredentials(str(folder), POD).namespace() == "analytics"


def test_error_for_a_missing_namespace_names_the_option(folder: Path) -> None:
    (folder / "namespace").unlink()

    with pytest.raises(NotConfiguredError, match="set 'namespace' in backend_kwargs"):
        ServiceAccountCredentials(str(folder), POD).namespace()


@pytest.mark.parametrize("content", ["a/b?x=#y", "A", "a b", "x" * 64])
def test_invalid_namespace_is_not_sent(folder: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "namespace").write_text(content)
    for name, value in POD.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(NotConfiguredError, match=r"is not a valid name\. Set 'namespace'"):
        ApiSource.from_options(Options(service_account_path=str(folder)))


def test_no_credential_is_in_a_repr(folder: Path) -> None:
    credentials = ServiceAccountCredentials(str(folder), POD)

    assert "a.b.c" not in repr(credentials)
    assert "a.b.c" not in credentials.source


PYTHON_313 = find_python("3.13")


@pytest.mark.skipif(
    PYTHON_313 is None, reason="needs Python 3.13 (on PATH or in pyenv), the first that is strict about CAs"
)
def test_a_ca_without_key_usage_in_python_3_13(kube_apiserver_cluster: Cluster) -> None:
    """``VERIFY_X509_STRICT`` in Python 3.13 rejects such a CA, which this server has. The client must accept it."""
    cluster = kube_apiserver_cluster
    account = cluster.service_account("default", "strict", {"default": ["list"]})
    program = """
import ssl, socket, sys
from airflow_kubernetes_secrets.kubernetes.http_connection import HttpConnection
from airflow_kubernetes_secrets.kubernetes.credentials import ServiceAccountCredentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http1 import Request

folder, host, port = sys.argv[1:]
strict = ssl.create_default_context(cafile=folder + "/ca.crt")
try:
    strict.wrap_socket(socket.create_connection((host, int(port)), timeout=180), server_hostname=host)
except ssl.SSLCertVerificationError as error:
    print("strict:", error.verify_message)
credentials = ServiceAccountCredentials(folder, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port})
connection = HttpConnection(credentials.endpoint, credentials.tls(), Deadline(20))
request = Request("/api/v1/namespaces/default/secrets", {"Authorization": credentials.authorization()})
print("answer:", connection.send(request, Deadline(20)).status)
connection.close()
"""
    assert PYTHON_313 is not None
    source = Path(__file__).parents[2] / "src"

    done = subprocess.run(
        [PYTHON_313, "-W", "ignore::ResourceWarning", "-c", program, account.folder, cluster.host, str(cluster.port)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    refused, answer = done.stdout.splitlines()
    assert refused.startswith("strict: ")
    assert answer == "answer: 200"
