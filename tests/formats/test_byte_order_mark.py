"""A byte order mark is not a part of a connection or an option. Editors of Windows begin a file with one."""

from __future__ import annotations

import json

import pytest

from airflow_kubernetes_secrets.formats.reading import variable_text
from airflow_kubernetes_secrets.formats.values import BOM, config_text
from support.connection_secrets import Read, stored_secret, whole

CONNECTION = whole(conn_type="postgres", host="h", login="u", password="p", schema="d")


@pytest.mark.parametrize(
    "data",
    [
        {"uri": "postgresql://u:p@h/d"},
        {"value": "postgres://u:p@h/d"},
        {"value": json.dumps({"conn_type": "postgres", "host": "h", "login": "u", "password": "p", "schema": "d"})},
        {"value": json.dumps({"engine": "postgres", "host": "h", "username": "u", "password": "p", "dbname": "d"})},
        {"any": json.dumps({"engine": "postgres", "host": "h", "username": "u", "password": "p", "dbname": "d"})},
        {"any": "postgres://u:p@h/d"},
        {"type": "postgres", "host": "h", "username": "u", "password": "p", "database": "d"},
        {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "p", "PGDATABASE": "d"},
    ],
    ids=" ".join,
)
def test_a_connection(read: Read, data: dict[str, str]) -> None:
    assert read({key: BOM + value for key, value in data.items()}) == CONNECTION


def test_a_connection_that_an_annotation_completes(read: Read) -> None:
    connection = read({"value": f"{BOM}postgres://u:p@x/d"}, {"connection-host": "h"})

    assert connection == CONNECTION


def test_an_option() -> None:
    assert config_text(stored_secret({"value": f"{BOM}x\n"}), "value") == "x"


def test_variable_is_unchanged() -> None:
    assert variable_text(stored_secret({"value": f"{BOM}x\n"}), "value") == f"{BOM}x\n"
