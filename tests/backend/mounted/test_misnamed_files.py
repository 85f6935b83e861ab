"""The files that are probably meant for an id, and have another name or place."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.layouts import misnamed, mistakes, write

URI = "postgres://scott:hunter2@db.example.com:5432/shop"


@pytest.mark.parametrize("name", ["team%2Fx", "team_x", "team__x", "team-x", "team.x", "team/x", f"team-x.{'0' * 40}"])
def test_another_encoding(mount: Path, name: str) -> None:
    write(mount / "connections" / name, URI)

    assert misnamed(mount, "connections", "team/x") == [
        f"connections/{name} is not the file or folder of the id 'team/x'. Its name must be "
        f"{label_value('team/x')!r}. Rename it"
    ]
    assert misnamed(mount, "connections", "team/y") == misnamed(mount, "variables", "team/x") == []


@pytest.mark.parametrize(
    "name",
    [
        *("my_db.txt", "my_db.uri", "my_db.Uri", "my_db.JSON", "my_db.tmp", "my_db~", "my_db\n", " my_db"),
        "connections/my_db",
    ],
)
def test_similar_file_names(mount: Path, name: str) -> None:
    write(mount / "connections" / name, URI)

    [text] = misnamed(mount, "connections", "my_db")
    assert text.endswith("is not the file or folder of the id 'my_db'. Its name must be 'my_db'. Rename it")
    assert misnamed(mount, "connections", "my") == []
    write(mount / "connections" / "my_db", URI)
    assert misnamed(mount, "connections", "my_db") == []


def test_a_manifest_with_the_name_of_the_id(mount: Path) -> None:
    write(mount / "connections" / "my_db.yaml", "kind: Deployment\napiVersion: apps/v1\n")

    assert misnamed(mount, "connections", "my_db") == mistakes(mount) == []


@pytest.mark.parametrize(
    ("kind", "name", "identifier"),
    [
        (Kind.CONNECTION, "AIRFLOW_CONN_MY_DB", "my_db"),
        (Kind.VARIABLE, "AIRFLOW_VAR_REGION", "region"),
        (Kind.CONFIG, "AIRFLOW__CORE__FERNET_KEY", "core/fernet_key"),
    ],
)
def test_the_name_of_an_environment_variable(mount: Path, kind: Kind, name: str, identifier: str) -> None:
    write(mount / kind.plural / name)
    location = location_of(Options(path=str(mount)))

    assert [each.text for each in location.misnamed(kind, identifier)] == [
        f"{mount}/{kind.plural}/{name} is not the file or folder of the id {identifier!r}. Its name must be "
        f"{label_value(identifier)!r}. Rename it"
    ]
    assert list(location.misnamed(kind, "other")) == []


def test_a_secret_for_references(mount: Path) -> None:
    write(mount / "secrets" / "my_db" / "host")

    assert misnamed(mount, "connections", "my_db") == [
        "secrets/my_db is for 'references', and none is for this id. Add one, or move it to connections"
    ]
    assert mistakes(mount) == misnamed(mount, "connections", "other") == []


def test_no_suggestion_if_the_correct_file_exists(mount: Path) -> None:
    write(mount / "connections" / "team_x", URI)
    write(mount / "connections" / label_value("team/x"), URI)

    assert misnamed(mount, "connections", "team/x") == []


def test_a_hidden_name(mount: Path) -> None:
    write(mount / "variables" / ".x")

    [text] = misnamed(mount, "variables", ".x")
    assert text.startswith("variables/.x is not the file or folder of the id '.x'")


@pytest.mark.parametrize("identifier", ["../../etc/passwd", "/etc/passwd", "a/../b", "a\0b/c", "~/x", ".", ".."])
def test_files_outside_the_folder_are_not_suggested(mount: Path, identifier: str) -> None:
    write(mount / "connections" / "a", URI)

    assert misnamed(mount, "connections", identifier) == []
