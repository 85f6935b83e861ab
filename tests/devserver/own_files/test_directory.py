"""The devserver replaces and removes only its own files in its directory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets_devserver import DevServer
from airflow_kubernetes_secrets_devserver.own_files import RECORD
from support.own_files import (
    PATIENCE,
    Make,
    a_dangling_link,
    a_file,
    a_folder,
    a_link_to_a_file,
    a_pipe,
    an_empty_file,
    an_empty_folder,
    snapshot,
)


class TestDirectory:
    @pytest.mark.parametrize("name", ["ca.crt", "kubeconfig", "serviceaccount"])
    def test_existing_paths_are_not_replaced(
        self, tmp_path: Path, name: str, make_thing: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        directory = tmp_path / "directory"
        directory.mkdir()
        make_thing(directory / name)
        before = snapshot(tmp_path)

        assert main(["devserver", "--directory", str(directory)]) == 1

        assert capsys.readouterr().err == (
            f"airflow-kubernetes-secrets devserver: {directory / name} already exists, and the devserver does not "
            "replace it. Move it away, or choose another directory\n"
        )
        assert snapshot(tmp_path) == before

    def test_existing_service_account_folder_is_not_replaced(self, tmp_path: Path) -> None:
        with DevServer(directory=tmp_path) as server:
            (tmp_path / "serviceaccount-1").mkdir()
            with pytest.raises(FileExistsError, match="serviceaccount-1 already exists"):
                server.service_account("airflow", "worker", {"airflow": ["list"]})
            assert (server.service_account("airflow", "worker", {}) / "token").exists()
        assert snapshot(tmp_path).keys() == {"serviceaccount-1"}

    def test_other_files_are_not_removed(self, tmp_path: Path) -> None:
        a_file(tmp_path / "mine")
        a_folder(tmp_path / "folder")
        before = snapshot(tmp_path)

        with DevServer(directory=tmp_path) as server:
            assert server.kubeconfig.exists()

        assert snapshot(tmp_path) == before

    def test_files_added_while_it_runs_are_not_removed(self, tmp_path: Path) -> None:
        """This also holds in a folder that the devserver has created."""
        directory = tmp_path / "directory"
        with DevServer(directory=directory):
            a_file(directory / "mine")
            a_file(directory / "serviceaccount" / "mine")

        assert {name for name, (_mode, content) in snapshot(directory).items() if content} == {
            "mine",
            "serviceaccount/mine",
        }

    @pytest.mark.parametrize("name", ["ca.crt", "kubeconfig", "serviceaccount/token", RECORD])
    def test_files_replaced_while_it_runs_are_not_removed(self, tmp_path: Path, name: str, make_thing: Make) -> None:
        lines: list[str] = []
        directory = tmp_path / "directory"
        with DevServer(directory=directory, report=lines.append):
            (directory / name).unlink()
            make_thing(directory / name)
            made = snapshot(tmp_path)[f"directory/{name}"]

        left = snapshot(tmp_path)
        assert left[f"directory/{name}"] == made
        others = {each for each in left if each.startswith("directory/") and not f"directory/{name}".startswith(each)}
        assert {each for each in others if not each.startswith(f"directory/{name}/")} == set()
        said = f"{directory / name} was changed since the devserver wrote it, so it is not removed"
        assert lines == ([] if name == RECORD else [said])

    def test_files_edited_while_it_runs_are_not_removed(self, tmp_path: Path) -> None:
        """``kubectl config`` writes like this."""
        directory = tmp_path / "directory"
        with DevServer(directory=directory) as server:
            with server.kubeconfig.open("a") as kubeconfig:
                kubeconfig.write("# mine\n")
            text = server.kubeconfig.read_text()

        assert (directory / "kubeconfig").read_text() == text

    def test_files_already_removed_cause_no_error(self, tmp_path: Path) -> None:
        lines: list[str] = []
        with DevServer(directory=tmp_path / "directory", report=lines.append) as server:
            server.kubeconfig.unlink()
            (server.service_account_path / "token").unlink()
        assert lines == []
        assert snapshot(tmp_path) == {}

        with DevServer(directory=tmp_path / "directory", report=lines.append) as server:
            subprocess.run(["rm", "-r", str(tmp_path / "directory")], check=True, timeout=PATIENCE)
        assert lines == []

    def test_directory_can_be_a_link_to_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to("folder")
        before = snapshot(tmp_path)

        with DevServer(directory=tmp_path / "link"):
            assert (tmp_path / "folder" / "kubeconfig").exists()

        assert snapshot(tmp_path) == before

    @pytest.mark.parametrize("make", [a_file, an_empty_file, a_dangling_link, a_pipe])
    def test_directory_cannot_be_a_file_pipe_or_dangling_link(
        self, tmp_path: Path, make: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        make(tmp_path / "directory")
        before = snapshot(tmp_path)

        assert main(["devserver", "--directory", str(tmp_path / "directory")]) == 1

        assert capsys.readouterr().err.endswith(
            f": {tmp_path / 'directory'} is not a folder. Move it away, or choose another directory\n"
        )
        assert snapshot(tmp_path) == before

    def test_two_devservers_cannot_share_a_directory(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        directory = tmp_path / "directory"
        with DevServer(directory=directory):
            before = snapshot(tmp_path)
            assert main(["devserver", "--directory", str(directory)]) == 1
            assert snapshot(tmp_path) == before
        assert capsys.readouterr().err.endswith(
            f": another devserver uses {directory}. Stop it, or choose another directory\n"
        )
        with DevServer(directory=directory):
            pass
        assert snapshot(tmp_path) == {}

    def test_forked_child_does_not_keep_the_directory_locked(self, tmp_path: Path) -> None:
        read, write = os.pipe()
        with DevServer(directory=tmp_path / "directory"):
            child = os.fork()
            if child == 0:
                os.close(write)
                os.read(read, 1)
                os._exit(0)
        try:
            with DevServer(directory=tmp_path / "directory"):
                pass
        finally:
            os.close(write)
            os.close(read)
            os.waitpid(child, 0)

    def test_foreign_record_is_not_replaced(self, tmp_path: Path, elsewhere: Path) -> None:
        for make in (a_file, a_folder, an_empty_folder, a_link_to_a_file, a_dangling_link, a_pipe):
            directory = tmp_path / make.__name__
            directory.mkdir()
            make(directory / RECORD)
            before = snapshot(tmp_path), snapshot(elsewhere)

            with pytest.raises(FileExistsError, match=f"{RECORD} already exists"):
                DevServer(directory=directory).start()

            assert (snapshot(tmp_path), snapshot(elsewhere)) == before

    def test_an_empty_record(self, tmp_path: Path) -> None:
        """A devserver that was killed at its start leaves an empty record."""
        (tmp_path / RECORD).touch()
        with DevServer(directory=tmp_path):
            pass
        assert snapshot(tmp_path) == {}

    def test_temporary_directory_is_removed_with_all_its_content(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its name was not known to others before."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with DevServer() as server:
            a_file(server.kubeconfig.parent / "another")
            server.kubeconfig.write_text("changed")
            assert len(list(tmp_path.iterdir())) == 1
        assert list(tmp_path.iterdir()) == []
