"""Parameters for other clients are converted to those that the driver of the hook reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.connection_secrets import Read, whole
from support.hook_texts import MARK, texts_of

TRANSLATED: dict[str, dict[str, Any]] = {
    # Prisma
    "postgres://h/d?pgbouncer=true": {},
    "postgres://h/d?connection_limit=1&pool_timeout=0&sslmode=require": {"sslmode": "require"},
    "postgresql://h/d?schema=public": {},
    "postgresql://h/d?schema=shop": {"options": "-csearch_path=shop"},
    "postgresql://h/d?schema=shop&options=-cgeqo%3Doff": {"options": "-cgeqo=off -csearch_path=shop"},
    "postgresql://h/d?sslmode=require&sslaccept=accept_invalid_certs": {"sslmode": "require"},
    # Neon
    "postgresql://h/d?sslmode=require&channel_binding=require": {"sslmode": "require", "channel_binding": "require"},
    # The modes of TLS
    "postgres://h/d?ssl=true": {"sslmode": "require"},
    "postgres://h/d?ssl=1": {"sslmode": "require"},
    "postgres://h/d?ssl=require": {"sslmode": "require"},
    "postgresql+asyncpg://h/d?ssl=verify-full": {"sslmode": "verify-full"},
    "postgres://h/d?ssl=false": {},
    "postgres://h/d?ssl=&sslmode=&schema=": {},
    "postgres://h/d?ssl=true&sslmode=verify-full": {"sslmode": "verify-full"},
    "postgres://h/d?sslmode=REQUIRE": {"sslmode": "require"},
    "postgres://h/d?sslmode=verify_full": {"sslmode": "verify-full"},
    "postgres://h/d?SSLMODE=VerifyFull": {"sslmode": "verify-full"},
    "postgres://h/d?sslmode=no-verify": {"sslmode": "require"},
    "postgres://h/d?ssl-mode=required": {"sslmode": "require"},
    "postgres://h/d?channel_binding=Require": {"channel_binding": "require"},
    # JDBC, SQLAlchemy, pgx, Doctrine
    "postgresql://h/d?currentSchema=a,b": {"options": "-csearch_path=a,b"},
    "postgresql://h/d?ApplicationName=x": {"application_name": "x"},
    "postgresql+asyncpg://h/d?prepared_statement_cache_size=0": {},
    "postgres://h/d?pool_max_conns=10": {},
    "postgresql://h/d?serverVersion=16&charset=utf8": {"client_encoding": "utf8"},
    # MySQL
    "mysql://h/d?ssl_mode=required": {"ssl_mode": "REQUIRED"},
    "mysql://h/d?ssl-mode=REQUIRED": {"ssl_mode": "REQUIRED"},
    "mysql://h/d?sslmode=require": {"ssl_mode": "REQUIRED"},
    "mysql://h/d?ssl=true": {"ssl_mode": "REQUIRED"},
    "mysql://h/d?ssl=false": {},
    "mysql://h/d?tls=true": {"ssl_mode": "VERIFY_IDENTITY"},
    "mysql://h/d?TLS=1": {"ssl_mode": "VERIFY_IDENTITY"},
    "mysql://h/d?tls=skip-verify": {"ssl_mode": "REQUIRED"},
    "mysql://h/d?tls=preferred&charset=utf8mb4": {"ssl_mode": "PREFERRED", "charset": "utf8mb4"},
    # Others
    "mongodb://h/d?ssl=1&authSource=admin": {"ssl": True, "authSource": "admin"},
    "mongodb://h/d?SRV=true": {"srv": True},
    "mongodb://h/d?Srv=no&Allow-Insecure=1": {"srv": False, "allow_insecure": True},
    "redis://h?tls=yes": {"ssl": True},
    "rediss://h?ssl_cert_reqs=CERT_NONE": {"ssl": True, "ssl_cert_reqs": "none"},
    "mssql+pyodbc://h/d?driver=ODBC+Driver+18+for+SQL+Server&Encrypt=yes&TrustServerCertificate=yes": {
        "encryption": "require"
    },
}


@pytest.mark.parametrize("uri", TRANSLATED)
def test_parameters_with_an_equivalent_are_translated(read: Read, uri: str) -> None:
    connection = read({"uri": uri})

    assert connection is not None
    assert connection["extra"] == TRANSLATED[uri]
    assert texts_of({"uri": uri}) == []


# Parameters that set the same option of the driver, from the least strict to the strictest.
SAME = {
    "postgres": ["ssl=prefer", "ssl=true", "ssl-mode=verify-ca", "sslmode=verify-full"],
    "mysql": ["ssl=preferred", "tls=skip-verify", "ssl_mode=VERIFY_CA", "sslmode=verify-full"],
    "redis": ["ssl=no", "tls=yes"],
}
STRICTEST = {"postgres": {"sslmode": "verify-full"}, "mysql": {"ssl_mode": "VERIFY_IDENTITY"}, "redis": {"ssl": True}}


@pytest.mark.parametrize("conn_type", SAME)
def test_the_strictest_mode_of_tls_is_used(read: Read, conn_type: str) -> None:
    strictest = SAME[conn_type][-1]
    for other in SAME[conn_type][:-1]:
        for query in (f"{strictest}&{other}", f"{other}&{strictest}"):
            connection = read({"uri": f"{conn_type}://h?{query}"})
            assert connection is not None
            assert connection["extra"] == STRICTEST[conn_type], query


@pytest.mark.parametrize(
    ("conn_type", "modes", "extra"),
    [
        ("postgres", {"SSLMODE": "verify-full", "ssl": "true"}, {"sslmode": "verify-full"}),
        ("postgres", {"ssl_mode": "VERIFY_CA", "sslmode": "require"}, {"sslmode": "verify-ca"}),
        ("mysql", {"SSL_MODE": "verify_ca", "ssl": "true"}, {"ssl_mode": "VERIFY_CA"}),
        ("mssql", {"encrypt": "true", "encryption": "request"}, {"encryption": "require"}),
    ],
)
def test_the_strictest_of_several_keys_is_used(
    read: Read, conn_type: str, modes: dict[str, str], extra: dict[str, str]
) -> None:
    for each in (modes, dict(reversed(modes.items()))):
        fields = {"host": "h", "username": "u", "password": "p"}
        connections = [read({**fields, **each}, {"connection-type": conn_type})]
        if conn_type != "mssql":
            value = json.dumps({"engine": conn_type, **fields, **{name.lower(): mode for name, mode in each.items()}})
            connections.append(read({"value": value}))
        for connection in connections:
            assert connection is not None
            assert connection["extra"] == extra


@pytest.mark.parametrize("described", [{}, {"connection-extra": '{"sslmode": ""}'}], ids=str)
def test_blank_parameter_replaces_no_value(read: Read, described: dict[str, str]) -> None:
    """A template with an empty variable writes such a parameter."""
    connection = read({"uri": "postgres://h/d?sslmode=verify-full", "extra": '{"sslmode": ""}'}, described)
    assert connection is not None
    assert connection["extra"] == {"sslmode": "verify-full"}


@pytest.mark.parametrize(
    ("uri", "extra"),
    [
        ("postgres+ssl://h/d", {"sslmode": "require"}),
        ("postgres+ssl://h/d?sslmode=verify-full", {"sslmode": "verify-full"}),
        ("mysql+tls://h/d", {"ssl_mode": "REQUIRED"}),
        ("mongodb+tls://h/d", {"tls": True}),
        ("redis+ssl://h", {"ssl": True}),
        ("kafka+ssl://h:9096", {"security.protocol": "SSL", "bootstrap.servers": "h:9096"}),
        (
            "kafka+ssl://h:9096?security.protocol=SASL_SSL",
            {"security.protocol": "SASL_SSL", "bootstrap.servers": "h:9096"},
        ),
        ("smtp+starttls://h:25", {"disable_ssl": True}),
        ("smtp+starttls://h:2525?disable_ssl=false", {"disable_ssl": False}),
        ("smtp+ssl://h:465", {}),
        ("smtp+tls://h:25", {"disable_ssl": True}),
        ("postgres://h?database=app", {"dbname": "app"}),
    ],
)
def test_settings_from_schemes_and_parameters(read: Read, uri: str, extra: dict[str, Any]) -> None:
    connection = read({"uri": uri})
    assert connection is not None
    assert connection["extra"] == extra


@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://u:{MARK}@h1,postgresql://u:{MARK}@h2/d",
        "mongodb://h1:1,mongodb://h2:2/d",
        "kafka+ssl://h1:9096,kafka+ssl://h2:9096",
        f"redis+sentinel://:{MARK}@h:26379",
    ],
)
def test_uri_that_does_not_name_one_server_is_an_error(read: Read, uri: str) -> None:
    with pytest.raises(MalformedSecretError) as raised:
        read({"uri": uri})
    assert MARK not in str(raised.value)


@pytest.mark.parametrize("prefix", ["", "SMTP_"])
def test_the_encryption_of_smtp(read: Read, prefix: str) -> None:
    data = {"HOST": "h", "USERNAME": "u", "PASSWORD": "p", "ENCRYPTION": "starttls", "FROM_ADDRESS": "a@b"}
    described = {"connection-type": "smtp", **({"key-prefix": prefix} if prefix else {})}
    connection = read({f"{prefix}{name}": value for name, value in data.items()}, described)
    assert connection is not None
    assert connection["extra"] == {"disable_ssl": True, "from_email": "a@b"}


def test_an_annotation_decides_the_mode_of_tls(read: Read) -> None:
    for name in ("sslmode", "ssl"):
        described = {"connection-extra": json.dumps({name: "allow"})}
        connection = read({"uri": "postgres://h/d?sslmode=verify-full&ssl=true"}, described)
        assert connection is not None
        assert connection["extra"] == {"sslmode": "allow"}


def test_options_that_are_an_object_stay_an_object(read: Read) -> None:
    connection = read({"uri": "postgres://h/d?schema=shop", "extra": '{"options": {"a": 1}}'})
    assert connection is not None
    assert connection["extra"] == {"options": {"a": 1}}


@pytest.mark.parametrize(
    "data",
    [
        {"uri": "postgres://h/d?sslmode=verify-full"},
        {"uri": "postgres://h/d?ssl=true"},
        {"uri": "postgres://h/d?sslmode=require&ssl=true", "extra": '{"sslmode": "require"}', "sslmode": "require"},
        {"uri": "postgres://h/d", "extra": '{"sslmode": "require"}'},
        {"host": "h", "type": "postgres", "sslmode": "require", "ssl": "true"},
    ],
    ids=str,
)
def test_null_removes_a_setting_from_every_source(read: Read, data: dict[str, str]) -> None:
    connection = read(data, {"connection-extra": '{"sslmode": null}'})
    assert connection is not None
    assert connection["extra"] == {}


@pytest.mark.parametrize("prefix", ["", "APP_"])
def test_binary_key_of_another_type_is_ignored(read: Read, prefix: str) -> None:
    """Other software has keys with such names for something else."""
    data: dict[str, str | bytes] = {"host": "h", "password": "p", "private_key": b"\xff\x00", "account": b"\xff"}
    described = {"connection-type": "ftp", **({"key-prefix": prefix} if prefix else {})}
    connection = read({f"{prefix}{name}": value for name, value in data.items()}, described)
    assert connection is not None
    assert (connection["host"], connection["password"]) == ("h", "p")


def test_the_schema_of_snowflake_that_an_annotation_names(read: Read) -> None:
    data = {"account": "a", "username": "u", "password": "p", "database": "D", "of_app": "S"}
    for described in ({"connection-schema": "S"}, {"field-schema": "of_app"}):
        connection = read(data, {"connection-type": "snowflake", **described})
        assert connection is not None
        assert connection["schema"] == "S"
        assert connection["extra"] == {"account": "a", "database": "D"}


@pytest.mark.parametrize(
    "data",
    [
        {"host": "h", "type": "postgresql", "sslmode": "REQUIRE"},
        {"host": "h", "type": "postgresql", "extra": '{"sslmode": "Require"}'},
        {"value": '{"engine": "postgres", "host": "h", "username": "u", "sslmode": "REQUIRE"}'},
        {"value": '{"engine": "postgres", "host": "h", "username": "u", "extra": {"ssl": "require"}}'},
        {"DATABASE_URL": "postgres://h/d?sslmode=REQUIRE"},
        {"PGHOST": "h", "PGSSLMODE": "REQUIRE"},
    ],
    ids=str,
)
def test_settings_from_every_source(read: Read, data: dict[str, str]) -> None:
    connection = read(data)

    assert connection is not None
    assert connection["extra"] == {"sslmode": "require"}


def test_a_key_that_an_annotation_names(read: Read) -> None:
    data = {"host": "h", "type": "postgresql", "mode": "REQUIRE"}
    connection = read(data, {"extra-sslmode": "mode"})

    assert connection is not None
    assert connection["extra"] == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("word", "extra"),
    [
        ("kafka+ssl", {"security.protocol": "SSL", "bootstrap.servers": "h"}),
        ("smtp+starttls", {"disable_ssl": True}),
        ("PostgreSQL+SSL\n", {"sslmode": "require"}),
        ("amqp+ssl", {}),
    ],
)
def test_type_in_a_key_has_the_settings_of_a_scheme(read: Read, word: str, extra: dict[str, Any]) -> None:
    data = {"type": word, "host": "h"}
    connection = read(data)

    assert connection is not None
    assert connection["extra"] == extra
    reported = [each for each in texts_of(data) if "nothing reads 'ssl' in the type" in each]
    assert len(reported) == (word == "amqp+ssl")


def test_type_annotation_replaces_the_settings_of_the_type_in_a_key(read: Read) -> None:
    connection = read({"type": "kafka+ssl", "host": "h"}, {"connection-type": "mysql"})

    assert connection == whole(conn_type="mysql", host="h")


@pytest.mark.parametrize("name", ["srv", "SRV"])
@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("1", True), ("false", False)])
def test_srv_in_a_key(read: Read, name: str, value: str, is_on: bool) -> None:
    connection = read({"type": "mongodb", "host": "h", "port": "27017", name: value})

    assert connection == whole(conn_type="mongo", host="h", port=None if is_on else 27017, extra={"srv": is_on})


def test_null_is_stored_if_there_is_no_parameter(read: Read) -> None:
    connection = read({"uri": "x://h"}, {"connection-extra": '{"foo": null}'})

    assert connection is not None
    assert connection["extra"] == {"foo": None}


def test_mysql_connector_has_its_own_parameter_names(read: Read) -> None:
    connection = read({"uri": "mysql://h/d?client=mysql-connector-python&ssl_ca=/ca&ssl=true"})

    assert connection is not None
    assert connection["extra"] == {"client": "mysql-connector-python", "ssl_ca": "/ca", "ssl": True}


@pytest.mark.parametrize(
    ("tls", "extra"),
    [("true", {"ssl_mode": "VERIFY_IDENTITY"}), ("skip-verify", {"ssl_mode": "REQUIRED"}), ("false", {})],
)
@pytest.mark.parametrize("name", ["tls", "TLS", "Tls"])
def test_tls_in_a_dsn_for_go(read: Read, tls: str, extra: dict[str, str], name: str) -> None:
    """With ``true``, Go's driver checks the certificate of the server."""
    dsn = f"u:p@tcp(h:3306)/db?parseTime=true&{name}={tls}"
    connection = read({"dsn": dsn})

    assert connection is not None
    assert connection["extra"] == extra
