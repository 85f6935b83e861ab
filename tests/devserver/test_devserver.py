"""DevServer as a library."""

from __future__ import annotations

import json
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets_devserver import DevServer, StatusError
from support.kube_apiserver import bearer, trust

PASSWORD = "geheim-4711"


@pytest.fixture
def server() -> Iterator[DevServer]:
    with DevServer(bookmark_seconds=0.2, history=5) as server:
        yield server


@pytest.fixture
def client(server: DevServer) -> Iterator[httpx.Client]:
    token = server.create_token("admin", None)
    with httpx.Client(base_url=server.url, verify=trust(server.ca_file), headers=bearer(token), timeout=180) as client:
        yield client


def test_apply_and_delete(server: DevServer) -> None:
    made = server.apply({"metadata": {"name": "a"}, "stringData": {"k": "v"}})
    assert made["metadata"]["namespace"] == "airflow"
    changed = server.apply({"metadata": {"name": "a", "namespace": "airflow"}, "stringData": {"k": "w"}})
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]
    assert server.apply({"metadata": {"name": "b", "namespace": "new"}})["metadata"]["namespace"] == "new"
    assert server.apply({"kind": "Namespace", "metadata": {"name": "other"}})["status"] == {"phase": "Active"}
    server.delete("a")
    with pytest.raises(StatusError, match='secrets "a" not found'):
        server.delete("a")
    server.delete("new", kind="Namespace")
    with pytest.raises(StatusError, match="has Secrets, ConfigMaps and Namespaces, no Pod"):
        server.apply({"kind": "Pod", "metadata": {"name": "p"}})


def test_what_used_it_says_that_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal still has its variables, so nothing is in the folder that they name."""
    with DevServer() as ended:
        for name, value in ended.environment().items():
            monkeypatch.setenv(name, value)
        kwargs = json.loads(os.environ["AIRFLOW__SECRETS__BACKEND_KWARGS"])

    expected = "The devserver that wrote it has ended. Start a devserver again, and use the environment variables of"
    with pytest.raises(KubernetesSecretsError, match=expected):
        KubernetesSecretsBackend(**kwargs).get_conn_value("x")


def test_apply_returns_a_copy(server: DevServer, client: httpx.Client) -> None:
    """A test changes it and applies it again. That is a change like any other."""
    found = server.apply({"metadata": {"name": "a", "labels": {"x": "1"}}})
    found["metadata"]["labels"]["x"] = "2"
    path = "/api/v1/namespaces/airflow/secrets/a"
    assert client.get(path).json()["metadata"]["labels"] == {"x": "1"}
    changed = server.apply(found)
    assert changed["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]
    assert client.get(path).json()["metadata"]["labels"] == {"x": "2"}


def test_deleting_a_namespace_deletes_its_secrets(server: DevServer, client: httpx.Client) -> None:
    server.apply({"metadata": {"name": "b", "namespace": "new"}})
    assert client.delete("/api/v1/namespaces/new").json()["status"] == "Success"
    assert client.get("/api/v1/namespaces/new/secrets/b").status_code == 404


def test_client_that_disconnects_during_a_request_causes_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with DevServer() as server:
        token = server.create_token("admin", None)
        request = f"POST /api/v1/namespaces HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 100"
        for _ in range(5):
            with (
                socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain,
                trust(server.ca_file).wrap_socket(plain, server_hostname="127.0.0.1") as sock,
            ):
                sock.sendall(f"{request}\r\n\r\n{{".encode())
            with httpx.Client(base_url=server.url, verify=trust(server.ca_file), headers=bearer(token)) as client:
                assert client.get("/version", timeout=20).status_code == 200
    # The server has ended, and with it each request.
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_token_can_be_revoked(server: DevServer) -> None:
    token = server.create_token("someone", {"airflow": ["list"]})
    with httpx.Client(verify=trust(server.ca_file), headers=bearer(token), timeout=180) as client:
        url = f"{server.url}/api/v1/namespaces/airflow/secrets"
        assert client.get(url).status_code == 200
        server.revoke_token(token)
        assert client.get(url).status_code == 401


def test_restored_undoes_the_changes_of_a_block(server: DevServer, client: httpx.Client) -> None:
    def secrets() -> dict[str, str]:
        items = client.get("/api/v1/secrets").json()["items"]
        return {each["metadata"]["name"]: each.get("data", {}).get("k", "") for each in items}

    def status(token: str) -> int:
        return client.get("/api/v1/namespaces/airflow/secrets", headers=bearer(token)).status_code

    for name in ("same", "changed", "removed"):
        server.apply({"metadata": {"name": name}, "data": {"k": "AAAA"}})
    revoked = server.create_token("someone", {"airflow": ["list"]})
    before, version = secrets(), client.get("/api/v1/secrets").json()["metadata"]["resourceVersion"]

    with server.restored():
        server.apply({"metadata": {"name": "changed"}, "data": {"k": "BBBB"}})
        server.delete("removed")
        server.apply({"metadata": {"name": "held", "namespace": "new", "finalizers": ["example.com/held"]}})
        new = server.create_token("another", {"airflow": ["list"]})
        server.revoke_token(revoked)
        assert secrets() == {"same": "AAAA", "changed": "BBBB", "held": ""}
        assert (status(new), status(revoked)) == (200, 401)

    assert secrets() == before
    assert client.get("/api/v1/namespaces/new").status_code == 404
    assert (status(new), status(revoked)) == (401, 200)
    assert int(client.get("/api/v1/secrets").json()["metadata"]["resourceVersion"]) > int(version)


def test_server_can_stop_inside_a_restored_block(server: DevServer) -> None:
    with server.restored():
        server.stop()
    assert not server.running


def test_bookmarks_are_sent_at_the_interval_and_at_the_end(client: httpx.Client) -> None:
    query = {"watch": "1", "timeoutSeconds": "1", "allowWatchBookmarks": "true"}
    events = client.get("/api/v1/namespaces/airflow/secrets", params=query).text.splitlines()
    assert 4 <= len(events) <= 6
    assert {json.loads(event)["type"] for event in events} == {"BOOKMARK"}


def test_history_is_limited(server: DevServer, client: httpx.Client) -> None:
    version = server.apply({"metadata": {"name": "a"}})["metadata"]["resourceVersion"]
    for number in range(6):
        server.apply({"metadata": {"name": f"b{number}"}})
    query = {"watch": "1", "timeoutSeconds": "1", "resourceVersion": version}
    (event,) = client.get("/api/v1/namespaces/airflow/secrets", params=query).text.splitlines()
    assert json.loads(event)["object"]["code"] == 410


def test_a_restart_makes_old_versions_too_old(server: DevServer, client: httpx.Client) -> None:
    version = client.get("/api/v1/secrets").json()["metadata"]["resourceVersion"]
    with DevServer() as second:
        token = second.create_token("admin", None)
        with httpx.Client(verify=trust(second.ca_file), headers=bearer(token), timeout=180) as other:
            query = {"watch": "1", "timeoutSeconds": "1", "resourceVersion": version}
            event = other.get(f"{second.url}/api/v1/secrets", params=query).text
    assert json.loads(event)["object"]["code"] == 410


def test_stop_ends_open_watches_and_removes_the_files(client: httpx.Client, server: DevServer) -> None:
    with client.stream("GET", "/api/v1/secrets", params={"watch": "1"}) as response:
        timer = threading.Timer(0.2, server.stop)
        began = time.monotonic()
        timer.start()
        assert list(response.iter_lines()) == []
        # The client still has its connection open, and does not know that it should close it.
        timer.join()
    # Without an end, the watch would last for half an hour.
    assert time.monotonic() - began < 20
    assert not server.running
    assert not server.kubeconfig.exists()
    assert not server.ca_file.parent.exists()
    with pytest.raises(httpx.ConnectError):
        client.get("/version")
    server.stop()
    with pytest.raises(RuntimeError, match="use it in a `with` statement"):
        server.apply({"metadata": {"name": "x"}})


def test_error_before_the_start_names_the_with_statement() -> None:
    with pytest.raises(RuntimeError, match="use it in a `with` statement"):
        DevServer().apply({"metadata": {"name": "x"}})


@pytest.mark.parametrize("host", ["192.0.2.1", "::"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="listens on loopback only"):
        DevServer(host=host)


def test_other_loopback_addresses_refuse_connections(server: DevServer) -> None:
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", server.port), timeout=5):
        pass


def test_ipv6() -> None:
    with DevServer(host="::1") as server:
        assert server.url == f"https://[::1]:{server.port}"
        assert server.environment()["KUBERNETES_SERVICE_HOST"] == "::1"
        assert httpx.get(f"{server.url}/readyz", verify=trust(server.ca_file), timeout=180).text == "ok"


def test_certificate_passes_strict_verification(server: DevServer) -> None:
    context = ssl.create_default_context(cafile=str(server.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with httpx.Client(verify=context, timeout=180) as client:
        for name in ("127.0.0.1", "localhost", "kubernetes.default.svc"):
            # Each name needs a new connection, because a handshake has one name.
            headers = {"Connection": "close"}
            answer = client.get(f"{server.url}/readyz", headers=headers, extensions={"sni_hostname": name})
            assert answer.text == "ok"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            client.get(f"{server.url}/readyz", extensions={"sni_hostname": "example.com"})
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(server.url, timeout=5)


def test_values_are_never_shown(
    server: DevServer, client: httpx.Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="airflow_kubernetes_secrets")
    caplog.set_level(logging.DEBUG, logger="uvicorn")
    encoded = "Z2VoZWltLTQ3MTE="
    url = "/api/v1/namespaces/airflow/secrets"
    server.apply({"metadata": {"name": "a"}, "stringData": {"k": PASSWORD}})
    answers = [
        client.post(url, json={"metadata": {"name": "b"}, "data": {"k": PASSWORD}}),
        client.post(url, json={"metadata": {"name": "b"}, "data": {"k": [PASSWORD]}}),
        client.post(url, content=f'{{"data": {{"k": "{PASSWORD}"', headers={"Content-Type": "application/json"}),
        client.post(url, content=f"data: *{PASSWORD}", headers={"Content-Type": "application/yaml"}),
        client.patch(
            f"{url}/a",
            json=[{"op": "test", "path": "/data/k", "value": PASSWORD}],
            headers={"Content-Type": "application/json-patch+json"},
        ),
        client.patch(
            f"{url}/a", json={"data": {"k": PASSWORD}}, headers={"Content-Type": "application/merge-patch+json"}
        ),
        client.post(url, json={"metadata": {"name": "b"}, "type": "kubernetes.io/tls", "data": {"k": encoded}}),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500, answer.text
        assert PASSWORD not in answer.text
        assert encoded not in answer.text
    with pytest.raises(StatusError) as caught:
        server.apply({"metadata": {"name": "b"}, "data": {"k": PASSWORD}})
    shown = [
        repr(caught.value),
        repr(server),
        repr(server._store),
        repr(server._store.since(server._store.version - 1)),
        repr(server._access),
        caplog.text,
        *capfd.readouterr(),
    ]
    for text in shown:
        assert PASSWORD not in text
        assert encoded not in text
        assert not any(token in text for token in server._access.users)


def test_protocol_buffers(client: httpx.Client) -> None:
    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def entry(number: int, key: bytes, value: bytes) -> bytes:
        return field(number, field(1, key) + field(2, value))

    metadata = field(1, b"p") + entry(11, b"app", b"x") + entry(12, b"note", b"y") + bytes([7 << 3, 1])
    secret = field(1, metadata) + entry(2, b"raw", b"\x00\xff") + field(3, b"example.com/t") + entry(4, b"k", b"v")
    kind = field(1, b"v1") + field(2, b"Secret")
    body = b"k8s\x00" + field(1, kind) + field(2, secret + bytes([5 << 3, 1])) + field(4, b"ignored")
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    url = "/api/v1/namespaces/airflow/secrets"
    made = client.post(url, content=body, headers=headers).json()
    assert made["data"] == {"k": "dg==", "raw": "AP8="}
    assert (made["type"], made["immutable"]) == ("example.com/t", True)
    assert (made["metadata"]["labels"], made["metadata"]["annotations"]) == ({"app": "x"}, {"note": "y"})
    options = b"k8s\x00" + field(1, field(1, b"v1") + field(2, b"DeleteOptions"))
    dry = options + field(2, field(5, b"All"))
    assert client.request("DELETE", f"{url}/p", content=dry, headers=headers).status_code == 200
    wrong = options + field(2, field(2, field(1, b"other")))
    assert client.request("DELETE", f"{url}/p", content=wrong, headers=headers).status_code == 409
    right = options + field(2, field(2, field(1, made["metadata"]["uid"].encode())))
    assert client.request("DELETE", f"{url}/p", content=right, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"k8s\x00", b"k8s\x00\x0a", b"k8s\x00\xff\xff", b"k8s\x00" + b"\xff" * 20, b"k8s\x00\x0a\x05\x12\x03Pod"],
)
def test_invalid_protocol_buffers(client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    answer = client.post("/api/v1/namespaces/airflow/secrets", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
