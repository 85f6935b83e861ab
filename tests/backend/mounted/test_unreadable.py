"""Mounted files that cannot be read: the error names the file and says what to do, and other ids are not affected."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.kubernetes.mounted_folder import MountedFolder
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from support.logs import log_messages
from support.volumes import Volume


def error_of(look: Callable[[], object]) -> str:
    with pytest.raises(MountedFileError) as raised:
        look()
    return str(raised.value)


class TestPermissions:
    @pytest.mark.parametrize("where", ["variables", "variables/x"])
    def test_a_file_of_a_volume(
        self,
        mount: Path,
        as_airflow: Callable[[Callable[[], object]], None],
        caplog: pytest.LogCaptureFixture,
        where: str,
    ) -> None:
        """Its ``defaultMode`` is 0400, and Airflow's user is not root."""
        Volume(mount / where).write({"x" if where == "variables" else "value": "hunter2"}, mode=0o400)
        (mount / "variables" / "y").write_text("found")
        backend = KubernetesSecretsBackend(path=str(mount))
        file = "x" if where == "variables" else "x/value"

        def check() -> None:
            said_before = len(log_messages(caplog))
            for _ in range(2):
                assert error_of(lambda: backend.get_variable("x")) == (
                    f"{mount}/variables/{file} cannot be read by Airflow's user (permission denied). Set fsGroup in "
                    "the pod's securityContext to a group of that user, or a defaultMode of the volume that lets it "
                    "read, such as 0444"
                )
            assert len(log_messages(caplog)) == said_before + 1
            if where != "variables":
                assert backend.get_variable("y") == "found"
            assert [error_of(lambda: backend.get_variable("x"))] == list(Folder(str(mount), Options()).problems())

        as_airflow(check)

    def test_a_folder(self, mount: Path, as_airflow: Callable[[Callable[[], object]], None]) -> None:
        """This is an error, because it is unknown which ids are in the folder."""
        (mount / "variables").mkdir(mode=0o700)
        (mount / "connections").mkdir()
        (mount / "connections" / "x").write_text("http://found")
        backend = KubernetesSecretsBackend(path=str(mount))

        def check() -> None:
            assert f"{mount}/variables cannot be read by Airflow's user" in error_of(lambda: backend.get_variable("x"))
            assert backend.get_conn_value("x") == "http://found"

        as_airflow(check)


class TestLinks:
    def test_link_inside_the_folder(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        Volume(mount / "volumes" / "a").write({"password": "found"})
        (mount / "variables" / "y").mkdir(parents=True)
        (mount / "variables" / "x").symlink_to("../volumes/a/password")
        (mount / "variables" / "y" / "value").symlink_to("../../volumes/a/password")

        assert (backend.get_variable("x"), backend.get_variable("y")) == ("found", "found")

    @pytest.mark.parametrize("where", ["variables", "variables/x", "variables/x/value"])
    @pytest.mark.parametrize("is_relative", [False, True])
    def test_link_that_leaves_the_folder(
        self, backend: KubernetesSecretsBackend, mount: Path, tmp_path: Path, where: str, is_relative: bool
    ) -> None:
        outside = {"variables": "..", "variables/x": "x", "variables/x/value": "x/value"}[where]
        (tmp_path / "outside" / "x").mkdir(parents=True)
        (tmp_path / "outside" / "x" / "value").write_text("hunter2")
        link = mount / where
        link.parent.mkdir(parents=True, exist_ok=True)
        target = tmp_path / "outside" / outside.replace("..", "")
        link.symlink_to(os.path.relpath(target, link.parent) if is_relative else target)

        problem = error_of(lambda: backend.get_variable("x"))
        assert problem.startswith(f"{link} is a link that leaves {mount}, and such a link is not followed. Replace it")
        assert list(Folder(str(mount), Options()).problems()) == [problem]

    def test_link_in_a_volume(self, backend: KubernetesSecretsBackend, mount: Path, tmp_path: Path) -> None:
        """The kubelet creates no such links in a volume."""
        (tmp_path / "outside").write_text("hunter2")
        volume = Volume(mount / "variables")
        volume.write({"y": "found"})
        (mount / "variables" / (mount / "variables" / "..data").readlink() / "x").symlink_to(tmp_path / "outside")

        assert error_of(lambda: backend.get_variable("x")) == (
            f"{mount}/variables/x is a link in a volume, and such a link is not followed. Replace it by what it leads "
            "to"
        )
        assert backend.get_variable("y") == "found"

    def test_link_to_itself(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        (mount / "variables").mkdir()
        link = mount / "variables" / "x"
        link.symlink_to("x")

        assert error_of(lambda: backend.get_variable("x")) == (
            f"{link} is a link that leads back to itself. Replace it by a file or folder"
        )

    @pytest.mark.parametrize(
        ("target", "where"),
        [
            ("nowhere", "variables"),
            ("nowhere", "variables/x"),
            ("../y/z", "variables/x"),
            ("nowhere", "variables/x/value"),
        ],
    )
    def test_broken_link(self, backend: KubernetesSecretsBackend, mount: Path, target: str, where: str) -> None:
        """The id was meant to be there, so Airflow must not silently use the value of another source."""
        (mount / "y").write_text("found")
        link = mount / where
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

        problem = f"{link} is a link that leads nowhere. Correct or remove it"
        assert error_of(lambda: backend.get_variable("x")) == problem
        folder = Folder(str(mount), Options())
        assert list(folder.problems()) == [problem]
        assert [each.text for each in folder.layout_mistakes() if str(link) in each.text] == []
        assert backend.get_conn_value("x") is None

    def test_broken_link_of_a_service_binding(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        """If nothing looks up its name, it may have nothing to do with Airflow."""
        (mount / "x").symlink_to("nowhere")

        problem = f"{mount}/x is a link that leads nowhere. Correct or remove it"
        assert error_of(lambda: backend.get_conn_value("x")) == problem
        assert backend.get_conn_value("y") is None
        folder = Folder(str(mount), Options())
        assert list(folder.problems()) == []
        assert [each.text for each in folder.layout_mistakes()] == [problem]

    def test_broken_link_of_a_reference(self, mount: Path) -> None:
        (mount / "secrets").mkdir()
        (mount / "secrets" / "app").symlink_to("nowhere")
        backend = KubernetesSecretsBackend(path=str(mount), references={"connections": {"x": "app"}})

        problem = f"{mount}/secrets/app is a link that leads nowhere. Correct or remove it"
        assert error_of(lambda: backend.get_conn_value("x")) == problem

    @pytest.mark.parametrize("target", ["x.yaml", "nowhere"])
    def test_broken_link_with_the_name_of_a_manifest(
        self, backend: KubernetesSecretsBackend, mount: Path, target: str
    ) -> None:
        """A file with such a name is no id, so no lookup fails."""
        (mount / "variables").mkdir()
        (mount / "variables" / "x.yaml").symlink_to(target)

        assert backend.get_variable("x") is None
        assert backend.get_variable("x.yaml") is None
        folder = Folder(str(mount), Options())
        [problem] = [*folder.problems(), *(each.text for each in folder.layout_mistakes())]
        assert problem.startswith(f"{mount}/variables/x.yaml")

    def test_a_file_in_place_of_a_folder(self, mount: Path) -> None:
        """If a folder becomes a file while it is read, it is absent. In a volume, that needs no race."""
        Volume(mount / "volume").write({"x": "hunter2"})
        (mount / "plain").write_text("hunter2")
        for names in (("volume", "x", "y"), ("volume", "x", "y", "z"), ("plain", "x"), ("plain", "x", "y")):
            assert MountedFolder(str(mount)).read(*names) is None
            assert MountedFolder(str(mount)).names(*names) == frozenset()

    @pytest.mark.parametrize("target", ["../../outside", ".", ".."])
    def test_a_data_link_that_leaves_its_volume(
        self, backend: KubernetesSecretsBackend, mount: Path, tmp_path: Path, target: str
    ) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "x").write_text("hunter2")
        (mount / "variables").mkdir()
        (mount / "variables" / "y").write_text("found")
        (mount / "variables" / "..data").symlink_to(target)

        assert backend.get_variable("x") is None
        assert backend.get_variable("y") == "found"

    @pytest.mark.parametrize("where", ["", "variables", "variables/x"])
    def test_broken_data_link(self, mount: Path, where: str) -> None:
        """Nothing is known of such a volume: as a miss, Airflow would use another value of the id."""
        whole = mount / "folder"
        file = {"": "variables/x", "variables": "x", "variables/x": "value"}[where]
        volume = Volume(whole / where)
        volume.write({file: "found"})
        backend = KubernetesSecretsBackend(path=str(whole))
        version = (volume.path / "..data").resolve()
        version.rename(volume.path / "..gone")

        problem = f"{volume.path}/..data is a link that leads nowhere. Correct or remove it"
        for identifier in ("x",) if where == "variables/x" else ("x", "missing"):
            assert error_of(partial(backend.get_variable, identifier)) == problem
        assert problem in list(Folder(str(whole), Options()).problems())
        (volume.path / "..gone").rename(version)
        assert [backend.get_variable("x"), backend.get_variable("missing")] == ["found", None]

    def test_link_to_itself_does_not_affect_other_ids(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        (mount / "variables").mkdir()
        (mount / "variables" / "x").symlink_to("x")
        (mount / "variables" / "y").write_text("found")

        assert f"{mount}/variables/x is a link" in error_of(lambda: backend.get_variable("x"))
        assert backend.get_variable("y") == "found"


class TestSizes:
    @pytest.mark.parametrize("name", ["variables/x", "variables/x/value"])
    def test_a_huge_file(self, backend: KubernetesSecretsBackend, mount: Path, name: str) -> None:
        path = mount / name
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            file.truncate(8 * 2**20 + 1)

        assert f"{path} has more than 8 MiB" in error_of(lambda: backend.get_variable("x"))
        with path.open("wb") as file:
            file.truncate(8 * 2**20)
        assert backend.get_variable("x") == "\0" * (8 * 2**20)

    def test_many_large_files(self, backend: KubernetesSecretsBackend, mount: Path) -> None:
        (mount / "variables" / "x").mkdir(parents=True)
        for name in ("a", "b"):
            with (mount / "variables" / "x" / name).open("wb") as file:
                file.truncate(5 * 2**20)

        assert f"{mount}/variables/x/b has more than 8 MiB" in error_of(lambda: backend.get_variable("x"))
