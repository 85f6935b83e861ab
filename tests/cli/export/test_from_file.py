"""The files of Airflow's own exports, exported to manifests and read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.airflow import Airflow
from support.exported_entries import PASSWORD, connections_in, export, held, read_back, variables_in


class TestFromAFile:
    """The files are written by the real exports."""

    @pytest.mark.parametrize(
        "form",
        [("c.json",), ("c.yaml",), ("c.env", "--serialization-format", "json"), ("c.env",)],
        ids=["json", "yaml", "env-json", "env-uri"],
    )
    def test_connections(self, migrated: Airflow, form: tuple[str, ...], tmp_path: Path) -> None:
        # In .env, a line break in an id ends the line, and there are no comments.
        migrated.output("connections", "export", str(tmp_path / form[0]), *form[1:])
        expected = {each: fields for each, fields in held(migrated)["connections"].items() if form[0] != "c.env" or (
            len(each.splitlines()) == 1 and "=" not in each
        )}  # fmt: skip
        if form[0] == "c.env":
            lines = (tmp_path / "c.env").read_text().split("\n")
            (tmp_path / "c.env").write_text("\n".join(line for line in lines if "://" in line or "{" in line))

        result = export(
            migrated, "--from", str(tmp_path / form[0]), "-o", str(tmp_path / "out"), "--kind", "connections"
        )

        assert PASSWORD not in result.stdout + result.stderr
        found = read_back(migrated, {"connections": expected, "variables": []}, tmp_path, path=str(tmp_path / "out"))
        if form == ("c.env",):
            # Fields that a URI cannot express are lost before this test: Airflow itself parses the URI.
            assert {each for each, fields in found["connections"].items() if fields} >= {"my_db", "größe", "MY_DB"}
            return
        assert found["connections"] == expected

    def test_variables(self, migrated: Airflow, tmp_path: Path) -> None:
        migrated.output("variables", "export", str(tmp_path / "v.json"))
        expected = held(migrated)["variables"]

        result = export(migrated, "--from", str(tmp_path / "v.json"), "-o", str(tmp_path / "out"))

        assert result.returncode == 0, result.stdout + result.stderr
        found = read_back(migrated, {"connections": [], "variables": expected}, tmp_path, path=str(tmp_path / "out"))
        # Airflow's export turns strings that look like numbers and objects into these, and its import writes them
        # again.
        assert {key: each for key, each in found["variables"].items() if each != expected[key]} == {}

    def test_variables_as_import_stores_them(self, either: Airflow, tmp_path: Path) -> None:
        given = {"a": {"b": ["c", 1]}, "n": 1.5, "t": True, "none": None, "d": {"value": {"x": 1}, "description": "y"}}
        (tmp_path / "v.json").write_text(json.dumps(given))

        export(either, "--from", "v.json", "-o", "out")

        d = given["d"] if either.version == "2.11" else {"x": 1}
        stored = {key: json.dumps(value, indent=2) for key, value in given.items()}
        assert variables_in(tmp_path / "out") == {**stored, "d": json.dumps(d, indent=2)}

    def test_other_fields_that_airflow_import_accepts(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / "c.yml").write_text(
            "a: {conn_type: x, conn_id: a, port: '5', extra_dejson: {b: 1}}\n"
            "b: {conn_type: x, conn_id: other}\nc: {conn_type: x, password: 2026-01-01}\n"
        )

        result = export(bare, "--from", "c.yml", "-o", "out")

        assert connections_in(tmp_path / "out") == {
            "a": {"conn_type": "x", "port": "5", "extra": '{"b": 1}'},
            "c": {"conn_type": "x", "password": "2026-01-01"},
        }
        assert "it specifies another id\n    connection 'b'" in result.stdout

    def test_env_files(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("# comment\n\na=x://h\nb=y://u:p=q@h\na=x://i\n")
        (tmp_path / ".env").replace(tmp_path / "c.env")

        result = export(bare, "--from", "c.env", "-o", "out")

        assert connections_in(tmp_path / "out")["b"]["password"] == "p=q"
        assert "the file contains it more than once\n    connection 'a'" in result.stdout
