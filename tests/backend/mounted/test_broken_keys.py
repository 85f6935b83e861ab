"""One bad file in the folder of a mounted Secret: the lookup fails, and never returns a miss or a partial Secret."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from support.logs import log_messages
from support.manifest_texts import manifest
from support.volumes import Volume

FIELDS = {"host": "db", "conn_type": "mysql", "type": "mysql", "password": "hunter2"}
OTHER_USERS = 0o600
DENIED = "cannot be read by Airflow's user (permission denied). Set fsGroup"
ALL_PLACES = pytest.mark.parametrize("place", ["connections/c1", "c1", "secrets/c1"])


def fields_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, value in FIELDS.items():
        (folder / name).write_text(value)
    return folder


def backend_of(mount: Path, place: str) -> KubernetesSecretsBackend:
    references = {"references": {"connections": {"c1": "c1"}}} if place.startswith("secrets") else {}
    return KubernetesSecretsBackend(path=str(mount), **references)


def check_fails(mount: Path, place: str, text: str) -> None:
    """Check that the lookup fails, with the only error that the commands report."""
    with pytest.raises(MountedFileError) as raised:
        backend_of(mount, place).get_conn_value("c1")
    assert str(raised.value).startswith(text)
    folder = Folder(str(mount), Options(path=str(mount)))
    assert list(folder.problems()) == [str(raised.value)]
    assert [each.text for each in folder.layout_mistakes()] == []


@ALL_PLACES
class TestUnreadable:
    @pytest.mark.parametrize("name", ["key.json", "tls.yaml", "password"])
    def test_a_file_of_another_user(
        self, mount: Path, as_airflow: Callable[[Callable[[], object]], None], place: str, name: str
    ) -> None:
        folder = fields_in(mount / place)
        (folder / name).write_text("{}")
        (folder / name).chmod(OTHER_USERS)

        as_airflow(lambda: check_fails(mount, place, f"{folder}/{name} {DENIED}"))

    def test_in_a_volume(self, mount: Path, as_airflow: Callable[[Callable[[], object]], None], place: str) -> None:
        Volume(mount / place).write({**FIELDS, "key.json": "{}"})
        (mount / place / "key.json").resolve().chmod(OTHER_USERS)

        as_airflow(lambda: check_fails(mount, place, f"{mount}/{place}/key.json {DENIED}"))

    def test_a_folder_of_another_user(
        self, mount: Path, as_airflow: Callable[[Callable[[], object]], None], place: str
    ) -> None:
        """Subfolders are ignored, whatever is in them."""
        sub = fields_in(mount / place) / "sub"
        sub.mkdir(mode=0o700)

        def check() -> None:
            assert "hunter2" in str(backend_of(mount, place).get_conn_value("c1"))
            folder = Folder(str(mount), Options())
            assert list(folder.problems()) == []
            [mistake] = folder.layout_mistakes()
            assert mistake.text.startswith(f"{sub} is a folder in a mounted Secret, so nothing reads it. Move them up.")

        as_airflow(check)

    def test_the_whole_folder(
        self, mount: Path, as_airflow: Callable[[Callable[[], object]], None], place: str
    ) -> None:
        folder = fields_in(mount / place)
        folder.chmod(0o700)

        def check() -> None:
            with pytest.raises(MountedFileError, match="denied"):
                backend_of(mount, place).get_conn_value("c1")

        as_airflow(check)


def test_permissions_that_change_in_a_running_process(
    mount: Path, backend: KubernetesSecretsBackend, as_airflow: Callable[..., None]
) -> None:
    folder = fields_in(mount / "connections" / "c1")
    key = folder / "key.json"
    key.write_text("{}")
    assert "hunter2" in str(backend.get_conn_value("c1"))
    if os.getuid() == 0:
        os.chown(key, 65534, 65534)

    def check() -> None:
        assert "hunter2" in str(backend.get_conn_value("c1"))
        key.chmod(0)
        with pytest.raises(MountedFileError, match=r"key\.json cannot be read"):
            backend.get_conn_value("c1")
        key.chmod(OTHER_USERS)
        assert "hunter2" in str(backend.get_conn_value("c1"))

    as_airflow(check)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def through_a_file(path: Path) -> None:
    path.symlink_to("host/below")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


@ALL_PLACES
@pytest.mark.parametrize("name", ["password", "extra.json"])
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (loop, "is a link that leads back to itself. Replace it by a file or folder"),
        (dangling, "is a link that leads nowhere. Correct or remove it"),
        (through_a_file, "is a link that leads nowhere. Correct or remove it"),
        (fifo, "is neither a file nor a folder. Replace it by a file, or remove it"),
        (unix_socket, "is neither a file nor a folder. Replace it by a file, or remove it"),
    ],
)
def test_broken_links_and_special_files_as_keys(
    mount: Path, monkeypatch: pytest.MonkeyPatch, place: str, name: str, make: Callable[[Path], None], text: str
) -> None:
    folder = fields_in(mount / place)
    (folder / "password").unlink()
    monkeypatch.chdir(folder)
    make(folder / name)

    check_fails(mount, place, f"{folder}/{name} {text}")


@ALL_PLACES
@pytest.mark.parametrize("text", ["a: [", "{{ .x }}", "kind: Secret\nmetadata: {name: 7}\n", "- kind: Secret\n"])
@pytest.mark.parametrize("is_volume", [True, False])
def test_key_with_the_name_of_a_manifest(
    mount: Path, caplog: pytest.LogCaptureFixture, place: str, text: str, is_volume: bool
) -> None:
    """It has the name of a manifest only by chance."""
    if is_volume:
        Volume(mount / place).write({**FIELDS, "tls.yaml": text})
    else:
        (fields_in(mount / place) / "tls.yaml").write_text(text)

    assert "hunter2" in str(backend_of(mount, place).get_conn_value("c1"))
    assert log_messages(caplog) == []
    assert list(Folder(str(mount), Options()).problems()) == []


def test_a_broken_manifest_in_a_subfolder(mount: Path) -> None:
    sub = fields_in(mount / "connections" / "c1") / "sub"
    sub.mkdir()
    (sub / "x.yaml").write_text("[")

    assert "hunter2" in str(backend_of(mount, "").get_conn_value("c1"))


def test_a_manifest_that_breaks_later(mount: Path, backend: KubernetesSecretsBackend) -> None:
    """Its previous Secret is still used, so its folder is still one of manifests."""
    prod = mount / "variables" / "prod"
    prod.mkdir(parents=True)
    (prod / "value").write_text("hunter2")
    (prod / "x.yaml").write_text(manifest("x", "found"))
    assert (backend.get_variable("x"), backend.get_variable("prod")) == ("found", None)
    (prod / "x.yaml").write_text("[")
    assert (backend.get_variable("x"), backend.get_variable("prod")) == ("found", None)


@ALL_PLACES
@pytest.mark.parametrize("name", ["pass word", "größe", "sub"])
def test_entry_that_is_not_a_valid_key(mount: Path, caplog: pytest.LogCaptureFixture, place: str, name: str) -> None:
    """The rest of the Secret is used, and one warning names it."""
    folder = fields_in(mount / place)
    if name == "sub":
        (folder / name).mkdir()
    else:
        (folder / name).write_text("hunter2")
    backend = backend_of(mount, place)

    for _ in range(2):
        assert "hunter2" in str(backend.get_conn_value("c1"))
    [warning] = log_messages(caplog)
    assert warning.startswith(f"{folder}: nothing reads {name!r} in this folder. ")
    [mistake] = Folder(str(mount), Options()).layout_mistakes()
    assert mistake.text.startswith(f"{folder}/{name}")
