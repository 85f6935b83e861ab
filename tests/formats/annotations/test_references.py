"""References that describe a Secret instead of its own annotations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.connection_secrets import parts_of, secret_manifest, whole

DATA = {"endpoint": "h", "reader": "r", "username": "me", "password": "pw", "dsn": "mysql://whole"}


def kwargs(
    folder: Path, references: Mapping[str, object], annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the options for a folder with the Secret ``app``, which the ids reference."""
    (folder / "app.json").write_text(json.dumps(secret_manifest("shop", "app", DATA, annotations)))
    return {"path": str(folder), "references": {"connections": dict(references)}}


def reference(**annotations: str) -> dict[str, object]:
    return {"secret": "shop/app", "annotations": {name.replace("_", "-"): text for name, text in annotations.items()}}


def test_two_references_describe_one_secret(tmp_path: Path) -> None:
    references = {
        "writer": reference(connection_type="postgres"),
        "reader": reference(connection_type="postgres", field_host="reader"),
        "plain": "shop/app",
        "whole": reference(data_key="dsn"),
    }
    backend = KubernetesSecretsBackend(**kwargs(tmp_path, references))

    found = {conn_id: parts_of(backend.get_connection(conn_id)) for conn_id in references}

    login = {"login": "me", "password": "pw"}
    assert found == {
        "writer": whole(conn_type="postgres", host="h", **login),
        "reader": whole(conn_type="postgres", host="r", **login),
        "plain": whole(conn_type="generic", host="h", **login),
        "whole": whole(conn_type="mysql", host="whole", schema=""),
    }


def test_annotations_of_the_reference_replace_those_of_the_secret(tmp_path: Path) -> None:
    references = {"x": reference(connection_type="postgres"), "own": "shop/app"}
    backend = KubernetesSecretsBackend(**kwargs(tmp_path, references, {"field-host": "reader"}))

    assert backend.get_connection("x").host == "h"
    assert backend.get_connection("own").host == "r"


def test_the_secret_is_parsed_once(tmp_path: Path) -> None:
    backend = KubernetesSecretsBackend(**kwargs(tmp_path, {"x": reference(connection_type="postgres")}))

    assert backend.get_conn_value("x") is backend.get_conn_value("x")


def test_an_invalid_annotation(tmp_path: Path) -> None:
    backend = KubernetesSecretsBackend(**kwargs(tmp_path, {"x": reference(field_host="nowhere")}))

    with pytest.raises(MalformedSecretError, match=r"annotation 'airflow\.apache\.org/field-host': the data does not"):
        backend.get_connection("x")


@pytest.mark.parametrize("identifier", ["x", "app"], ids=["without a label", "with the label"])
def test_list_shows_what_airflow_gets(tmp_path: Path, identifier: str) -> None:
    options = Options.parse(kwargs(tmp_path, {identifier: reference(connection_type="postgres")}))

    entries = {entry.id: entry for entry in inventory_of(location_of(options), options).entries}

    assert entries[identifier].content.conn_type == "postgres"
