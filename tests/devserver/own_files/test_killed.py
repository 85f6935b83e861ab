"""After a devserver was killed, the next one removes the files that it left, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets_devserver import DevServer, own_files
from airflow_kubernetes_secrets_devserver.client_files import ClientFiles
from airflow_kubernetes_secrets_devserver.own_files import RECORD, OwnFiles
from support.own_files import PATIENCE, Make, Start, a_file, snapshot


def leave(directory: Path, ready: Path) -> None:
    """Leave the files of a killed devserver."""
    child = os.fork()
    if child == 0:
        files = ClientFiles(directory)
        files.write_ca(b"certificate")
        files.write_kubeconfig("kubeconfig", "https://127.0.0.1:1", "token", "airflow")
        files.write_service_account("serviceaccount", "token", "airflow")
        OwnFiles.for_file(ready).write(ready.name, b"export x=y")
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class TestKilled:
    """The files that a killed devserver leaves."""

    def test_next_devserver_with_the_same_options_starts_and_removes_all_files(
        self, tmp_path: Path, start: Start
    ) -> None:
        first = start()
        first.wait()
        first.kill()
        assert {each.name for each in tmp_path.iterdir()} >= {"directory", "ready"}

        second = start()
        second.wait()

        assert second.end()[0] == 0
        assert snapshot(tmp_path) == {}

    def test_directory_that_existed_before_is_not_removed(self, tmp_path: Path, start: Start) -> None:
        (tmp_path / "directory").mkdir()
        a_file(tmp_path / "directory" / "mine")
        before = snapshot(tmp_path)
        first = start()
        first.wait()
        first.kill()

        second = start()
        second.wait()

        assert second.end()[0] == 0
        assert snapshot(tmp_path) == before

    def test_second_devserver_with_the_same_path_is_refused(self, tmp_path: Path, start: Start) -> None:
        first = start()
        first.wait()
        other = tmp_path / "other"

        command = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "devserver"]
        for options, used in (
            (["--directory", str(first.directory), "--ready-file", str(other)], first.directory),
            (["--directory", str(other), "--ready-file", str(first.ready)], first.ready),
        ):
            done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=PATIENCE, check=False)
            assert done.returncode == 1
            assert f"another devserver uses {used}. Stop it, or choose another " in done.stderr
            assert not other.exists()

        assert first.is_ours()

    @pytest.mark.parametrize("name", ["directory/kubeconfig", "directory/serviceaccount/token", "ready"])
    def test_files_changed_since_are_not_replaced(
        self, tmp_path: Path, name: str, make_thing: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        directory, ready = tmp_path / "directory", tmp_path / "ready"
        leave(directory, ready)
        (tmp_path / name).unlink()
        make_thing(tmp_path / name)
        before = snapshot(tmp_path)[name]

        assert main(["devserver", "--directory", str(directory), "--ready-file", str(ready)]) == 1

        errors = capsys.readouterr().err
        # If a file is in the way of a folder, the error names the folder.
        assert f"{tmp_path / name}".startswith(errors.partition("devserver: ")[2].partition(" already exists")[0])
        assert snapshot(tmp_path)[name] == before

    def test_killed_while_writing_a_file(self, tmp_path: Path) -> None:
        """The last line of the record may be incomplete, and a file may be partly written."""
        left = OwnFiles.in_folder(tmp_path)
        left.write("kubeconfig", b"whole")
        text = (tmp_path / RECORD).read_text()
        left.remove()
        (tmp_path / RECORD).write_text(f"{text}{'0' * 64}  ca.crt\n{'0' * 20}")
        (tmp_path / "kubeconfig").write_text("whole")
        (tmp_path / ".ca.crt.123.part").write_text("par")
        (tmp_path / ".ca.crt.part").write_text("mine")
        (tmp_path / ".other.123.part").write_text("mine")

        with DevServer(directory=tmp_path):
            assert not (tmp_path / ".ca.crt.123.part").exists()

        assert snapshot(tmp_path).keys() == {".ca.crt.part", ".other.123.part"}

    @pytest.mark.parametrize("name", ["../mine", "/{}/mine", "link/mine", "a/../../mine", "", ".", "..", "a//mine"])
    def test_record_cannot_name_files_outside_the_folder(self, tmp_path: Path, name: str) -> None:
        """Anyone with write permission on the folder could have written the record."""
        digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
        directory = tmp_path / "directory"
        directory.mkdir()
        (tmp_path / "mine").write_text("foo")
        (directory / "link").symlink_to(tmp_path)
        header = own_files._HEADER.decode()
        (directory / RECORD).write_text(f"{header}{digest}  {name.format(tmp_path)}\nfolder  {name.format(tmp_path)}\n")

        with DevServer(directory=directory):
            pass

        assert (tmp_path / "mine").read_text() == "foo"
        assert (directory / "link").is_symlink()
