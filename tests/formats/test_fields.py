"""Which key becomes which part of a connection, without annotations."""

from __future__ import annotations

import logging

import pytest

from airflow_kubernetes_secrets.formats.aliases import ALIASES, CONNECTION_TYPES, URI
from support.connection_secrets import Read, whole
from support.logs import log_messages

SAMPLES = {
    "conn_type": ("mysql", "mysql"),
    "host": ("db.example.com", "db.example.com"),
    "login": ("me", "me"),
    "password": ("pw", "pw"),
    "port": ("5432", 5432),
    "schema": ("orders", "orders"),
    "extra": ('{"a": 1}', {"a": 1}),
}


def spellings(name: str) -> set[str]:
    return {name, name.upper(), name.replace("_", "-"), name.title()}


@pytest.mark.parametrize(
    ("field", "key"),
    [
        (field, key)
        for field, names in ALIASES.items()
        if field != URI
        for name in names
        for key in sorted(spellings(name))
    ],
)
def test_each_name_of_a_field(read: Read, field: str, key: str) -> None:
    stored, expected = SAMPLES[field]
    connection = read({key: stored, **({} if field == "host" else {"host": "h"})})

    assert connection == whole(**{"conn_type": "generic", "host": "h", field: expected})


@pytest.mark.parametrize("key", ["uri", "URI", "url", "fqdn-uri", "connection_string", "connectionString.standard"])
def test_each_name_of_a_uri(read: Read, key: str) -> None:
    connection = read({key: "postgresql://me:pw@h/db"})

    assert connection == whole(conn_type="postgres", host="h", login="me", password="pw", schema="db")


@pytest.mark.parametrize(("field", "names"), [item for item in ALIASES.items() if len(item[1]) > 1 and item[0] != URI])
def test_first_of_several_names_takes_precedence(read: Read, field: str, names: tuple[str, ...]) -> None:
    stored, expected = SAMPLES[field]
    connection = read({"host": "h", **dict.fromkeys(names, "other"), names[0]: stored})

    assert connection is not None
    assert connection[field] == expected


def test_lower_case_name_takes_precedence(read: Read) -> None:
    connection = read({"Host": "other", "HOST": "other", "host": "h"})

    assert connection is not None
    assert connection["host"] == "h"


def test_empty_keys_are_ignored(read: Read) -> None:
    """External Secrets Operator turns null into an empty string."""
    connection = read({"host": "", "endpoint": "h", "login": "", "user": "me", "password": "", "port": "", "uri": ""})

    assert connection == whole(conn_type="generic", host="h", login="me")


def test_white_space_is_stripped_except_from_passwords(read: Read) -> None:
    connection = read({"host": " h\n", "port": "5432\n", "dbname": "db\n", "engine": "postgres\n", "password": " pw\n"})

    assert connection == whole(conn_type="postgres", host="h", port=5432, schema="db", password=" pw\n")


def test_other_keys_are_ignored(read: Read) -> None:
    """Hooks pass the fields of extra to their drivers, which reject unknown ones."""
    connection = read(
        {"host": "h", "pgpass": "x", "jdbc-uri": "x", "provider": "x", "description": "x", "masterarn": "x"}
    )

    assert connection == whole(conn_type="generic", host="h")


@pytest.mark.parametrize(
    "data",
    [{}, {"other": "x"}, {"port": "5432"}, {"engine": "postgres", "schema": "db"}, {"connection": "u:p@tcp(h)/db"}],
)
def test_secret_without_a_connection_is_skipped_and_its_keys_are_logged(
    read: Read, caplog: pytest.LogCaptureFixture, data: dict[str, str]
) -> None:
    assert read(data) is None

    (warning,) = log_messages(caplog, logging.WARNING)
    assert "Secret shop/app" in warning
    for key in data or ["none at all"]:
        assert key in warning


@pytest.mark.parametrize(
    ("word", "conn_type"),
    [*CONNECTION_TYPES.items(), ("PostgreSQL", "postgres"), ("Oracle-SE2", "oracle"), ("my-own", "my_own")],
)
@pytest.mark.parametrize("key", ["engine", "type"])
def test_connection_type(read: Read, key: str, word: str, conn_type: str) -> None:
    connection = read({"host": "h", "port": "1", key: word})

    assert connection is not None
    assert connection["conn_type"] == conn_type


def test_engine_takes_precedence_over_type(read: Read) -> None:
    connection = read({"host": "h", "engine": "mysql", "type": "postgresql"})

    assert connection is not None
    assert connection["conn_type"] == "mysql"


@pytest.mark.parametrize(
    ("host", "expected", "port"),
    [
        ("db:5432", "db", 5432),
        ("[fd00::1]:5432", "fd00::1", 5432),
        ("fd00::1", "fd00::1", None),
        ("h0:27017,h1:27017", "h0:27017,h1:27017", None),
        ("https://api.example.com:8443/v1", "https://api.example.com:8443/v1", None),
        ("/var/run/postgresql", "/var/run/postgresql", None),
    ],
)
def test_a_host_with_its_port(read: Read, host: str, expected: str, port: int | None) -> None:
    assert read({"endpoint": host}) == whole(conn_type="generic", host=expected, port=port)


def test_port_key_takes_precedence_over_the_port_in_the_host(read: Read) -> None:
    assert read({"endpoint": "h:1", "port": "2"}) == whole(conn_type="generic", host="h", port=2)


def test_sql_server_without_a_port(read: Read) -> None:
    """The hook would use the port "None". A named instance has its own port."""
    assert read({"host": "h", "engine": "sqlserver"}) == whole(conn_type="mssql", host="h", port=1433)
    assert read({"host": "h\\named", "engine": "sqlserver"}) == whole(conn_type="mssql", host="h\\named")
    assert read({"password": "pw", "engine": "sqlserver"}) == whole(conn_type="mssql", password="pw")
