"""Files of a pod's service account that are unreadable for a while: the previous content is used, with one warning."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError, UnauthorizedError
from airflow_kubernetes_secrets.kubernetes import credentials
from support.cluster import Cluster
from support.errors import everything_about
from support.faults import answer_with
from support.logs import log_messages
from support.proxy import Proxy
from support.secrets import MakeBackend, Put

MARKER = "hunter2"


@pytest.fixture(autouse=True)
def read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the token be read again for each request, as if a minute had passed."""
    monkeypatch.setattr(credentials, "_TOKEN_SECONDS", 0)


@pytest.fixture
def folder(proxied: MakeBackend, proxy: Proxy) -> Path:
    """Return the mounted folder of the test's backends."""
    [folder] = proxy.ca_file.parent.glob("serviceaccount-*")
    return folder


def remove(path: Path) -> None:
    path.unlink()


def replace_by_a_folder(path: Path) -> None:
    """Replace a file by a folder, which even root cannot read as a file."""
    path.unlink()
    path.mkdir()


def write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (remove, "cannot be read: No such file or directory"),
    "replaced by a folder": (replace_by_a_folder, "cannot be read: Is a directory"),
    "empty": (write(b""), "is empty"),
    "blank": (write(b" \n"), "is empty"),
    "not ASCII": (write(b"\xff" + MARKER.encode()), "is not plain text"),
    "in UTF-16": (write(MARKER.encode("utf-16")), "is not plain text"),
    "a line break": (
        write(f"{MARKER}\r\nX-Remote-User: admin".encode()),
        "contains characters that HTTP does not allow",
    ),
}
unusable = pytest.mark.parametrize(("spoil", "problem"), UNUSABLE.values(), ids=UNUSABLE)


def restored(path: Path, content: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    path.write_bytes(content)


@unusable
def test_previous_token_is_used_with_one_warning(
    proxied: MakeBackend,
    proxy: Proxy,
    folder: Path,
    put: Put,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], object],
    problem: str,
) -> None:
    put.variable("x", "found")
    backend, path = proxied(), folder / "token"
    content = path.read_bytes()
    assert backend.get_variable("x") == "found"

    spoil(path)

    assert [backend.get_variable("x") for _ in range(3)] == ["found"] * 3
    assert {request.headers["authorization"] for request in proxy.requests} == {f"Bearer {content.decode()}"}
    [line] = log_messages(caplog)
    assert line.startswith(f"{path} {problem}. Its previous content is used")
    assert "restart the pod" in line
    assert MARKER not in caplog.text
    assert content.decode() not in caplog.text


def test_each_new_failure_to_read_the_token_is_logged(
    proxied: MakeBackend, proxy: Proxy, folder: Path, put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    put.variable("x", "found")
    backend, path = proxied(), folder / "token"
    content = path.read_bytes()
    assert backend.get_variable("x") == "found"

    for times in (1, 2):
        path.write_bytes(b"")
        assert backend.get_variable("x") == "found"
        restored(path, content)
        assert backend.get_variable("x") == "found"
        assert len(log_messages(caplog)) == times


def test_token_that_is_rotated_late_is_used_by_the_next_request(
    proxied: MakeBackend, proxy: Proxy, folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request does not wait until the file would be read again otherwise."""
    monkeypatch.setattr(credentials, "_TOKEN_SECONDS", 1)
    put.variable("x", "found")
    backend, path = proxied(), folder / "token"
    assert backend.get_variable("x") == "found"
    path.write_bytes(b"")
    time.sleep(1)
    assert backend.get_variable("x") == "found"

    # The API server does not know this token.
    path.write_bytes(b"rotated")
    with pytest.raises(UnauthorizedError):
        backend.get_variable("x")

    assert proxy.requests[-2].headers["authorization"] == "Bearer rotated"


@unusable
def test_after_a_401_an_unusable_token_is_an_error(
    proxied: MakeBackend,
    proxy: Proxy,
    folder: Path,
    put: Put,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], object],
    problem: str,
) -> None:
    put.variable("x", "found")
    backend, path = proxied(), folder / "token"
    content = path.read_bytes()
    assert backend.get_variable("x") == "found"
    spoil(path)
    proxy.always = answer_with(401)

    with pytest.raises(UnauthorizedError) as raised:
        backend.get_variable("x")

    text = str(raised.value)
    assert f"the Kubernetes API at 127.0.0.1:{proxy.port} does not accept the service account's token in {path}" in text
    assert f"it cannot be read again: {path} {problem}" in text
    assert "service_account_path" in text
    for hidden in (MARKER, content.decode()):
        assert hidden not in everything_about(raised.value)
        assert hidden not in caplog.text

    proxy.always = None
    restored(path, content)
    assert backend.get_variable("x") == "found"


@pytest.mark.parametrize("freshness", ["indexed"], indirect=True)
def test_after_a_401_cached_values_are_discarded(proxied: MakeBackend, proxy: Proxy, folder: Path, put: Put) -> None:
    put.variable("x", "found")
    backend = proxied()
    assert backend.get_variable("x") == "found"
    (folder / "token").unlink()
    proxy.always = answer_with(401)

    with pytest.raises(UnauthorizedError):
        backend.get_config("anything")

    with pytest.raises(UnauthorizedError):
        backend.get_variable("x")


_NO_CA = "contains no usable CA certificate: "
CA_UNUSABLE = {
    **{name: UNUSABLE[name] for name in ("missing", "replaced by a folder")},
    **{name: (UNUSABLE[name][0], _NO_CA) for name in ("empty", "not ASCII")},
}


@pytest.mark.parametrize(("spoil", "problem"), CA_UNUSABLE.values(), ids=CA_UNUSABLE)
def test_previous_ca_is_used(
    proxied: MakeBackend,
    proxy: Proxy,
    folder: Path,
    put: Put,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], object],
    problem: str,
) -> None:
    put.variable("x", "found")
    backend, path = proxied(), folder / "ca.crt"
    content = path.read_bytes()
    assert backend.get_variable("x") == "found"

    for times in (1, 2):
        spoil(path)
        for _ in range(2):
            proxy.cut()
            assert backend.get_variable("x") == "found"
        restored(path, content)
        proxy.cut()
        assert backend.get_variable("x") == "found"
        lines = log_messages(caplog)
        assert len(lines) == times
        assert lines[-1].startswith(f"{path} {problem}")
        assert "restart the pod" in lines[-1]


def test_unreadable_ca_does_not_make_another_server_trusted(
    proxied: MakeBackend, cluster: Cluster, proxy: Proxy, folder: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put.variable("x", "found")
    backend = proxied(timeout=2)
    assert backend.get_variable("x") == "found"
    (folder / "ca.crt").unlink()

    with Proxy(cluster, has_own_ca=True) as another:
        proxy.refuse()
        another_port = another.port
        for name, value in another.pod_environment().items():
            monkeypatch.setenv(name, value)
        # This is a separate source whose CA was read before the file was removed.
        shutil.copyfile(proxy.ca_file, folder / "ca.crt")
        with pytest.raises(ApiUnavailableError, match=f"{another_port} could not be read: its certificate"):
            backend.get_variable("x")
        (folder / "ca.crt").unlink()
        with pytest.raises(ApiUnavailableError, match=f"{another_port} could not be read: its certificate"):
            backend.get_variable("x")
