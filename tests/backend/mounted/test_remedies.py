"""Messages about a mounted Secret name files. Messages about the annotations of a reference name the option."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.inventory.entries import inventory_of, problems_with_ids
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.secrets import CONNECTION
from support.volumes import Volume

FIELDS = {
    "no host": {"login": "u", "password": "hunter2", "type": "mysql"},
    "a key with the host": {"login": "u", "password": "hunter2", "type": "mysql", "db-host": "h"},
    "a key with the password": {"host": "h", "login": "u", "type": "mysql", "api-token": "hunter2"},
    "a key with the login": {"host": "h", "password": "hunter2", "type": "mysql", "api-user": "u"},
    "a key with the schema": {"host": "h", "login": "u", "password": "p", "type": "mysql", "database-name": "d"},
    "keys for TLS": {"host": "h", "login": "u", "password": "p", "type": "mysql", "tls.crt": "c"},
    "a root certificate": {"uri": "postgres://u:p@h/d?sslmode=verify-full", "ca.crt": "c"},
    "no type": {"host": "h", "login": "u", "password": "p"},
    "no known key": {"a": "hunter2", "b": "hunter2"},
    "a host as the URI": {"uri": "db.example.com"},
}


def problems(mount: Path, **options: object) -> list[str]:
    """Return what is wrong with the connection ``x``."""
    parsed = Options.parse({"path": str(mount), **options})
    inventory = inventory_of(location_of(parsed), parsed)
    assert inventory.failures == []
    texts = [each.text for each in problems_with_ids(inventory.entries)]
    assert not any("hunter2" in each for each in texts)
    return texts


def is_about_annotations(text: str) -> bool:
    return "annotation" in text or "airflow.apache.org/" in text


@pytest.mark.parametrize("case", FIELDS)
@pytest.mark.parametrize("folder", ["connections/x", "x"])
def test_the_remedy_is_a_file(mount: Path, case: str, folder: str) -> None:
    """A service binding always has a type."""
    Volume(mount / folder).write({**({} if folder == "connections/x" else {"type": "mysql"}), **FIELDS[case]})

    found = problems(mount)

    assert found or (case, folder) == ("no type", "x")
    if case != "a host as the URI":
        assert not any(map(is_about_annotations, found))


@pytest.mark.parametrize(
    ("case", "remedy"),
    [
        ("no host", "Add a file 'host'"),
        ("a key with the host", "If it does, name that file 'host' or 'uri'"),
        ("a key with the password", "If it does, name that file 'password'"),
        ("a key with the login", "If it does, name that file 'login'"),
        ("a key with the schema", "If it does, name that file 'schema'"),
        ("keys for TLS", "Write the settings that the connection needs in a file 'extra'"),
        ("a root certificate", 'name its path in a file \'extra\': {"sslrootcert": "/path"}'),
        ("no type", "Set the content of the file 'conn_type'"),
        ("no known key", "name that file 'value', or name the files of its fields 'host', 'login' and 'password'"),
    ],
)
def test_the_remedy_names_a_file(mount: Path, case: str, remedy: str) -> None:
    Volume(mount / "connections" / "x").write(FIELDS[case])

    assert any(remedy in each for each in problems(mount)), problems(mount)


def test_a_variable(mount: Path) -> None:
    Volume(mount / "variables" / "x").write({"a": "hunter2"})

    [text] = problems(mount)
    assert text.endswith("the keys are 'a'. If one of them contains it, name that file 'value'")


@pytest.mark.parametrize("case", [each for each in FIELDS if each != "a host as the URI"])
@pytest.mark.parametrize("annotations", [None, {"connection-login": "x"}, {"field-login": "login"}])
def test_a_whole_secret_is_described_in_the_options(mount: Path, case: str, annotations: dict[str, str] | None) -> None:
    Volume(mount / "secrets" / "app-db").write(FIELDS[case])
    reference = "app-db" if annotations is None else {"secret": "app-db", "annotations": annotations}

    for text in problems(mount, references={"connections": {"x": reference}}):
        if is_about_annotations(text):
            assert "in 'references'" in text or "reference's annotation" in text


@pytest.mark.parametrize("is_mounted", [True, False])
@pytest.mark.parametrize(
    ("annotations", "named"),
    [
        (
            {"field-host": "missing"},
            "reference's annotation 'airflow.apache.org/field-host': the data does not contain",
        ),
        (
            {"connection-port": "x"},
            "reference's annotation 'airflow.apache.org/connection-port': the port is not a num",
        ),
        ({"conection-type": "x"}, "reference's annotation 'airflow.apache.org/conection-type': it is unknown"),
        ({"connection-type": " "}, "reference's annotation 'airflow.apache.org/connection-type': it is blank"),
    ],
)
def test_a_description_in_a_reference(mount: Path, annotations: dict[str, str], named: str, is_mounted: bool) -> None:
    """The Secret has no such annotation, so nobody must look for it there."""
    data = {"host": "h", "login": "u", "password": "hunter2", "type": "mysql"}
    if is_mounted:
        Volume(mount / "secrets" / "app-db").write(data)
    else:
        (mount / "x.json").write_text(
            json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app-db"}, "stringData": data})
        )
    reference = {"secret": "app-db", "annotations": annotations}

    assert any(named in each for each in problems(mount, references={"connections": {"x": reference}}))


def test_a_secret_in_a_manifest(mount: Path) -> None:
    data = {"a": "hunter2"}
    metadata = {"name": "x", "labels": {CONNECTION: "x"}}
    (mount / "x.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    )

    [text] = problems(mount)
    assert "name that key in the annotation airflow.apache.org/data-key" in text
    assert "references" not in text
