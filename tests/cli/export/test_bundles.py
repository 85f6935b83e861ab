"""``export --bundle``: one Secret for each kind, read back with the backend."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.cli.main import main
from support.airflow import BACKEND, Airflow
from support.exported_entries import PASSWORD, export
from support.secrets import BUNDLE, TEAM

CONNECTIONS = {
    "my_db": {"conn_type": "postgres", "host": "db", "login": "u", "password": f"{PASSWORD}/ä"},
    "team/orders@eu": {"conn_type": "http", "host": "api", "password": PASSWORD},
    "AIRFLOW_CONN_X": {"conn_type": "http", "host": "x"},
}


def made(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the manifests in a folder, by file."""
    return {str(path.relative_to(folder)): yaml.safe_load(path.read_text()) for path in sorted(folder.rglob("*.yaml"))}


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that exports a file of connections or variables, and returns the report."""
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"bundles": true}')

    def exported(given: dict[str, Any], *arguments: str, status: int = 0) -> dict[str, Any]:
        (tmp_path / "given.json").write_text(json.dumps(given))
        command = ["export", "--from", str(tmp_path / "given.json"), "-o", str(tmp_path / "out"), "--bundle"]
        done = main([*command, "--report", "json", *arguments])
        said = capsys.readouterr()
        assert PASSWORD not in said.out + said.err
        assert done == status, said.out + said.err
        found: dict[str, Any] = json.loads(said.out)
        return found

    return exported


def test_connections(run: Any, tmp_path: Path) -> None:
    """An id that cannot be a key, or that is the environment variable of another id, gets a separate Secret."""
    report = run(CONNECTIONS, "--kind", "connections", "--namespace", "airflow")

    found = made(tmp_path / "out")
    bundle = found["connections/airflow-connections.yaml"]
    assert bundle["metadata"] == {
        "name": "airflow-connections",
        "namespace": "airflow",
        "labels": {BUNDLE: "connections"},
    }
    assert list(bundle["data"]) == ["my_db"]
    assert len(found) == 3
    assert report["connections"] == {"written": 3, "unchanged": 0, "not_written": 0}
    assert report["notes"] == []
    backend = KubernetesSecretsBackend(path=str(tmp_path / "out"), bundles=True)
    for conn_id, fields in CONNECTIONS.items():
        connection = backend.get_connection(conn_id)
        assert {name: getattr(connection, name) for name in fields} == fields
    assert main(["check", str(tmp_path / "out"), "--strict"]) == 0


def test_variables_of_a_team(run: Any, tmp_path: Path) -> None:
    run({"a": "", "b": f" {PASSWORD}\n"}, "--kind", "variables", "--team", "Blue")

    [(file, bundle)] = made(tmp_path / "out").items()
    assert file.startswith("variables/airflow-variables-blue-")
    assert bundle["metadata"]["labels"] == {BUNDLE: "variables", TEAM: "Blue"}
    assert {key: b64decode(value).decode() for key, value in bundle["data"].items()} == {"a": "", "b": f" {PASSWORD}\n"}


def test_many_values_are_split_into_several_bundles(run: Any, tmp_path: Path) -> None:
    """`kubectl apply` copies each to an annotation, which is limited to 256 KiB."""
    given = {f"v{number}": "x" * 50_000 for number in range(10)} | {"large": "x" * 500_000}
    run(given, "--kind", "variables")

    files = [json.dumps(each["data"]) for each in made(tmp_path / "out").values()]
    assert sorted(len(each) < 256 * 1024 for each in files) == [False, True, True, True, True]
    backend = KubernetesSecretsBackend(path=str(tmp_path / "out"), bundles=True)
    assert {key: backend.get_variable(key) for key in given} == given


def test_invalid_entries_are_not_written(run: Any, tmp_path: Path) -> None:
    report = run({"good": {"conn_type": "http"}, "bad": {"conn_type": "x", "port": "many"}}, status=1)

    assert [(each["id"], each["status"]) for each in report["entries"]] == [("bad", "not written"), ("good", "written")]
    assert list(made(tmp_path / "out")) == ["connections/airflow-connections.yaml"]


def test_an_existing_bundle_is_only_replaced_with_force(run: Any, tmp_path: Path) -> None:
    run({"a": "1"}, "--kind", "variables")
    assert run({"a": "1"}, "--kind", "variables")["variables"]["unchanged"] == 1
    report = run({"a": "2", "b": "3"}, "--kind", "variables", status=1)
    assert report["variables"] == {"written": 0, "unchanged": 0, "not_written": 2}
    run({"a": "2", "b": "3"}, "--kind", "variables", "--force")

    [bundle] = made(tmp_path / "out").values()
    assert list(bundle["data"]) == ["a", "b"]


def test_a_note_if_bundles_are_off(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", "{}")

    [note] = run({"a": "1"}, "--kind", "variables")["notes"]

    assert note.startswith("lookups read bundles only if bundles is true in backend_kwargs")


def test_keys_from_the_environment_are_the_variable_names(bare: Airflow, tmp_path: Path) -> None:
    """Lookups ignore the case of such keys, so the report has no note about it."""
    variables = {"AIRFLOW_CONN_MY_DB": f"http://u:{PASSWORD}@h", "AIRFLOW_VAR_A": PASSWORD, "AIRFLOW_VAR_": "x"}
    result = export(bare, "--from", "env", "-o", "out", "--bundle", **variables)

    assert result.returncode == 1, result.stdout + result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    assert "capitals only" not in result.stdout
    found = made(tmp_path / "out")
    assert {key for each in found.values() for key in each["data"]} == {"AIRFLOW_CONN_MY_DB", "AIRFLOW_VAR_A"}
    backend = KubernetesSecretsBackend(path=str(tmp_path / "out"), bundles=True)
    assert backend.get_connection("My_Db").password == PASSWORD


def test_files_of_an_earlier_export_are_reported_and_not_deleted(run: Any, tmp_path: Path) -> None:
    """The files can come from another source. ``kubectl apply -R`` would create an old part of a bundle again."""
    run({"a": "x" * 150_000, "b": "x" * 150_000}, "--kind", "variables")
    (tmp_path / "out" / "notes.txt").write_text("")
    assert run({"a": "x" * 150_000, "b": "x" * 150_000}, "--kind", "variables")["notes"] == []

    [note] = run({"a": "x" * 150_000}, "--kind", "variables")["notes"]

    assert "kubectl applies them too: variables/airflow-variables-2.yaml. Delete those" in note
    assert len(made(tmp_path / "out")) == 2
