"""Files and links that somebody adds to the folder of a volume."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from support.layouts import mistakes, write
from support.volumes import Volume

URI = "postgres://scott:hunter2@db.example.com:5432/shop"


class TestExtraFilesInAVolume:
    """The kubelet's links in the folder of a volume lead to the files of the same name in ``..data``."""

    @pytest.mark.parametrize("target", ["../elsewhere/x", "..data/y", "nowhere", "/etc/passwd"])
    @pytest.mark.parametrize("of_id", [True, False])
    def test_a_link(self, mount: Path, target: str, of_id: bool) -> None:
        write(mount / "elsewhere" / "x.md")
        folder = mount / "variables"
        Volume(folder).write({"y": "found", "z/value": "found"})
        link = folder / ("x" if of_id else "w")
        link.symlink_to(target)
        backend = KubernetesSecretsBackend(path=str(mount))

        expected = f"{link} is a link in a volume, and such a link is not followed. Replace it by what it leads to"
        with pytest.raises(MountedFileError) as raised:
            backend.get_variable(link.name)
        assert str(raised.value) == expected
        assert list(Folder(str(mount), Options()).problems()) == [expected]
        assert (backend.get_variable("y"), backend.get_variable("z")) == ("found", "found")

    def test_a_link_for_a_whole_kind(self, mount: Path) -> None:
        write(mount.parent / "elsewhere" / "x")
        Volume(mount / "v").write({"connections/a": URI})
        (mount / "v" / "variables").symlink_to(mount.parent / "elsewhere")
        backend = KubernetesSecretsBackend(path=str(mount / "v"))

        with pytest.raises(MountedFileError, match="variables is a link in a volume"):
            backend.get_variable("x")
        assert backend.get_conn_value("a") == URI

    def test_a_link_of_the_previous_version(self, mount: Path, backend: KubernetesSecretsBackend) -> None:
        """The kubelet removes it after it has replaced the link ``..data``."""
        Volume(mount / "variables").write({"y": "found"})
        (mount / "variables" / "x").symlink_to("..data/x")

        assert backend.get_variable("x") is None
        assert mistakes(mount) == []

    def test_a_file_without_its_link(self, mount: Path, backend: KubernetesSecretsBackend) -> None:
        """The kubelet creates it after it has replaced the link ``..data``."""
        Volume(mount / "variables").write({"x": "found"})
        (mount / "variables" / "x").unlink()

        assert backend.get_variable("x") == "found"

    def test_another_mount(self, mount: Path, backend: KubernetesSecretsBackend) -> None:
        """A file that is mounted with ``subPath``, and a folder that is no volume of a Secret."""
        Volume(mount / "variables").write({"y": "found"})
        write(mount / "variables" / "x", "a file")
        write(mount / "variables" / "w" / "value", "a folder")

        assert [backend.get_variable(each) for each in "xyw"] == ["a file", "found", "a folder"]
        write(mount / "variables" / "x", "another")
        assert backend.get_variable("x") == "another"
        assert mistakes(mount) == []

    def test_a_volume_two_levels_below(self, mount: Path) -> None:
        Volume(mount / "v").write({"connections/a": URI})
        Volume(mount / "v" / "secrets" / "app-db").write({"host": "db", "type": "mysql"})
        backend = KubernetesSecretsBackend(path=str(mount / "v"), references={"connections": {"b": "app-db"}})

        assert backend.get_conn_value("a") == URI
        assert backend.get_connection("b").host == "db"
