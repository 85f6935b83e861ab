"""A URI that is ignored, because another key has the host, is reported if the connection lacks a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.connection_secrets import Read
from support.listing import problems_in

DATABASE = {"host": "h", "username": "u", "password": "p"}
URI = "postgresql://u:p@h:5439/d?sslmode=verify-full"


@pytest.mark.parametrize(
    ("data", "lacking"),
    [
        ({**DATABASE, "engine": "redshift", "uri": URI}, "port, database, settings"),
        ({"host": "h", "engine": "mysql8.0", "uri": "mysql://u:p@h/d"}, "login, password, database"),
        ({**DATABASE, "type": "primary", "uri": URI}, "port, database, settings"),
        ({**DATABASE, "type": "postgres", "url": "jdbc:postgresql://h:6432/d?sslmode=require"}, "port, database, set"),
        ({"host": "h", "type": "postgres", "uri": "host=h user=u password=p sslmode=require"}, "login, password, set"),
        ({**DATABASE, "type": "mssql", "url": "Server=tcp:h,1434;Database=d;Encrypt=True"}, "port, database, settings"),
        ({"host": "h", "type": "redis", "url": "h:6380,password=p,ssl=True"}, "password, port, settings"),
        ({**DATABASE, "type": "mssql", "url": "sqlserver://h:1434;databaseName=d"}, "port, database"),
    ],
)
def test_parts_of_an_ignored_uri_are_reported(tmp_path: Path, data: dict[str, str], lacking: str) -> None:
    [problem] = [each for each in problems_in(tmp_path, data) if "nothing reads the key 'ur" in each.text]

    assert problem.code == "unused-settings"
    assert lacking in problem.text


@pytest.mark.parametrize(
    ("data", "is_reported"),
    [
        ({**DATABASE, "type": "postgres", "jdbc-url": "jdbc:postgresql://h:6432/d"}, True),
        ({"host": "h", "type": "redis", "REDIS_URL": "h:6380,password=p,ssl=True"}, True),
        ({**DATABASE, "type": "mssql", "ado-connection-string": "Server=h,1434;Database=d"}, True),
        ({**DATABASE, "type": "postgres", "REDIS_URL": "rediss://:p@r:6380/2"}, False),
        ({**DATABASE, "type": "postgres", "SENTRY_DSN": "https://key@sentry.example.com:8443/2"}, False),
    ],
)
def test_an_address_in_a_key_with_another_name(tmp_path: Path, data: dict[str, str], is_reported: bool) -> None:
    assert any("lacks parts of it" in each.text for each in problems_in(tmp_path, data)) == is_reported


def test_a_uri_without_other_parts_is_not_reported(tmp_path: Path) -> None:
    keys = {**DATABASE, "port": "6432", "database": "d", "sslmode": "require", "type": "postgres"}

    assert problems_in(tmp_path, {**keys, "url": "jdbc:postgresql://h:6432/d?sslmode=require"}) == []


def test_a_web_page_is_not_the_uri_of_a_database(tmp_path: Path) -> None:
    assert problems_in(tmp_path, {**DATABASE, "type": "postgres", "url": "https://u@pgadmin:8443/x"}) == []


def test_remedy_is_an_annotation_for_the_uri(read: Read, tmp_path: Path) -> None:
    data = {**DATABASE, "type": "primary", "uri": URI}
    [problem] = problems_in(tmp_path, data)
    assert "airflow.apache.org/field-uri" in problem.text

    annotations = {"field-uri": "uri", "connection-type": "postgres"}
    connection = read(data, annotations)
    assert connection is not None
    assert (connection["port"], connection["schema"]) == (5439, "d")
    assert connection["extra"] == {"sslmode": "verify-full"}


def test_uri_of_the_annotated_type_is_read(read: Read) -> None:
    connection = read({**DATABASE, "type": "primary", "uri": URI}, {"connection-type": "postgres"})

    assert connection is not None
    assert connection["port"] == 5439


def test_remedy_is_annotations_for_the_parts(read: Read, tmp_path: Path) -> None:
    data = {"url": "jdbc:postgresql://h:6432/d?sslmode=require", "username": "u", "password": "p"}
    with pytest.raises(MalformedSecretError, match=r"connection-host.*connection-port.*connection-schema.*extra"):
        read(data)

    annotations = {"connection_type": "postgres", "connection_host": "h"}
    [problem] = problems_in(tmp_path, data, **annotations)
    assert "port, database, settings" in problem.text
    parts = {"connection_port": "6432", "connection_schema": "d", "connection_extra": '{"sslmode": "require"}'}
    assert problems_in(tmp_path, data, **annotations, **parts) == []


@pytest.mark.parametrize(
    ("uri", "remedy"),
    [
        ("postgres://u:p@h:99999/d", "port is not a number from 1 to 65535"),
        ("postgres://u:p@h:0/d", "port is not a number from 1 to 65535"),
        ("sqlserver://h:1433;databaseName=orders", "connection-schema"),
        ("aws://key:secret@/?region_name=eu-west-1", "data-key"),
        ("sqlite:////data/x.db", "data-key"),
        ("postgres://u:p@h/d\npostgres://u:p2@h2/d", "several URIs"),
        ('mysql://u:p@h/d?__extra__={"ssl_mode"', "__extra__"),
    ],
)
def test_the_error_for_a_uri_names_the_remedy(read: Read, uri: str, remedy: str) -> None:
    with pytest.raises(MalformedSecretError, match=remedy):
        read({"uri": uri})


def test_a_uri_that_only_airflow_can_read(read: Read) -> None:
    connection = read({"uri": "aws://key:secret@/?region_name=eu-west-1"}, {"data-key": "uri"})
    assert connection is not None
    assert connection["extra"] == {"region_name": "eu-west-1"}


def test_a_driver_of_sqlalchemy_with_an_underscore(read: Read) -> None:
    connection = read({"uri": "oracle+cx_oracle://u:p@h:1521/ORCL"})
    assert connection is not None
    assert (connection["conn_type"], connection["host"], connection["port"]) == ("oracle", "h", 1521)


@pytest.mark.parametrize(
    ("uri", "extra"),
    [
        ('mysql://u:p@h/d?__extra__={"ssl_mode": "REQUIRED"}', {"ssl_mode": "REQUIRED"}),
        ('redis://:p@h?__extra__={"ssl":true}', {"ssl": True}),
        ("postgres://u:p@h/d?__extra__=%7B%22sslmode%22%3A%22verify-full%22%7D", {"sslmode": "verify-full"}),
    ],
)
def test_extra_in_the_query_of_an_airflow_uri(read: Read, uri: str, extra: dict[str, Any]) -> None:
    connection = read({"uri": uri})
    assert connection is not None
    assert connection["extra"] == extra


@pytest.mark.parametrize(
    "uri", ["redis://h?username=u&password=p", "mysql://h/d?user=u&password=p", "mssql://h/d?user=u&password=p"]
)
def test_login_and_password_in_the_query(read: Read, uri: str) -> None:
    connection = read({"uri": uri})
    assert connection is not None
    assert (connection["login"], connection["password"]) == ("u", "p")
    extra: Any = connection["extra"]
    assert not {"password", "user", "username"} & extra.keys()


@pytest.mark.parametrize(
    "uri", ["port=6432 //" + ":" * 300_000, "port=6432 x:" + "//a:" + "a:" * 150_000], ids=["colons", "logins"]
)
def test_parsing_time_of_an_address_is_limited(uri: str, tmp_path: Path) -> None:
    """Without a limit, it takes minutes. The test has the timeout of all tests."""
    found = problems_in(tmp_path, {**DATABASE, "type": "postgres", "uri": uri})
    assert [each.code for each in found] == ["unused-settings"]


def test_parsing_time_of_a_uri_is_linear(read: Read) -> None:
    """A search for a second URI from each of its newlines takes minutes."""
    read({"uri": URI + "\n" * 300_000})
