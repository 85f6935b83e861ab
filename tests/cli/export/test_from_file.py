"""The files of Airflow's own exports, exported to manifests and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.airflow import Airflow
from support.exported_entries import (
    PASSWORD,
    ExportHere,
    connections_in,
    done,
    export,
    held,
    read_back_each,
    variables_in,
)

# Runs commands in one process, because Airflow takes longer to start than to run them.
COMMANDS = """
import json, sys
from airflow.__main__ import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["airflow", *arguments]
    main()
"""

# The options of ``airflow connections export`` by the file that it writes.
FORMS = {"c.json": (), "c.yaml": (), "json.env": ("--serialization-format", "json"), "uri.env": ()}


@pytest.fixture(scope="module")
def files(migrated: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with Airflow's own exports of the whole database in every form."""
    folder = tmp_path_factory.mktemp("files")
    commands = [["connections", "export", str(folder / file), *options] for file, options in FORMS.items()]
    done(migrated.python(COMMANDS, json.dumps([*commands, ["variables", "export", str(folder / "v.json")]])))
    for file in ("json.env", "uri.env"):
        # In .env, a line break in an id ends the line, and there are no comments.
        lines = (folder / file).read_text().split("\n")
        (folder / file).write_text("\n".join(line for line in lines if "://" in line or "{" in line))
    return folder


@pytest.fixture(scope="module")
def found(migrated: Airflow, files: Path) -> dict[str, dict[str, Any]]:
    """Return what Airflow reads after each file was exported: connections by file, and ``variables``."""
    ids = held(migrated)
    backends = []
    for file in FORMS:
        result = export(migrated, "--from", str(files / file), "-o", str(files / "of" / file), "--kind", "connections")
        assert PASSWORD not in result.stdout + result.stderr
        backends.append(({**ids, "variables": []}, {"path": str(files / "of" / file)}))
    done(export(migrated, "--from", str(files / "v.json"), "-o", str(files / "of" / "v.json")))
    backends.append(({**ids, "connections": []}, {"path": str(files / "of" / "v.json")}))
    *connections, variables = read_back_each(migrated, backends, files)
    return {file: each["connections"] for file, each in zip(FORMS, connections, strict=True)} | {
        "variables": variables["variables"]
    }


class TestFromAFile:
    """The files are written by the real exports."""

    @pytest.mark.parametrize("file", ["c.json", "c.yaml", "json.env"])
    def test_connections(self, migrated: Airflow, found: dict[str, dict[str, Any]], file: str) -> None:
        expected = held(migrated)["connections"]
        if file == "json.env":
            expected = {id: each for id, each in expected.items() if len(id.splitlines()) == 1 and "=" not in id}

        assert {id: each for id, each in found[file].items() if id in expected} == expected

    def test_connections_as_uris(self, found: dict[str, dict[str, Any]]) -> None:
        """Fields that a URI cannot express are lost before this test: Airflow itself parses the URI."""
        assert {id for id, fields in found["uri.env"].items() if fields} >= {"my_db", "größe", "MY_DB"}

    def test_variables(self, migrated: Airflow, found: dict[str, dict[str, Any]]) -> None:
        expected = held(migrated)["variables"]
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

    def test_other_fields_that_airflow_import_accepts(self, export_here: ExportHere, tmp_path: Path) -> None:
        (tmp_path / "c.yml").write_text(
            "a: {conn_type: x, conn_id: a, port: '5', extra_dejson: {b: 1}}\n"
            "b: {conn_type: x, conn_id: other}\nc: {conn_type: x, password: 2026-01-01}\n"
        )

        result = export_here("--from", "c.yml", "-o", "out")

        assert connections_in(tmp_path / "out") == {
            "a": {"conn_type": "x", "port": "5", "extra": '{"b": 1}'},
            "c": {"conn_type": "x", "password": "2026-01-01"},
        }
        assert "it specifies another id\n    connection 'b'" in result.stdout

    def test_env_files(self, export_here: ExportHere, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("# comment\n\na=x://h\nb=y://u:p=q@h\na=x://i\n")
        (tmp_path / ".env").replace(tmp_path / "c.env")

        result = export_here("--from", "c.env", "-o", "out")

        assert connections_in(tmp_path / "out")["b"]["password"] == "p=q"
        assert "the file contains it more than once\n    connection 'a'" in result.stdout
