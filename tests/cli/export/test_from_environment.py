"""The entries in Airflow's environment, exported to manifests and read back."""

from __future__ import annotations

import json
import os
from pathlib import Path

from support.airflow import Airflow
from support.exported_entries import PASSWORD, ExportHere, connections_in, export, manifests, value_of, variables_in


class TestFromTheEnvironment:
    def test_ids_are_written_in_lower_case(self, either: Airflow, tmp_path: Path) -> None:
        result = export(
            either, "--from", "env", "-o", "out",
            AIRFLOW_CONN_MY_DB=f"postgresql://u:{PASSWORD}%2F@h:5432/s?a=b&c=%7B",
            AIRFLOW_CONN_JSON=json.dumps({"conn_type": "http", "password": PASSWORD, "extra": {"a": 1}}),
            AIRFLOW_VAR_A="", AIRFLOW_VAR_B=f" {PASSWORD}\n",
        )  # fmt: skip

        assert result.returncode == 0, result.stdout + result.stderr
        assert "environment variables have names in capitals only" in result.stdout
        assert PASSWORD not in result.stdout + result.stderr
        assert connections_in(tmp_path / "out") == {
            "my_db": {
                "conn_type": "postgres", "host": "h", "login": "u", "password": "hunter2/", "schema": "s", "port": 5432,
                "extra": '{"a": "b", "c": "{"}',
            },
            "json": {"conn_type": "http", "password": PASSWORD, "extra": '{"a": 1}'},
        }  # fmt: skip
        assert variables_in(tmp_path / "out") == {"a": "", "b": " hunter2\n"}
        assert not (tmp_path / "out" / "delete-from-database.sh").exists()

    def test_entries_that_cannot_be_exported(self, either: Airflow) -> None:
        variables = {
            "AIRFLOW_CONN_BLANK": " ",
            "AIRFLOW_CONN_WORD": PASSWORD,
            "AIRFLOW_CONN_PORT": f"x://u:{PASSWORD}@h:port",
            "AIRFLOW_CONN_TWICE": f"x://u:{PASSWORD}@y://z://",
            "AIRFLOW_CONN_JSON": f'{{"password": "{PASSWORD}"',
            "AIRFLOW_CONN_FIELDS": f'{{"conn_type": "x", "{PASSWORD}": "{PASSWORD}"}}',
            "AIRFLOW_CONN_NUMBER": '{"conn_type": "x", "password": 1}',
            "AIRFLOW_CONN_EXTRA": f'{{"conn_type": "x", "extra": "{PASSWORD}"}}',
            "AIRFLOW_CONN_": f"x://u:{PASSWORD}@h",
            "AIRFLOW_CONN_HALF": r'{"conn_type": "x", "host": "\ud800"}',
            "AIRFLOW_VAR_BYTES": os.fsdecode(b"\xff"),
            "AIRFLOW_VAR_LARGE1": "x" * 100,
        }

        result = export(either, "--from", "env", "-o", "out", "--report", "json", **variables)

        assert result.returncode == 1
        assert PASSWORD not in result.stdout + result.stderr
        report = json.loads(result.stdout)
        reasons = {each["id"]: each.get("reason", "") for each in report["entries"]}
        assert reasons.pop("large1") == ""
        assert reasons.pop("port").startswith("Airflow cannot parse its URI (")
        assert reasons.pop("twice").startswith("Airflow cannot parse its URI (")
        assert reasons.pop("fields").startswith("it has unknown fields; the fields are conn_type")
        assert reasons == {
            "blank": "it is blank",
            "word": "it is neither a URI (conn-type://…) nor JSON ({…})",
            "json": "it is not valid JSON: line 1: Expecting ',' delimiter",
            "number": "its password is not a string",
            "extra": "its extra is not a JSON object, which Airflow refuses",
            "": "Airflow would not find it: the id is empty, so the lookup was skipped",
            "half": "its host is not Unicode",
            "bytes": "its value is not Unicode, so it cannot be stored in UTF-8",
        }

    def test_report_lists_the_entries_that_were_not_written(self, export_here: ExportHere) -> None:
        result = export_here("--from", "env", "-o", "out", AIRFLOW_CONN_A=" ", AIRFLOW_CONN_B="", AIRFLOW_VAR_C="c")

        assert result.returncode == 1
        assert "Not written:\n  - it is blank\n    connection 'a', connection 'b'\n" in result.stdout
        assert result.stdout.startswith("connections: 2 not written\nvariables: 1 written\n")

    def test_teams(self, bare: Airflow, tmp_path: Path) -> None:
        variables = {
            "AIRFLOW_VAR__SALES___MY_KEY": "team",
            "AIRFLOW_VAR_MY_KEY": "all",
            "AIRFLOW_VAR_A___B": "nobody",
        }

        result = export(bare, "--from", "env", "-o", "out", AIRFLOW__CORE__MULTI_TEAM="True", **variables)

        labels = {
            value_of(each): each["metadata"]["labels"].get("airflow.apache.org/team")
            for each in manifests(tmp_path / "out").values()
        }
        assert labels == {"team": "sales", "all": None}
        assert "Airflow does not read the environment for an id with '___' in it\n    variable 'a___b'" in result.stdout

    def test_variable_name_of_a_team_is_an_id_without_multi_team(self, either: Airflow, tmp_path: Path) -> None:
        export(either, "--from", "env", "-o", "out", AIRFLOW_VAR__SALES___MY_KEY="x")

        assert variables_in(tmp_path / "out") == {"_sales___my_key": "x"}
