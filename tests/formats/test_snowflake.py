"""Connections of Snowflake in one Secret with a key for each field."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.connection_secrets import Read, extra_of, whole
from support.listing import problem_codes_in

SNOWFLAKE = {"account": "a", "user": "u", "password": "p"}
MORE = {"role": "r", "database": "d", "region": "x", "warehouse": "w"}


@pytest.mark.parametrize(
    ("data", "annotations"),
    [
        ({**SNOWFLAKE, **MORE}, {}),
        ({**SNOWFLAKE, **MORE, "type": "snowflake"}, {}),
        ({**SNOWFLAKE, **MORE}, {"connection-type": "snowflake"}),
        ({f"SNOW-{key.upper()}": value for key, value in {**SNOWFLAKE, **MORE}.items()}, {"key-prefix": "SNOW-"}),
    ],
    ids=["account and warehouse", "a key", "an annotation", "a prefix"],
)
@pytest.mark.parametrize("schema", [{}, {"schema": "s"}, {"schema": "d"}])
def test_snowflake(read: Read, data: dict[str, str], annotations: dict[str, str], schema: dict[str, str]) -> None:
    if "key-prefix" in annotations:
        annotations = {**annotations, "connection-type": "snowflake"}
        schema = {f"SNOW-{key.upper()}": value for key, value in schema.items()}

    assert read({**data, **schema}, annotations) == whole(
        conn_type="snowflake",
        login="u",
        password="p",
        schema=next(iter(schema.values()), None),
        extra={"account": "a", **MORE},
    )


@pytest.mark.parametrize("host", ["acc.eu-west-1.snowflakecomputing.com", "acc.eu-west-1.SnowflakeComputing.com"])
def test_a_schema_key_of_snowflake_is_not_the_database(read: Read, host: str) -> None:
    """Only the path of a URI begins with the database."""
    connection = read({"host": host, "user": "u", "password": "p", "schema": "s"}, {"connection-type": "snowflake"})
    assert connection is not None
    assert (connection["schema"], connection["extra"]) == ("s", {"account": "acc.eu-west-1"})


def test_a_key_pair_of_snowflake(read: Read) -> None:
    data = {"account": "a", "username": "u", "private-key": "-----BEGIN\nk\n-----END\n"}

    assert extra_of(read, data, connection_type="snowflake") == {
        "account": "a",
        "private_key_content": data["private-key"].strip(),
    }


def test_account_alone_is_not_snowflake(read: Read, tmp_path: Path) -> None:
    connection = read({**SNOWFLAKE, "database": "d"})

    assert connection is not None
    assert (connection["conn_type"], connection["schema"]) == ("generic", "d")


def test_snowflake_without_an_account_is_reported(tmp_path: Path) -> None:
    data = {"username": "u", "password": "p", "type": "snowflake"}

    assert "hook-misreads" in problem_codes_in(tmp_path, data)
    assert "hook-misreads" not in problem_codes_in(tmp_path, {**data, "account": "a"})
