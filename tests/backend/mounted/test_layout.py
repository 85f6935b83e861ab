"""Which mounted files and folders are which ids, and what Airflow reads from them."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError, MountedFileError
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from support.connection_secrets import parts_of, secret_manifest
from support.corpus import NOTHING, CorpusFile, corpus
from support.logs import log_messages
from support.manifest_texts import manifest
from support.secrets import CONNECTION, VARIABLE
from support.volumes import Volume

URI = "postgres://scott:hunter2@db.example.com:5432/shop"
FIELDS = {"host": "db.example.com", "username": "scott", "password": "hunter2", "type": "postgresql", "port": "5432"}


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_all(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        write(folder / name, content)


class TestOneValue:
    def test_each_kind(self, backend: KubernetesSecretsBackend, mount: Path, caplog: pytest.LogCaptureFixture) -> None:
        write(mount / "connections" / "my_db", URI)
        write(mount / "variables" / "region", "eu-west-1")
        write(mount / "config" / "fernet", "key\n")

        assert backend.get_conn_value("my_db") == URI
        assert backend.get_variable("region") == "eu-west-1"
        assert backend.get_config("fernet") == "key"
        assert backend.get_conn_value("region") is None
        assert backend.get_variable("my_db") is None
        assert log_messages(caplog) == []

    def test_a_connection_in_json(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        write(mount / "connections" / "my_db", json.dumps({"conn_type": "http", "host": "example.com"}))

        assert backend.get_connection("my_db").host == "example.com"

    @pytest.mark.parametrize("value", ["", "a", "a\n", "\n", "a\r\n\n", " a ", "a\0b", "größe\n"])
    def test_the_value_is_exactly_the_content(self, backend: KubernetesSecretsBackend, mount: Path, value: str) -> None:
        write(mount / "variables" / "x", value)

        assert backend.get_variable("x") == value

    def test_value_that_is_not_text(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        write(mount / "variables" / "x", b"\xff\xfehunter2")

        with pytest.raises(MalformedSecretError) as raised:
            backend.get_variable("x")
        assert str(raised.value).startswith(f"Secret {mount}/variables/x, key 'value': the value is not UTF-8 text")
        assert "hunter2" not in str(raised.value)

    def test_data_key_of_the_options_is_ignored(self, mount: Path) -> None:
        write(mount / "variables" / "x", "found")

        assert KubernetesSecretsBackend(path=str(mount), variables_data_key="text").get_variable("x") == "found"

    def test_a_kind_without_a_label_is_not_looked_up(self, mount: Path) -> None:
        write(mount / "variables" / "x", "found")
        write(mount / "connections" / "x", URI)
        backend = KubernetesSecretsBackend(path=str(mount), variables_label=None)

        assert backend.get_variable("x") is None
        assert backend.get_conn_value("x") == URI

    def test_a_file_that_was_bind_mounted_by_its_sub_path(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        """It is a plain file to this process, which the kubelet never replaces."""
        write(mount / "connections" / "my_db", URI)
        (mount / "connections" / "my_db").chmod(0o444)
        (mount / "connections").chmod(0o555)

        assert backend.get_conn_value("my_db") == URI


class TestKeys:
    def test_a_folder(self, backend: KubernetesSecretsBackend, mount: Path, caplog: pytest.LogCaptureFixture) -> None:
        write_all(mount / "connections" / "my_db", {**FIELDS, "provider": "cnpg"})

        assert parts_of(backend.get_connection("my_db"))["host"] == "db.example.com"
        assert log_messages(caplog) == []

    def test_a_variable_under_the_data_key(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        write_all(mount / "variables" / "x", {"value": "found", "other": "x"})

        assert backend.get_variable("x") == "found"

    def test_one_volume_with_paths_of_items(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        volume = Volume(mount / "connections")
        volume.write({"whole": URI, **{f"my_db/{key}": value for key, value in FIELDS.items()}, "my_db/tls/ca": "x"})

        assert backend.get_conn_value("whole") == URI
        assert backend.get_connection("my_db").login == "scott"

    def test_volume_whose_only_key_is_named_like_a_manifest(
        self, backend: KubernetesSecretsBackend, mount: Path
    ) -> None:
        Volume(mount / "variables" / "x").write({"value.json": '{"a": 1}'})
        backend = KubernetesSecretsBackend(path=str(mount), variables_data_key="value.json")

        assert backend.get_variable("x") == '{"a": 1}'

    def test_a_folder_without_a_known_key(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        write_all(mount / "variables" / "x", {"a": "hunter2", "b": "hunter2"})

        assert backend.get_variable("x") is None

    def test_files_with_names_that_are_not_data_keys_are_ignored(
        self, backend: KubernetesSecretsBackend, mount: Path
    ) -> None:
        write_all(mount / "connections" / "my_db", {**FIELDS, "host ": "no", "größe": "no", ".hidden": "no"})
        (mount / "connections" / "my_db" / "lost+found").mkdir()
        (mount / "connections" / "my_db" / "sub").mkdir()

        assert backend.get_connection("my_db").host == "db.example.com"

    def test_a_service_binding(
        self, backend: KubernetesSecretsBackend, mount: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """``path`` is the value of SERVICE_BINDING_ROOT."""
        Volume(mount / "account-database").write({**FIELDS, "provider": "bitnami", "database": "shop"})
        write_all(mount / "other", {"host": "x"})
        write(mount / "type", "x")

        assert parts_of(backend.get_connection("account-database")) == {
            "conn_type": "postgres",
            "host": "db.example.com",
            "login": "scott",
            "password": "hunter2",
            "port": 5432,
            "schema": "shop",
            "extra": {},
        }
        assert KubernetesSecretsBackend(path=str(mount)).get_variable("account-database") is None
        assert log_messages(caplog) == []
        assert backend.get_conn_value("other") is None
        assert backend.get_conn_value("type") is None
        assert [each.partition(" ")[0] for each in log_messages(caplog)] == [f"{mount}/other", f"{mount}/type"]

    @pytest.mark.parametrize("name", ["connections", "variables", "config", "secrets"])
    def test_a_folder_of_a_kind_is_no_binding(self, mount: Path, name: str) -> None:
        write_all(mount / name, FIELDS)

        assert KubernetesSecretsBackend(path=str(mount)).get_conn_value(name) is None


CORPUS = [file for file in corpus() if file.needs == NOTHING]


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_mounted_secret_is_read_like_a_manifest(
    backend: KubernetesSecretsBackend, mount: Path, tmp_path: Path, file: CorpusFile
) -> None:
    """These Secrets, as other software writes them, need no annotations."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "x.json").write_text(json.dumps(secret_manifest("shop", "app", file.data)))
    stored = KubernetesSecretsBackend(path=str(tmp_path / "manifests"))
    Volume(mount / "connections" / "app").write(file.data)

    def outcome(backend: KubernetesSecretsBackend) -> str | None:
        try:
            return backend.get_conn_value("app")
        except MalformedSecretError as error:
            return f"{error.key}: {str(error).partition(', ')[2]}"

    assert outcome(backend) == outcome(stored)


class TestNames:
    @pytest.mark.parametrize(
        "identifier",
        ["my_db_", "_x", "__", "x" * 250, "My.DB-1", "a..b", "my db", "größe", "漢字", "x@y", "a:b", "a\\b", "a\nb"],
    )
    def test_an_id_that_can_be_the_name_of_a_file(
        self, backend: KubernetesSecretsBackend, mount: Path, identifier: str
    ) -> None:
        write(mount / "variables" / identifier, "found")

        assert backend.get_variable(identifier) == "found"
        assert backend.get_variable(label_value(identifier)) == (
            "found" if label_value(identifier) == identifier else None
        )

    @pytest.mark.parametrize("identifier", ["team/orders@eu", ".hidden", "..", "x" * 251, "my db", "../x", "a\0b", "/"])
    @pytest.mark.parametrize("form", ["file", "folder"])
    def test_id_that_cannot_be_the_name_of_a_file(
        self,
        backend: KubernetesSecretsBackend,
        mount: Path,
        caplog: pytest.LogCaptureFixture,
        identifier: str,
        form: str,
    ) -> None:
        """The name of its file or folder is the label value of the id."""
        name = label_value(identifier)
        assert backend.get_variable(identifier) is None
        write(mount / "variables" / name if form == "file" else mount / "variables" / name / "value", "found")

        for _ in range(2):
            assert backend.get_variable(identifier) == "found"
        # This id imitates the name. It is another id, so it does not have this value.
        assert backend.get_variable(name) is None
        assert log_messages(caplog) == []

    def test_upper_and_lower_case_are_two_ids(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        write(mount / "variables" / "x", "lower")
        write(mount / "variables" / "X", "upper")

        assert (backend.get_variable("x"), backend.get_variable("X")) == ("lower", "upper")

    def test_both_names_of_an_id(
        self, backend: KubernetesSecretsBackend, mount: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(mount / "variables" / "my db", "exact")
        write(mount / "variables" / label_value("my db"), "hashed")

        assert backend.get_variable("my db") == "exact"
        [warning] = log_messages(caplog)
        assert warning.startswith("variable 'my db': 2 mounted files or manifests have this id; the first by age and")
        assert warning.endswith(". Remove or rename those that should not have it")
        assert f"{mount}/variables/my db. Not used: {mount}/variables/my-db.7db90c8c" in warning

    @pytest.mark.parametrize("identifier", ["", "..", "../connections/my_db", "/etc/passwd", "my_db/host", "..data"])
    def test_id_cannot_escape_its_folder(self, mount: Path, identifier: str) -> None:
        backend = KubernetesSecretsBackend(path=str(mount))
        Volume(mount / "variables").write({"x": "x", "my_db/host": "x"})

        assert backend.get_variable(identifier) is None

    def test_hidden_names_and_lost_and_found(
        self, backend: KubernetesSecretsBackend, mount: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(mount / "variables" / ".x", "x")
        for folder in (mount, mount / "variables"):
            (folder / "lost+found").mkdir(mode=0o700)
            write(folder / "lost+found" / "value", "x")
            write(folder / "lost+found" / "x.yaml", "[")

        assert backend.get_variable(".x") is None
        assert backend.get_variable("lost+found") is None
        assert log_messages(caplog) == []

    def test_pipes_and_sockets_do_not_block(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        (mount / "variables").mkdir()
        os.mkfifo(mount / "variables" / "pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(mount / "variables" / "socket"))

        for name in ("pipe", "socket"):
            with pytest.raises(MountedFileError, match=f"{mount}/variables/{name} is neither a file nor a folder"):
                backend.get_variable(name)


class TestNamespacesAndReferences:
    def test_mounted_secrets_are_in_the_first_namespace(self, mount: Path) -> None:
        write(mount / "variables" / "x", "mounted")
        (mount / "x.yaml").write_text(manifest("x", "manifest", namespace="other"))

        def look(*namespaces: str) -> str | None:
            return KubernetesSecretsBackend(path=str(mount), namespace=list(namespaces)).get_variable("x")

        assert look("first") == look("first", "other") == "mounted"
        (mount / "variables" / "x").unlink()
        assert look("first", "other") == "manifest"

    def test_every_team_uses_mounted_secrets(self, mount: Path) -> None:
        write(mount / "variables" / "x", "mounted")

        assert KubernetesSecretsBackend(path=str(mount)).get_variable("x", team_name="blue") == "mounted"
        alone = KubernetesSecretsBackend(path=str(mount), team_fallback=False)
        assert alone.get_variable("x", team_name="blue") is None

    @pytest.mark.parametrize("reference", ["app-db", "airflow/app-db"])
    def test_a_whole_secret_by_its_name(self, mount: Path, reference: str) -> None:
        Volume(mount / "secrets" / "app-db").write(FIELDS)
        backend = KubernetesSecretsBackend(
            path=str(mount), namespace="airflow", references={"connections": {"my_db": reference}}
        )

        assert backend.get_connection("my_db").login == "scott"
        assert backend.get_conn_value("app-db") is None

    def test_reference_to_another_namespace(self, mount: Path) -> None:
        Volume(mount / "secrets" / "app-db").write(FIELDS)
        backend = KubernetesSecretsBackend(
            path=str(mount), namespace="airflow", references={"connections": {"my_db": "other/app-db"}}
        )

        with pytest.raises(Exception, match="names Secret other/app-db, which does not exist"):
            backend.get_conn_value("my_db")


class TestManifestsInTheSameFolder:
    """Manifests in the folders of kinds are still read as manifests."""

    @pytest.mark.parametrize("folder", ["connections", "variables", "config", "secrets"])
    @pytest.mark.parametrize("below", ["", "prod", "prod/eu"])
    @pytest.mark.parametrize("is_volume", [False, True])
    def test_a_folder_of_manifests(
        self,
        backend: KubernetesSecretsBackend,
        mount: Path,
        caplog: pytest.LogCaptureFixture,
        folder: str,
        below: str,
        is_volume: bool,
    ) -> None:
        files = {"x.yaml": manifest("x", "found"), "y.yml": manifest("y", "found"), "readme.md": "x"}
        if is_volume:
            Volume(mount / folder / below).write(files)
        else:
            write_all(mount / folder / below, files)

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")
        assert backend.get_variable("x.yaml") is None
        assert backend.get_variable("prod") is None
        assert log_messages(caplog) == []

    def test_a_manifest_that_is_broken(
        self, backend: KubernetesSecretsBackend, mount: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write_all(mount / "variables" / "prod", {"x.yaml": "[", "value": "x"})

        assert backend.get_variable("prod") == "x"
        assert log_messages(caplog) == []
        write_all(mount / "variables" / "more", {"x.yaml": "["})
        assert backend.get_variable("more") is None
        [warning] = log_messages(caplog)
        assert warning.startswith(f"{mount}/variables/more/x.yaml: line 1: ")

    def test_a_link_to_manifests_elsewhere(
        self, backend: KubernetesSecretsBackend, mount: Path, tmp_path: Path
    ) -> None:
        write_all(tmp_path / "elsewhere", {"x.yaml": manifest("x", "http://found", labels={CONNECTION: "x"})})
        (mount / "connections").symlink_to(tmp_path / "elsewhere")

        assert backend.get_conn_value("x") == "http://found"
        assert backend.get_conn_value("y") is None

    def test_mounted_file_and_manifest_with_the_same_id(
        self, backend: KubernetesSecretsBackend, mount: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(mount / "variables" / "x", "mounted")
        (mount / "a.yaml").write_text(manifest("x", "manifest", labels={VARIABLE: "x"}, name="a"))

        assert backend.get_variable("x") == "manifest"
        [warning] = log_messages(caplog)
        assert f"default/a. Not used: {mount}/variables/x" in warning
