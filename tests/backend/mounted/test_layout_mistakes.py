"""Mistakes in the layout of a folder are reported, each with its path and a remedy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from support.layouts import misnamed, mistakes, write
from support.logs import log_messages
from support.manifest_texts import manifest
from support.volumes import Volume

URI = "postgres://scott:hunter2@db.example.com:5432/shop"


def layout_of(mount: Path) -> list[str]:
    """Return what is reported about the layout of a folder in which something cannot be read."""
    found = Folder(str(mount), Options()).layout_mistakes()
    return [each.text.replace(f"{mount}/", "") for each in found]


def test_a_folder_that_does_not_exist_is_a_failure(mount: Path) -> None:
    options = Options(path=str(mount / "nowhere"))
    inventory = inventory_of(location_of(options), options)
    assert len(inventory.failures) == 1


class TestFoldersOfKinds:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("connection", "connections"),
            ("Connections", "connections"),
            ("CONNECTIONS", "connections"),
            ("conns", "connections"),
            ("variable", "variables"),
            ("vars", "variables"),
            ("configs", "config"),
            ("conf", "config"),
            ("secret", "secrets"),
            ("airflow-connections", "connections"),
            ("configuration", "config"),
        ],
    )
    @pytest.mark.parametrize("below", ["my_db", "my_db/host", "my_db/key.json"])
    def test_a_misspelt_name(self, mount: Path, name: str, meant: str, below: str) -> None:
        if name in ("airflow-connections", "configuration"):
            below = "my_db"  # a folder with another name can contain anything but values
        write(mount / name / below, "{}")

        assert mistakes(mount) == [
            f"{name}: nothing reads this folder. The folders with mounted files are connections, variables, config and "
            f"secrets; did you mean {meant!r}? Rename it"
        ]

    def test_manifests_may_be_in_a_folder_of_any_name(self, mount: Path) -> None:
        for name in ("connection", "secret", "prod/connections"):
            write(mount / name / "x.yaml", manifest("x", "found"))
            write(mount / name / "README")
            (mount / name / "x.yaml").write_text(manifest(name.replace("/", "-"), "found", name=name.replace("/", "-")))
        write(mount / "kustomization.yaml", "resources: [connection]")
        write(mount / "README.md")
        write(mount / "scripts" / "rotate.sh")

        assert mistakes(mount) == []

    def test_folder_of_a_kind_that_is_too_deep(self, mount: Path) -> None:
        write(mount / "airflow" / "connections" / "my_db", URI)

        [text] = mistakes(mount)
        assert text == (
            "airflow/connections is too deep, so nothing reads it. Move it to connections, or set 'path' in "
            f"backend_kwargs to {mount}/airflow"
        ).replace(f"{mount}/", "")

    @pytest.mark.parametrize(
        ("folder", "name", "remedy"),
        [
            ("mount", "my_db", "Move it to connections, variables or config"),
            ("connections", "my_db", "Set 'path' in backend_kwargs to the folder above"),
            ("binding", "type", "Set 'path' in backend_kwargs to the folder above"),
        ],
    )
    def test_file_outside_the_folders_of_kinds(self, mount: Path, folder: str, name: str, remedy: str) -> None:
        write(mount / folder / name)

        expected = f"{name} is directly in the folder of 'path', so nothing reads it. {remedy}"
        assert mistakes(mount / folder) == [expected]

    def test_a_binding_without_type(self, mount: Path) -> None:
        Volume(mount / "account-db").write({"host": "db", "password": "hunter2"})
        Volume(mount / "complete").write({"type": "mysql", "host": "db", "password": "hunter2"})

        [text] = mistakes(mount)
        assert text.startswith("account-db contains 'host', 'password' and no file 'type', so it is no service binding")

    def test_a_label_that_is_null(self, mount: Path) -> None:
        write(mount / "variables" / "x")
        write(mount / "connections" / "x", URI)

        assert mistakes(mount, variables_label=None) == [
            "variables: nothing reads it, because variables_label is null in backend_kwargs. Remove the folder or the "
            "option"
        ]

    def test_a_service_binding_while_the_label_is_null(self, mount: Path) -> None:
        write(mount / "x" / "type", "mysql")
        write(mount / "x" / "host")

        assert mistakes(mount, connections_label=None) == [
            "x: nothing reads this service binding, because connections_label is null in backend_kwargs. Remove the "
            "folder or the option"
        ]


class TestNamesLikeThoseOfManifests:
    @pytest.mark.parametrize("name", ["my_db.json", "my_db.yaml", "my_db.yml"])
    @pytest.mark.parametrize("field", ["conn_type", "kind", "apiVersion"])
    def test_value_with_the_name_of_a_manifest(self, mount: Path, name: str, field: str) -> None:
        """A value can have a field with the name ``kind``. In a manifest, there is an API version too."""
        write(mount / "connections" / name, json.dumps({field: "http", "password": "hunter2"}))

        expected = [
            f"connections/{name} has the name of a manifest and contains none (no 'apiVersion' with 'kind'), so "
            f"nothing reads it. Name it 'my_db' if that is the id. For the id {name!r}, name it {name}/value"
        ]
        assert mistakes(mount) == misnamed(mount, "connections", name) == expected
        assert misnamed(mount, "connections", "my_db") == expected
        assert misnamed(mount, "variables", "my_db") == misnamed(mount, "connections", "other") == []

    def test_a_plain_folder_of_keys(
        self, mount: Path, backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(mount / "connections" / "gcp" / "key.json", '{"type": "service_account", "private_key": "hunter2"}')

        [text] = mistakes(mount)
        assert text.startswith(
            "connections/gcp is read as a folder of manifests, because the names of all its files end with .yaml, .yml "
            "or .json; but 'key.json' contains none. For a Secret with such keys, mount a volume there"
        )
        assert misnamed(mount, "connections", "gcp") == [text]
        for _ in range(2):
            assert backend.get_conn_value("gcp") is None
        assert [each.replace(f"{mount}/", "") for each in log_messages(caplog)] == [text]
        # The remedies work.
        write(mount / "connections" / "gcp" / "type", "google_cloud_platform")
        assert mistakes(mount) == []
        assert backend.get_conn_value("gcp") is not None

    def test_keys_of_a_volume_are_not_reported(self, mount: Path, backend: KubernetesSecretsBackend) -> None:
        Volume(mount / "variables" / "x").write({"value": "found", "value.json": "{}"})

        assert backend.get_variable("x") == "found"
        assert mistakes(mount) == []

    def test_manifests_of_other_kinds(
        self, mount: Path, backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(mount / "connections" / "prod" / "app.yaml", "kind: Deployment\napiVersion: apps/v1\n")

        assert backend.get_conn_value("prod") is None
        assert mistakes(mount) == log_messages(caplog) == []

    def test_manifests_and_keys(self, mount: Path) -> None:
        write(mount / "connections" / "my_db" / "x.yaml", manifest("x", "found"))
        write(mount / "connections" / "my_db" / "README.md")
        assert mistakes(mount) == []
        write(mount / "connections" / "my_db" / "host", "db")

        expected = [
            "connections/my_db contains a manifest, so it is read as a folder of manifests, and nothing reads 'host'. "
            "Move the manifests to another folder"
        ]
        assert mistakes(mount) == misnamed(mount, "connections", "my_db") == expected

    def test_a_manifest_without_kind(self, mount: Path) -> None:
        write(mount / "prod" / "x.yaml", "metadata: {name: x}\nstringData: {value: hunter2}\n")
        write(mount / "values.yaml", "a: b")

        assert mistakes(mount) == [
            "prod/x.yaml has the name of a manifest and contains none (no 'apiVersion' with 'kind'), so nothing reads "
            "it. Add both, or remove the file"
        ]


def fifo(path: Path) -> None:
    os.mkfifo(path)


def empty_folder(path: Path) -> None:
    path.mkdir()


def deep(path: Path) -> None:
    write(path / "eu" / "value")


class TestUnusableFilesAndFolders:
    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (empty_folder, "is an empty folder, so nothing reads it. Add a file for each key, or remove it"),
            (
                deep,
                "contains folders only, which are too deep to be read. Move them up. If the id is 'x/eu', the name of "
                f"its file or folder is {label_value('x/eu')!r}",
            ),
        ],
    )
    def test_in_the_folder_of_a_kind(
        self,
        mount: Path,
        backend: KubernetesSecretsBackend,
        caplog: pytest.LogCaptureFixture,
        make: Callable[[Path], None],
        text: str,
    ) -> None:
        (mount / "variables").mkdir()
        make(mount / "variables" / "x")

        assert backend.get_variable("x") is None
        assert backend.get_variable("y") is None
        assert log_messages(caplog) == [f"{mount}/variables/x {text}"]
        assert mistakes(mount) == misnamed(mount, "variables", "x") == [f"variables/x {text}"]

    @pytest.mark.parametrize("place", ["connections", "variables", "config", "secrets"])
    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (write, "is not a folder, so nothing reads it. Replace it by a folder with a file for each id"),
            (fifo, "is not a folder, so nothing reads it. Replace it by a folder with a file for each id"),
        ],
    )
    def test_in_place_of_the_folder(self, mount: Path, place: str, make: Callable[[Path], None], text: str) -> None:
        make(mount / place)

        assert mistakes(mount) == [f"{place} {text}"]

    @pytest.mark.parametrize(
        ("make", "name", "text"),
        [
            (deep, "tls", "is a folder in a mounted Secret, so nothing reads it. Move them up. If the id is 'x/tls', "),
            (write, "größe", "the name is not valid as a key of a Secret, so nothing reads the file. Rename it"),
            (write, "host ", "the name is not valid as a key of a Secret, so nothing reads the file. Rename it"),
        ],
    )
    @pytest.mark.parametrize("folder", ["connections/x", "x"])
    def test_among_the_keys_of_a_secret(
        self, mount: Path, make: Callable[[Path], None], name: str, text: str, folder: str
    ) -> None:
        write(mount / folder / "host", "db")
        write(mount / folder / "type", "mysql")
        make(mount / folder / name)

        [found] = mistakes(mount)
        assert found.startswith(f"{folder}/{name}")
        assert text in found

    @pytest.mark.parametrize("folder", ["connections/x", "x"])
    @pytest.mark.parametrize("name", ["password", "notes.yaml"])
    def test_a_link_to_itself_among_the_keys(
        self, mount: Path, backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture, folder: str, name: str
    ) -> None:
        """It is a key that cannot be read, which is an error and no mistake in the layout."""
        write(mount / folder / "host", "db")
        write(mount / folder / "type", "mysql")
        (mount / folder / name).symlink_to(name)

        with pytest.raises(MountedFileError, match=f"{folder}/{name} is a link that leads back to itself"):
            backend.get_conn_value("x")
        assert len(log_messages(caplog)) == 1
        assert layout_of(mount) == []

        (mount / folder / name).unlink()
        assert backend.get_connection("x") is not None
        assert layout_of(mount) == []

    @pytest.mark.parametrize("place", ["connections", "variables", "config", "secrets"])
    def test_a_link_to_itself_in_place_of_the_folder(self, mount: Path, place: str) -> None:
        """Another message reports it."""
        (mount / place).symlink_to(place)
        write(mount / "conns" / "x")

        [problem] = Folder(str(mount), Options()).problems()
        assert problem.startswith(f"{mount}/{place} is a link that leads back to itself. Replace it by")
        [text] = layout_of(mount)
        assert text.startswith("conns: nothing reads this folder")

    @pytest.mark.parametrize("link", ["secrets/app-db", "secrets"])
    def test_failure_does_not_hide_layout_mistakes(self, mount: Path, link: str) -> None:
        """A folder that can be read is checked, even if a Secret in it cannot be read."""
        (mount / link).parent.mkdir(exist_ok=True)
        (mount / link).symlink_to((mount / link).name)
        write(mount / "conns" / "x")
        options = Options.parse({"path": str(mount), "references": {"connections": {"x": "app-db"}}})

        location = location_of(options)
        inventory = inventory_of(location, options)
        assert [*inventory.failures, *location.problems()] == [
            f"{mount}/{link} is a link that leads back to itself. Replace it by a file or folder"
        ]
        [problem] = inventory.problems
        assert "conns: nothing reads this folder" in problem.text

    @pytest.mark.parametrize("folder", ["connections/x", "x", "secrets/x"])
    @pytest.mark.parametrize("target", ["password", "nowhere"])
    def test_unreadable_key_does_not_hide_layout_mistakes(self, mount: Path, folder: str, target: str) -> None:
        write(mount / folder / "type", "mysql")
        write(mount / folder / "größe")
        (mount / folder / "password").symlink_to(target)

        assert layout_of(mount) == [
            f"{folder}/größe: the name is not valid as a key of a Secret, so nothing reads the file. Rename it"
        ]

    def test_a_file_for_references(self, mount: Path) -> None:
        write(mount / "secrets" / "app-db", URI)

        [text] = mistakes(mount)
        assert text.startswith("secrets/app-db is a file, but a Secret for 'references' is a folder")


class TestTheLog:
    """A lookup that is a miss logs the mistakes whose file or folder has the name of the id, or of its kind."""

    @pytest.mark.parametrize("make", [write, fifo])
    def test_a_file_in_place_of_the_folder(
        self,
        mount: Path,
        backend: KubernetesSecretsBackend,
        caplog: pytest.LogCaptureFixture,
        make: Callable[[Path], None],
    ) -> None:
        make(mount / "variables")

        assert backend.get_variable("x") is backend.get_variable("y") is backend.get_conn_value("x") is None
        assert log_messages(caplog) == [
            f"{mount}/variables is not a folder, so nothing reads it. Replace it by a folder with a file for each id"
        ]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("connections/x/manifest.yaml", manifest("y", "found")),
            ("connections/x.json", '{"conn_type": "mysql"}'),
            ("x/password", "hunter2"),
            ("x", URI),
        ],
    )
    def test_a_connection(
        self, mount: Path, backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture, name: str, content: str
    ) -> None:
        write(mount / name, content)
        if name.startswith("connections/x/"):
            write(mount / "connections" / "x" / "host", "db")

        assert backend.get_conn_value("x") is None
        assert backend.get_conn_value("other") is None
        assert [each.replace(f"{mount}/", "") for each in log_messages(caplog)] == mistakes(mount)

    @pytest.mark.parametrize("kind", ["variable", "config"])
    def test_another_kind(
        self, mount: Path, backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture, kind: str
    ) -> None:
        write(mount / "x", "hunter2")

        assert getattr(backend, f"get_{kind}")("x") is None
        assert [each.replace(f"{mount}/", "") for each in log_messages(caplog)] == mistakes(mount) != []

    def test_unrelated_files_are_not_logged(
        self, mount: Path, backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(mount / "run.sh", "x")
        write(mount / "prod" / "x.yaml", manifest("y", "found"))

        assert backend.get_variable("run.sh") is backend.get_conn_value("prod") is None
        assert log_messages(caplog) == []


@pytest.mark.parametrize("identifier", [os.fsdecode(b"a\xff/b"), "\ud800"])
def test_an_id_that_is_not_unicode(mount: Path, identifier: str) -> None:
    assert misnamed(mount, "variables", identifier) == []
