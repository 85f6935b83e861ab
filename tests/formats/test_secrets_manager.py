"""JSON in one key with the names that Airflow's backend for AWS Secrets Manager accepts, and other whole values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, connection_text, is_converted
from airflow_kubernetes_secrets.formats.value_parsers import JSON_NAMES, UNNEEDED_IN_JSON
from support.connection_secrets import Read, stored_secret, whole
from support.listing import problems_in

RDS = {"engine": "postgres", "host": "db", "username": "app", "password": "p@ss/w:rd", "port": 5432, "dbname": "orders"}
OF_RDS = whole(conn_type="postgres", host="db", login="app", password="p@ss/w:rd", port=5432, schema="orders")
GOOGLE = '{"type": "service_account", "project_id": "shop"}'
KUBECONFIG = "apiVersion: v1\nkind: Config\nclusters: []\n"

# As in https://github.com/apache/airflow/blob/main/providers/amazon/src/airflow/providers/amazon/aws/secrets/secrets_manager.py
ACCEPTED_BY_AMAZON = {
    "login": ["login", "user", "username", "user_name"],
    "password": ["password", "pass", "key"],
    "host": ["host", "remote_host", "server"],
    "port": ["port"],
    "schema": ["database", "schema"],
    "conn_type": ["conn_type", "conn_id", "connection_type", "engine"],
    "extra": ["extra"],
}
NAMES = [
    (field, name) for field, names in ACCEPTED_BY_AMAZON.items() for name in names if field not in ("port", "extra")
]


def test_every_name_is_accepted() -> None:
    assert {field: {*names} - {"dbname", "dbport"} for field, names in JSON_NAMES.items()} == {
        field: {*names} for field, names in ACCEPTED_BY_AMAZON.items()
    }


@pytest.mark.parametrize(("field", "name"), NAMES, ids=[name for _field, name in NAMES])
def test_accepted_name_is_read(read: Read, field: str, name: str) -> None:
    # Airflow itself refuses the JSON because of another name that only Amazon's backend accepts.
    other = {"user": "u"} if field == "conn_type" else {"conn_id": "http"}

    connection = read({"value": json.dumps({**other, name: "word"})})

    assert connection is not None
    assert connection[field] == "word"


def test_first_name_in_the_json_takes_precedence(read: Read) -> None:
    first = read({"value": '{"engine": "http", "server": "one", "host": "two"}'})
    second = read({"value": '{"engine": "http", "host": "two", "server": "one"}'})

    assert first == whole(conn_type="http", host="one")
    assert second == whole(conn_type="http", host="two")


@pytest.mark.parametrize(
    ("more", "annotations", "named"),
    [
        ({"schema": "s", "dbname": "d"}, {}, ("dbname", "schema", "schema")),
        ({"user": "a"}, {}, ("user", "username", "login")),
        ({"key": "k"}, {}, ("key", "password", "password")),
        ({"schema": "d", "dbname": "d"}, {}, ()),
        ({"database": None, "dbname": "d"}, {}, ()),
        ({"port": 5432, "dbport": "5432"}, {}, ()),
        ({"schema": "s", "dbname": "d"}, {"connection_schema": "d"}, ()),
    ],
)
def test_two_names_with_other_values_are_reported(
    tmp_path: Path, more: dict[str, object], annotations: dict[str, str], named: tuple[str, ...]
) -> None:
    value = {"engine": "postgres", "host": "h", "username": "u", "password": "p", **more}
    found = problems_in(tmp_path, {"value": json.dumps(value)}, **annotations)

    assert [each.code for each in found] == ["unused-settings"] * bool(named)
    if named:
        unread, read, field = named
        assert (
            f"nothing reads {unread!r} in the value of the key 'value', because {read!r} comes first" in found[0].text
        )
        assert f"read as the {field}. Remove one of them" in found[0].text


def test_null_is_ignored_if_another_name_has_a_value(read: Read) -> None:
    assert read({"value": '{"engine": "http", "user": null, "username": "x"}'}) == whole(conn_type="http", login="x")


def test_json_that_rds_writes(read: Read) -> None:
    stored = {**RDS, **dict.fromkeys(UNNEEDED_IN_JSON, "x")}

    assert read({"value": json.dumps(stored)}) == OF_RDS


@pytest.mark.parametrize("extra", [{"sslmode": "require"}, '{"sslmode": "require"}'], ids=["object", "string"])
def test_extra(read: Read, extra: object) -> None:
    assert read({"value": json.dumps({**RDS, "extra": extra})}) == {**OF_RDS, "extra": {"sslmode": "require"}}


@pytest.mark.parametrize(
    ("engine", "ssl", "conn_type", "extra"),
    [
        ("postgres", True, "postgres", {"sslmode": "require"}),
        ("mariadb", "true", "mysql", {"ssl_mode": "REQUIRED"}),
        ("mongo", True, "mongo", {"ssl": True}),
        ("postgres", False, "postgres", {}),
        ("db2", True, "db2", {}),
    ],
)
def test_tls(read: Read, engine: str, ssl: object, conn_type: str, extra: dict[str, object]) -> None:
    connection = read({"value": json.dumps({**RDS, "engine": engine, "ssl": ssl})})

    assert connection == {**OF_RDS, "conn_type": conn_type, "extra": extra}


def test_a_null_counts_as_missing(read: Read) -> None:
    assert read({"value": json.dumps({**RDS, "port": None, "dbname": None})}) == {
        **OF_RDS,
        "port": None,
        "schema": None,
    }


def test_annotations_complete_it(read: Read) -> None:
    annotations = {"connection-host": "reader", "extra-ca": "ca", "connection-extra": '{"sslmode": "require"}'}

    connection = read({"value": json.dumps(RDS), "ca": "c"}, annotations)

    assert connection == {**OF_RDS, "host": "reader", "extra": {"sslmode": "require", "ca": "c"}}


def test_an_annotation_replaces_a_field_by_that_of_another_key(read: Read) -> None:
    assert read({"value": json.dumps(RDS), "reader": "r"}, {"field-host": "reader"}) == {**OF_RDS, "host": "r"}


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        ({**RDS, "hots": "db"}, "unknown fields: 'hots'. Its other names are"),
        ({**RDS, "uri": "postgres://h"}, "unknown fields: 'uri'. Its other names are"),
        ({**RDS, "username": 5}, "names whose values must be strings: 'username'. Put"),
        ({**RDS, "port": [5432]}, "names whose values must be strings: 'port'. Put"),
        ({"username": "app", "password": ["p"]}, "names whose values must be strings: 'password'. Put"),
        ({"username": "app", "extra": [1]}, "names whose values must be strings: 'extra'. Put"),
        ({"login": "app", "hots": "db"}, "unknown fields: 'hots'; the fields are"),
    ],
    ids=str,
)
def test_error_names_only_the_invalid_fields(stored: dict[str, Any], problem: str) -> None:
    secret = stored_secret({"value": json.dumps(stored)})

    with pytest.raises(MalformedSecretError, match=f"the connection's JSON has {problem}"):
        connection_text(secret, "value")


def test_invalid_port() -> None:
    secret = stored_secret({"value": json.dumps({**RDS, "port": "x"})})

    with pytest.raises(MalformedSecretError, match="key 'value': the port is not a number"):
        connection_text(secret, "value")


@pytest.mark.parametrize("text", ['{"conn_type": "http", "host": "h"}', "http://h"])
def test_formats_of_airflow_are_unchanged(text: str) -> None:
    secret = stored_secret({"value": text})

    assert connection_text(secret, "value") == text
    assert not is_converted(secret, "value")


@pytest.mark.parametrize("key", ["value", "credentials.json"])
@pytest.mark.parametrize(
    ("text", "connection"),
    [
        (json.dumps(RDS), OF_RDS),
        (GOOGLE, whole(conn_type="google_cloud_platform", extra={"keyfile_dict": GOOGLE})),
        (KUBECONFIG, whole(conn_type="kubernetes", extra={"kube_config": KUBECONFIG})),
    ],
    ids=["RDS", "Google", "kubeconfig"],
)
def test_the_only_key_can_have_any_name(read: Read, key: str, text: str, connection: dict[str, object]) -> None:
    assert read({key: text}) == connection


def test_data_key_next_to_other_keys(read: Read) -> None:
    assert read({"value": json.dumps(RDS), "other": "x"}) == OF_RDS
    assert read({"whole": json.dumps(RDS), "other": "x"}, {"data-key": "whole"}) == OF_RDS
    assert read({"whole": json.dumps(RDS), "other": "x"}) is None


@pytest.mark.parametrize("name", ["engine", "host"])
def test_without_type_or_host_the_key_must_be_named(read: Read, name: str) -> None:
    stored = json.dumps({field: value for field, value in RDS.items() if field != name})

    assert read({"secret": stored}) is None
    assert read({"value": stored}) is not None


def test_is_converted() -> None:
    secret = stored_secret({"value": json.dumps(RDS)})

    assert is_converted(secret, "value")
    assert not is_converted(secret, IN_FIELDS)
