"""The entries of Airflow's database, exported to manifests and read back."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from support.airflow import BACKEND, Airflow
from support.cluster import Cluster
from support.exported_entries import PASSWORD, connections_in, export, held, manifests, read_back
from support.requirements import require_airflow
from support.secrets import BUNDLE


class TestFromTheDatabase:
    @pytest.mark.parametrize("reader", ["3.3", "2.11"])
    def test_all_entries_are_read_back_unchanged(
        self, migrated: Airflow, exported: Path, reader: str, tmp_path: Path
    ) -> None:
        require_airflow(reader)
        expected = held(migrated)
        airflow = migrated if reader == migrated.version else Airflow(reader, tmp_path / "home")

        found = read_back(airflow, expected, tmp_path, path=str(exported))

        assert len(expected["connections"]) > 200
        assert len(expected["variables"]) > 200
        if reader != migrated.version:
            for each in (*found["connections"].values(), *expected["connections"].values()):
                each["uri"] = "each version has its own"
        assert found == expected

    def test_all_entries_are_read_back_unchanged_through_the_api(
        self, migrated: Airflow, exported: Path, cluster: Cluster, namespace: str, tmp_path: Path
    ) -> None:
        for manifest in manifests(exported).values():
            manifest["metadata"]["namespace"] = namespace
            cluster.apply(manifest)
        account = cluster.service_account(namespace, "reader", {namespace: ["list", "watch"]})
        reader = migrated.with_variables(**cluster.pod_environment())
        expected = held(migrated)

        found = read_back(reader, expected, tmp_path, service_account_path=str(account.folder), cache_ttl=60)

        assert found == expected

    def test_the_report(self, migrated: Airflow, exported: Path) -> None:
        report = (migrated.home / "report.txt").read_text()

        numbers = {kind: len(each) for kind, each in held(migrated).items()}
        assert report.startswith(
            f"connections: {numbers['connections']} written\nvariables: {numbers['variables']} written\n"
        )
        assert f"kubectl apply --server-side -R -f {exported}" in report, "one value is large"
        assert "'airflow-kubernetes-secrets list' shows them" in report
        assert "base64 is not encryption" in report
        assert "a variable's description is not exported: a Secret has no field for it (1)" in report
        assert len(report.splitlines()) < 20

    def test_only_the_owner_can_read_the_files(self, exported: Path) -> None:
        modes = {stat.S_IMODE(path.stat().st_mode) for path in exported.rglob("*.yaml")}

        assert modes == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in (exported, *exported.glob("*/"))} == {0o700}
        assert stat.S_IMODE((exported / "delete-from-database.sh").stat().st_mode) == 0o700
        assert {path.suffix for path in exported.rglob("*") if path.is_file()} == {".yaml", ".sh"}

    def test_the_script_deletes_what_was_exported(self, migrated: Airflow, exported: Path, tmp_path: Path) -> None:
        """A replacement for ``airflow`` records its arguments: the real one takes seconds each time."""
        (tmp_path / "airflow").write_text('#!/bin/sh\nprintf "%s\\0" "$@" END >> "$NOTES"\n')
        (tmp_path / "airflow").chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NOTES": str(tmp_path / "notes")}

        subprocess.run([exported / "delete-from-database.sh"], env=environment, check=True, timeout=180)

        calls = [call.split("\0")[:-1] for call in (tmp_path / "notes").read_text().split("END\0")[:-1]]
        ids = {kind: {call[-1] for call in calls if call[0] == kind} for kind in ("connections", "variables")}
        assert ids == {kind: set(each) for kind, each in held(migrated).items()}
        assert {call[1] for call in calls} == {"delete"}

    @pytest.mark.parametrize("bundles", [True, False])
    def test_script_deletes_entries_in_bundles_only_if_bundles_are_enabled(
        self, migrated: Airflow, tmp_path: Path, bundles: bool
    ) -> None:
        reader = migrated.with_variables(
            AIRFLOW__SECRETS__BACKEND=BACKEND, AIRFLOW__SECRETS__BACKEND_KWARGS=json.dumps({"bundles": bundles})
        )

        result = export(reader, "--from", "metadata-db", "-o", str(tmp_path / "out"), "--bundle")

        assert result.returncode == 0, result.stdout + result.stderr
        script = tmp_path / "out" / "delete-from-database.sh"
        deleted = script.read_text().count("airflow variables delete") if script.exists() else 0
        written = [path.read_text() for path in (tmp_path / "out" / "variables").glob("*.yaml")]
        own = sum(BUNDLE not in text for text in written)
        assert 0 < own < len(written)
        assert deleted == (len(held(migrated)["variables"]) if bundles else own)

    def test_a_command_of_the_script_deletes_one_entry(self, migrated: Airflow, exported: Path, tmp_path: Path) -> None:
        script = (exported / "delete-from-database.sh").read_text()
        [line] = [line for line in script.splitlines() if line == "airflow connections delete -- --option"]
        copy = self._copy(migrated, tmp_path)

        assert "deleted connection" in copy.output(*shlex.split(line)[1:])

        query = "SELECT conn_id FROM connection WHERE conn_id = '--option'"
        with closing(sqlite3.connect(copy.home / "airflow.db")) as database:
            assert not database.execute(query).fetchall()

    def test_second_export_changes_no_files(self, migrated: Airflow, exported: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in exported.rglob("*.*")}

        result = export(migrated, "--from", "metadata-db", "-o", str(exported))

        assert result.returncode == 0
        numbers = {kind: len(each) for kind, each in held(migrated).items()}
        assert f"connections: {numbers['connections']} unchanged" in result.stdout
        assert {path: path.stat().st_mtime_ns for path in exported.rglob("*.*")} == before

    def test_one_kind(self, migrated: Airflow, tmp_path: Path) -> None:
        result = export(migrated, "--from", "metadata-db", "-o", str(tmp_path / "out"), "--kind", "variables")

        assert result.returncode == 0
        assert "connections:" not in result.stdout
        assert not (tmp_path / "out" / "connections").exists()

    def test_unreadable_entries_are_reported_and_the_rest_is_exported(self, migrated: Airflow, tmp_path: Path) -> None:
        copy = self._copy(migrated, tmp_path)
        foreign = Fernet(Fernet.generate_key()).encrypt(PASSWORD.encode()).decode()
        with closing(sqlite3.connect(copy.home / "airflow.db")) as database, database:
            database.execute(
                "UPDATE connection SET password = ?, is_encrypted = 1 WHERE conn_id IN ('my_db', '.')", (foreign,)
            )
            database.execute("UPDATE connection SET extra = ?, is_extra_encrypted = 1 WHERE conn_id = '__'", (foreign,))
            database.execute("UPDATE connection SET extra = '[1]', is_extra_encrypted = 0 WHERE conn_id = 'null'")
            database.execute("UPDATE variable SET val = ?, is_encrypted = 1 WHERE key = 'my_db'", (foreign,))
            if migrated.version == "2.11":  # Airflow 3 forbids it
                database.execute("UPDATE variable SET val = NULL, is_encrypted = 0 WHERE key = '.'")

        result = export(copy, "--from", "metadata-db", "-o", str(tmp_path / "out"), "--report", "json")

        report = json.loads(result.stdout)
        assert result.returncode == 1
        lost = {(each["kind"], each["id"]): each["reason"] for each in report["entries"] if "reason" in each}
        undecrypted = "it cannot be decrypted with [core] fernet_key; add the key that encrypted it"
        assert lost.pop(("variable", "."), "it has no value") == "it has no value"
        assert lost == {
            ("connection", "my_db"): undecrypted,
            ("connection", "."): undecrypted,
            ("connection", "__"): undecrypted,
            ("connection", "null"): "its extra is not a JSON object, which Airflow refuses",
            ("variable", "my_db"): undecrypted,
        }
        script = Path(report["delete_script"]).read_text().splitlines()
        assert "airflow connections delete my_db" not in script
        assert "airflow connections delete MY_DB" in script
        assert report["connections"]["not_written"] == 4
        assert "my_db" not in connections_in(tmp_path / "out")

    @pytest.mark.parametrize("migrated", ["3.3"], ids=["airflow-3.3"], indirect=True)  # the older one has no teams
    def test_a_team_of_the_database(self, migrated: Airflow, tmp_path: Path) -> None:
        copy = self._copy(migrated, tmp_path)
        with closing(sqlite3.connect(copy.home / "airflow.db")) as database, database:
            database.execute("INSERT INTO team (name) VALUES ('sales')")
            database.execute("UPDATE connection SET team_name = 'sales' WHERE conn_id = 'my_db'")

        export(copy, "--from", "metadata-db", "-o", str(tmp_path / "out"), "--kind", "connections", "--team", "ops")

        teams = {
            each["metadata"]["labels"]["airflow.apache.org/connection-id"]: each["metadata"]["labels"][
                "airflow.apache.org/team"
            ]
            for each in manifests(tmp_path / "out").values()
        }
        assert teams["my_db"] == "sales"
        assert set(teams.values()) == {"sales", "ops"}

    @staticmethod
    def _copy(airflow: Airflow, folder: Path) -> Airflow:
        """Return this Airflow with a copy of the database."""
        (folder / "home").mkdir()
        (folder / "home" / "airflow.db").write_bytes((airflow.home / "airflow.db").read_bytes())
        return Airflow(airflow.version, folder / "home", airflow.variables)
