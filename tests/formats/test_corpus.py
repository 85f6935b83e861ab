"""The corpus of Secrets as software writes them, read from a folder. ``tests/backend/test_corpus.py`` uses servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.usability import AIRFLOW_FIELDS
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.connection_secrets import parts_of
from support.corpus import CONNECTION_TYPE, NEEDS, NOTHING, OTHER, CorpusFile, Recipe, corpus, parts

FILES = corpus()
RECIPES = [(file, recipe) for file in FILES for recipe in file.recipes]


def by_name(value: object) -> str | None:
    return value.name if isinstance(value, CorpusFile) else value.purpose if isinstance(value, Recipe) else None


def write(folder: Path, file: CorpusFile, annotations: Mapping[str, str]) -> None:
    (folder / "secret.json").write_text(json.dumps(file.manifest("shop", "app", annotations)))


def connection_of(folder: Path) -> dict[str, object] | None:
    """Return every part of the connection that Airflow makes; ``None`` if there is none, or an error."""
    try:
        connection: Any = KubernetesSecretsBackend(path=str(folder)).get_connection("app")
    except MalformedSecretError:
        return None
    return None if connection is None else parts_of(connection)


def problems_of(folder: Path, conn_type: str | None) -> list[str]:
    """Return the codes of the problems that ``list`` reports.

    Args:
        conn_type: the right connection type. The provider that knows it may not be installed here.
    """
    options = Options(path=str(folder))
    [entry] = inventory_of(location_of(options), options).entries
    is_right = entry.content.conn_type == conn_type
    return [each.code for each in entry.problems if not (is_right and each.code == "unknown-type")]


@pytest.mark.parametrize("file", FILES, ids=by_name)
def test_a_file_is_complete(file: CorpusFile) -> None:
    assert file.software
    assert file.creates
    assert file.rule
    assert file.source
    assert all(each.startswith("https://") for each in file.source)
    assert {"name", "type", "data"} <= file.secret.keys() <= {"name", "type", "labels", "annotations", "data"}
    assert file.data
    assert file.needs in NEEDS
    assert file.connection.keys() <= {*AIRFLOW_FIELDS}
    assert {*file.missing} <= file.connection.keys()
    # A Secret that cannot be one connection has a reason instead of a recipe.
    assert bool(file.connection) == bool(file.needs != OTHER)
    assert file.note or file.needs != OTHER
    assert bool(file.annotations) == (file.needs not in (NOTHING, OTHER))
    assert file.needs != CONNECTION_TYPE or "connection-type" in file.annotations


def test_files_are_unique() -> None:
    assert len({(file.software, file.creates) for file in FILES}) == len(FILES) > 140
    assert all(file.name == file.name.lower() for file in FILES)


@pytest.mark.parametrize(("file", "recipe"), RECIPES, ids=by_name)
def test_a_recipe(file: CorpusFile, recipe: Recipe, tmp_path: Path) -> None:
    write(tmp_path, file, recipe.annotations)

    assert connection_of(tmp_path) == parts(recipe.connection), file.source


@pytest.mark.parametrize("file", [file for file in FILES if file.works], ids=by_name)
def test_only_the_known_problems_are_reported(file: CorpusFile, tmp_path: Path) -> None:
    write(tmp_path, file, {})

    assert problems_of(tmp_path, file.connection["conn_type"]) == [*file.problems]


@pytest.mark.parametrize("file", [file for file in FILES if not file.works], ids=by_name)
def test_missing_parts_are_reported(file: CorpusFile, tmp_path: Path) -> None:
    """If a connection lacks a part that the hook needs, a problem is reported."""
    write(tmp_path, file, {})

    assert problems_of(tmp_path, file.connection.get("conn_type"))
