"""Errors that end ``export`` before it writes anything."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from support.airflow import DATABASE, Airflow
from support.exported_entries import PASSWORD, ExportHere, export


class TestErrors:
    """The command prints one line, ends with status 2, and writes nothing."""

    def refused(self, airflow: Airflow, *arguments: str, **variables: str) -> str:
        return self.refusal(export(airflow, *arguments, **variables))

    def refused_here(self, export_here: ExportHere, *arguments: str, **variables: str) -> str:
        return self.refusal(export_here(*arguments, **variables))

    def refusal(self, result: CompletedProcess[str]) -> str:
        assert result.returncode == 2, result.stdout + result.stderr
        assert result.stdout == ""
        assert PASSWORD not in result.stderr
        [line] = result.stderr.splitlines()
        return line.removeprefix("airflow-kubernetes-secrets export: ")

    def test_database_that_does_not_exist(self, either: Airflow) -> None:
        assert "does not have Airflow's tables: run 'airflow db migrate'" in self.refused(
            either, "--from", "metadata-db", "-o", "out"
        )
        assert not (either.home / "airflow.db").exists()

    def test_an_empty_database(self, either: Airflow) -> None:
        either.home.mkdir()
        (either.home / "airflow.db").touch()
        assert "run 'airflow db migrate'" in self.refused(either, "--from", "metadata-db", "-o", "out")

    def test_unreachable_database(self, either: Airflow) -> None:
        url = f"sqlite:////proc/nowhere/{PASSWORD}"
        Path(either.home).mkdir()
        (either.home / "file").write_text("no database " * 100)
        line = self.refused(either, "--from", "metadata-db", "-o", "out", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url)
        assert "the metadata database" in line
        url = f"sqlite:///{either.home}/file"
        line = self.refused(either, "--from", "metadata-db", "-o", "out", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url)
        assert line.startswith("the metadata database cannot be reached (DatabaseError): check [database]")

    def test_a_database_that_does_not_respond(self, bare: Airflow) -> None:
        """The driver waits for a lock of another process, much longer than the command."""
        bare.home.mkdir()
        url = f"sqlite:///{bare.home / DATABASE}?timeout=1000"
        with closing(sqlite3.connect(bare.home / DATABASE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            line = self.refused(bare, "--from", "metadata-db", "-o", "out", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url)
        assert line.startswith("the metadata database has not responded in 10 s")

    def test_invalid_fernet_key(self, migrated: Airflow) -> None:
        line = self.refused(
            migrated, "--from", "metadata-db", "-o", "out", AIRFLOW__CORE__FERNET_KEY=f"{PASSWORD} is no key"
        )
        assert line.startswith("[core] fernet_key cannot be used (")

    def test_output_path_that_is_a_file(self, export_here: ExportHere, tmp_path: Path) -> None:
        (tmp_path / "out").touch()
        assert (
            self.refused_here(export_here, "--from", "env", "-o", "out")
            == "out is not a folder. Choose another one with -o"
        )
        assert "out/deeper cannot be created: Not a directory" in self.refused_here(
            export_here, "--from", "env", "-o", "out/deeper", AIRFLOW_VAR_A="x"
        )

    def test_links_are_not_followed(self, export_here: ExportHere, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "variables").symlink_to(tmp_path / "elsewhere")
        line = self.refused_here(export_here, "--from", "env", "-o", "out", "--force", AIRFLOW_VAR_A=PASSWORD)
        assert line.startswith("out/variables/airflow-variable-a.yaml cannot be written: ")
        assert list((tmp_path / "elsewhere").iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("missing.json", None, "missing.json cannot be read: No such file or directory. --from takes metadata-db"),
            ("metadata", None, "metadata cannot be read: No such file"),
            ("broken.json", '{"a": "hunter2', "broken.json, line 1: Unterminated string"),
            ("broken.yaml", "a: 'hunter2\nb: [", "broken.yaml, line 2: "),
            ("two.yaml", "a: hunter2\n---\nb: hunter2\n", "two.yaml is not an object of ids"),
            ("broken.env", "# fine\n\nA=b\nhunter2\n", "broken.env, line 4: there is no '='"),
            ("list.json", '["hunter2"]', "list.json is not an object of ids"),
            ("odd.txt", "hunter2", "odd.txt must end with .json, .yaml, .yml or .env"),
            ("latin.json", b'{"a": "hunter2\xe4"}', "latin.json is not text in UTF-8"),
            ("either.json", '{"a": "x://u:hunter2@h"}', "either.json does not specify its kind. Add --kind con"),
            ("mixed.json", '{"a": {"conn_type": "x"}, "b": "hunter2"}', "mixed.json does not specify its kind"),
            ("mixed.env", "a=x://u:hunter2@h\nb=hunter2\n", "mixed.env does not specify its kind"),
        ],
    )
    def test_a_file_that_cannot_be_read(
        self, export_here: ExportHere, tmp_path: Path, name: str, content: str | bytes | None, says: str
    ) -> None:
        if content is not None:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        assert self.refused_here(export_here, "--from", name, "-o", "out").startswith(says)
        assert not (tmp_path / "out").exists()

    def test_an_endless_file(self, export_here: ExportHere) -> None:
        assert self.refused_here(export_here, "--from", "/dev/zero", "-o", "out").startswith(
            "/dev/zero has more than 100 MiB. Split"
        )

    def test_invalid_namespace_and_team(self, export_here: ExportHere) -> None:
        assert "cannot be the name of a namespace" in self.refused_here(
            export_here, "--from", "env", "-o", "o", "-n", "A b"
        )
        assert "cannot be the value of a label" in self.refused_here(
            export_here, "--from", "env", "-o", "o", "--team", "a b"
        )
