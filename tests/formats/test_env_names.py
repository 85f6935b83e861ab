"""Keys that are named like environment variables, and settings next to the fields of a connection."""

from __future__ import annotations

import pytest

from support.connection_secrets import Read, whole

POSTGRES = {"POSTGRES_HOST": "h", "POSTGRES_USER": "u", "POSTGRES_PASSWORD": "pw"}
FOUND = {"conn_type": "postgres", "host": "h", "login": "u", "password": "pw"}


@pytest.mark.parametrize(
    ("data", "connection"),
    [
        (POSTGRES, FOUND),
        (
            {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "pw", "PGSSLMODE": "require"},
            {**FOUND, "extra": {"sslmode": "require"}},
        ),
        (
            {"DATABASE_URL": "rediss://:pw@h"},
            {"conn_type": "redis", "host": "h", "password": "pw", "port": 6379, "extra": {"ssl": True}},
        ),
        (
            {"SMTP_SERVER": "h", "SMTP_PORT": "587"},
            {"conn_type": "smtp", "host": "h", "port": 587, "extra": {"disable_ssl": True}},
        ),
        ({"SMTP_SERVER": "h", "SMTP_PORT": "465"}, {"conn_type": "smtp", "host": "h", "port": 465}),
        ({"DB_HOST": "h", "DB_PASS": "pw"}, {"conn_type": "generic", "host": "h", "password": "pw"}),
        (
            {"DB_HOST": "h", "DB_PASS": "pw", "DB_CONNECTION": "pgsql"},
            {"conn_type": "postgres", "host": "h", "password": "pw"},
        ),
        # A blank value counts as missing.
        ({**POSTGRES, "REDIS_HOST": " "}, FOUND),
    ],
    ids=lambda value: " ".join(value) if "conn_type" not in value else "",
)
def test_variables_of_one_product(read: Read, data: dict[str, str], connection: dict[str, object]) -> None:
    assert read(data) == whole(**connection)


@pytest.mark.parametrize(
    "data",
    [
        {**POSTGRES, "REDIS_HOST": "h"},
        {**POSTGRES, "POSTGRES_HOSTNAME": "other"},
        {**POSTGRES, "DATABASE_URL": "mysql://h"},
        {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "pw"},
        {"DB_HOST": "h"},
        {"MYSQL_HOST": "h", "MYSQL_CONNECTION": "pgsql"},
        {"postgres_host": "h"},
        {"OTHER_HOST": "h", "OTHER_PASSWORD": "pw"},
    ],
    ids=" ".join,
)
def test_ambiguous_or_incomplete_variables_are_no_connection(read: Read, data: dict[str, str]) -> None:
    assert read(data) is None


def test_field_names_take_precedence(read: Read) -> None:
    assert read({**POSTGRES, "username": "other"}) == whole(conn_type="generic", login="other")


def test_an_annotation_names_the_type(read: Read) -> None:
    connection = read({"DB_HOST": "h", "DB_PASS": "pw"}, {"connection-type": "mysql"})

    assert connection == whole(conn_type="mysql", host="h", password="pw")


def test_an_annotation_names_the_host(read: Read) -> None:
    data = {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "pw"}

    assert read(data, {"connection-host": "h"}) == whole(**FOUND)


def test_annotations_that_name_keys_exclude_variables(read: Read) -> None:
    assert read(POSTGRES, {"field-password": "POSTGRES_PASSWORD"}) == whole(conn_type="generic", password="pw")


DATABASE = {"host": "h", "password": "pw"}


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        ({"type": "postgresql", "ssl": "true"}, {"sslmode": "require"}),
        ({"type": "postgresql", "ssl": "false"}, {}),
        ({"type": "postgresql", "sslmode": "verify-full\n"}, {"sslmode": "verify-full"}),
        ({"type": "postgresql", "sslrootcert": "/tls/ca.crt"}, {"sslrootcert": "/tls/ca.crt"}),
        # libpq reads a certificate only from a file.
        ({"type": "postgresql", "sslrootcert": "-----BEGIN CERTIFICATE-----\n"}, {}),
        ({"type": "postgresql", "sslmode": "require", "extra": '{"sslmode": "disable"}'}, {"sslmode": "require"}),
        ({"type": "mysql", "ssl": "True"}, {"ssl_mode": "REQUIRED"}),
        ({"type": "mysql", "ssl-mode": "required"}, {"ssl_mode": "REQUIRED"}),
        ({"type": "mongodb", "ssl": "true"}, {"ssl": True}),
        ({"type": "oracle", "ssl": "true"}, {}),
        ({"type": "http", "options": "x"}, {}),
    ],
)
def test_settings_are_converted_for_the_hook(read: Read, data: dict[str, str], extra: dict[str, object]) -> None:
    connection = read({**DATABASE, **data})

    assert connection is not None
    assert connection["extra"] == extra


def test_an_annotation_for_all_other_keys_takes_settings_unchanged(read: Read) -> None:
    connection = read({**DATABASE, "type": "postgresql", "ssl": "true"}, {"other-keys": "extra"})

    assert connection == whole(conn_type="postgres", **DATABASE, extra={"ssl": "true"})
