"""The devserver replaces no file when it writes its ready file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.cli.main import main
from support.own_files import Make, Start, a_dangling_link, a_file, snapshot, umask
from support.waiting import until


class TestReadyFile:
    def test_existing_path_is_not_replaced(
        self, tmp_path: Path, make_thing: Make, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "here").mkdir()
        ready, directory = tmp_path / "here" / "ready", tmp_path / "directory"
        make_thing(ready)
        before = snapshot(tmp_path)

        assert main(["devserver", "--ready-file", str(ready), "--directory", str(directory)]) == 1

        captured = capsys.readouterr()
        assert captured.err == (
            f"airflow-kubernetes-secrets devserver: {ready} already exists, and the devserver does not replace it. "
            "Move it away, or choose another ready file\n"
        )
        # The address of a server that cannot start is not printed. Airflow 2.11 prints the log of uvicorn, if another
        # test has imported it.
        assert [line for line in captured.out.splitlines() if "INFO - " not in line] == []
        assert snapshot(tmp_path) == before

    def test_missing_folder(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["devserver", "--ready-file", str(tmp_path / "nowhere" / "ready")]) == 1
        assert capsys.readouterr().err == (
            f"airflow-kubernetes-secrets devserver: {tmp_path}/nowhere: No such file or directory. "
            "Check --manifests, --directory and --ready-file\n"
        )
        assert snapshot(tmp_path) == {}

    @pytest.mark.parametrize("make", [a_file, a_dangling_link])
    def test_ready_file_replaced_while_it_runs_is_not_removed(self, tmp_path: Path, start: Start, make: Make) -> None:
        server = start()
        server.wait()
        server.ready.unlink()
        make(server.ready)
        before = snapshot(tmp_path)

        status, output, errors = server.end()

        assert (status, errors) == (0, "")
        assert f"{server.ready} was changed since the devserver wrote it, so it is not removed" in output
        assert snapshot(tmp_path)["ready"] == before["ready"]
        assert not server.directory.exists()
        assert [each.name for each in tmp_path.iterdir()] == ["ready"]

    def test_ready_file_is_complete_when_it_appears(self, tmp_path: Path, start: Start) -> None:
        server = start()
        until(server.ready.exists)
        assert server.ready.read_text().count("export ") == 5
        assert stat.S_IMODE(server.ready.stat().st_mode) == 0o666 & ~umask()
