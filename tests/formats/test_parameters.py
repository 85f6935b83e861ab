"""Parameters that are written for other clients: the driver of the hook reads them, or a problem names them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.reading import data_key_of_connection
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import missing_key
from support.shapes import Read, stored_secret, whole

MARK = "hunter2"


def texts_of(data: dict[str, str], **annotations: str) -> list[str]:
    """Return what is said of the hook of a connection. No text contains a value."""
    secret = stored_secret(data, {name.replace("_", "-"): value for name, value in annotations.items()})
    content = content_of(Kind.CONNECTION, secret, data_key_of_connection(secret, "value"))
    texts = [each.text for each in content.problems if each.code == "hook-misreads"]
    assert not any(MARK in each for each in texts)
    return texts


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
def test_what_has_an_equivalent_is_translated(read: Read, uri: str) -> None:
    connection = read({"uri": uri})

    assert connection is not None
    assert connection["extra"] == TRANSLATED[uri]
    assert texts_of({"uri": uri}) == []


# Parameters that are one for the driver, from the least strict to the strictest.
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
def test_a_blank_parameter_replaces_none(read: Read, described: dict[str, str]) -> None:
    """A template whose variable is empty writes it."""
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
def test_what_a_scheme_or_a_parameter_means(read: Read, uri: str, extra: dict[str, Any]) -> None:
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
def test_what_is_not_the_uri_of_one_server_is_an_error(read: Read, uri: str) -> None:
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
def test_null_removes_an_entry_of_every_place(read: Read, data: dict[str, str]) -> None:
    connection = read(data, {"connection-extra": '{"sslmode": null}'})
    assert connection is not None
    assert connection["extra"] == {}


@pytest.mark.parametrize("prefix", ["", "APP_"])
def test_a_binary_key_is_a_setting_of_one_type_only(read: Read, prefix: str) -> None:
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
def test_every_place_of_a_setting(read: Read, data: dict[str, str]) -> None:
    connection = read(data)

    assert connection is not None
    assert connection["extra"] == {"sslmode": "require"}


def test_a_key_that_an_annotation_names(read: Read) -> None:
    data = {"host": "h", "type": "postgresql", "mode": "REQUIRE"}
    connection = read(data, {"extra-sslmode": "mode"})

    assert connection is not None
    assert connection["extra"] == {"sslmode": "require"}


# What no driver reads, and the names that a problem gives.
REFUSED = {
    f"postgres://h/d?sslidentity={MARK}": "'sslidentity'",
    f"postgres://h/d?a={MARK}&b={MARK}&sslmode=require": "'a', 'b'",
    f"postgres://h/d?{MARK}": "a parameter",
    "postgres://h/d?sslaccept=strict": "'sslaccept'",
    f"postgres://h/d?sslmode={MARK}": "'sslmode'",
    f"postgres://h/d?schema=a%20{MARK}": "'schema'",
    f"mysql://h/d?ssl_mode={MARK}": "'ssl_mode'",
    f"mysql://h/d?tls={MARK}": "'tls'",
    f"mysql://h/d?ssl={MARK}": "'ssl' of extra",
    "mysql://h/d?ssl=%7B%22rejectUnauthorized%22:true%7D": "'rejectUnauthorized' in 'ssl'",
    f"mongodb://h/d?ssl_ca_certs={MARK}": "'ssl_ca_certs'",
    f"redis://h?ssl_ca={MARK}": "'ssl_ca'",
    f"redis://h?ssl=true&ssl_cert_reqs={MARK}": "'ssl_cert_reqs'",
    f"mssql://h/d?ApplicationIntent={MARK}": "'ApplicationIntent'",
    "mssql://h/d?TrustServerCertificate=no": "'TrustServerCertificate'",
    "mssql://h/d?Encrypt=strict": "'Encrypt'",
}


@pytest.mark.parametrize("uri", REFUSED)
def test_what_has_no_equivalent_is_reported(uri: str) -> None:
    [text] = texts_of({"uri": uri})

    assert REFUSED[uri] in text


@pytest.mark.parametrize(
    "value",
    [
        "postgres://u:p@h/d?pgbouncer=true",
        "postgres://u:p@h/d?sslmode=REQUIRE",
        json.dumps({"conn_type": "postgres", "host": "h", "extra": {"sslmode": "REQUIRE"}}),
        json.dumps({"conn_type": "postgres", "host": "h", "extra": {"ssl": "require"}}),
        "mysql://u:p@h/d?ssl_mode=required",
        "mysql://u:p@h/d?ssl=true",
        json.dumps({"conn_type": "mysql", "host": "h", "extra": {"ssl": True}}),
    ],
)
def test_a_whole_connection_is_unchanged_and_reported(value: str) -> None:
    [text] = texts_of({"value": value})

    assert "key 'value'" in text
    assert ("Or store the URI under the key 'uri'" in text) == (not value.startswith("{"))


@pytest.mark.parametrize("key", ["uri", "value"])
def test_null_in_an_annotation_removes_a_parameter(read: Read, key: str) -> None:
    data = {key: "postgres://h/d?foo=1&sslmode=require"}
    connection = read(data, {"connection-extra": '{"foo": null}'})

    assert connection is not None
    assert connection["extra"] == {"sslmode": "require"}
    assert texts_of(data, connection_extra='{"foo": null}') == []


@pytest.mark.parametrize("is_named_by_an_annotation", [True, False])
def test_the_remedy_for_a_refused_parameter_works(is_named_by_an_annotation: bool) -> None:
    """``null`` next to an annotation for one key would be an error."""
    data = {"host": "h", "foo": "x"} if is_named_by_an_annotation else {"uri": "postgres://h?foo=x"}
    described = {"connection-type": "postgres", **({"extra-foo": "foo"} if is_named_by_an_annotation else {})}

    [text] = texts_of(data, **described)
    if is_named_by_an_annotation:
        assert "Remove the annotation airflow.apache.org/extra-foo, or write it with the name" in text
        del described["extra-foo"]
    else:
        assert 'remove it in airflow.apache.org/connection-extra: {"foo": null}' in text
        described["connection-extra"] = '{"foo": null}'
    assert texts_of(data, **described) == []


def test_a_setting_that_an_annotation_replaces_is_not_reported() -> None:
    data = {"value": '{"engine": "http", "server": "h", "options": "x"}', "other": "y"}

    def problems_of(**described: str) -> list[str]:
        secret = stored_secret(data, {name.replace("_", "-"): value for name, value in described.items()})
        return [each.text for each in content_of(Kind.CONNECTION, secret, "value").problems]

    assert any("'options'" in each for each in problems_of())
    assert problems_of(extra_options="other") == []


@pytest.mark.parametrize(
    "uri", ["druid+https://h:8443", "amqp+ssl://h", "ldap+tls://h", "livy+https://h", "imap+starttls://h"]
)
def test_a_scheme_with_tls_that_no_hook_reads_is_reported(uri: str) -> None:
    security = uri.partition("+")[2].partition(":")[0]
    [text] = [each for each in texts_of({"uri": uri}) if "scheme" in each]

    assert f"nothing reads {security!r} in the scheme of the URI, so the connection may be without TLS" in text
    assert "Write what its hook reads for TLS in airflow.apache.org/connection-extra" in text
    assert not any("scheme" in each for each in texts_of({"uri": uri}, connection_extra='{"use_ssl": true}'))


@pytest.mark.parametrize(
    ("word", "extra"),
    [
        ("kafka+ssl", {"security.protocol": "SSL", "bootstrap.servers": "h"}),
        ("smtp+starttls", {"disable_ssl": True}),
        ("PostgreSQL+SSL\n", {"sslmode": "require"}),
        ("amqp+ssl", {}),
    ],
)
def test_a_type_in_a_key_means_what_a_scheme_means(read: Read, word: str, extra: dict[str, Any]) -> None:
    data = {"type": word, "host": "h"}
    connection = read(data)

    assert connection is not None
    assert connection["extra"] == extra
    reported = [each for each in texts_of(data) if "nothing reads 'ssl' in the type" in each]
    assert len(reported) == (word == "amqp+ssl")


def test_an_annotation_for_the_type_replaces_what_the_type_in_a_key_means(read: Read) -> None:
    connection = read({"type": "kafka+ssl", "host": "h"}, {"connection-type": "mysql"})

    assert connection == whole(conn_type="mysql", host="h")


@pytest.mark.parametrize(
    "uri", ["mysql+pymysql://h", "postgres+asyncpg://h", "http://h", "neo4j+s://h", "redis+ssl://h"]
)
def test_other_schemes_are_not_reported(uri: str) -> None:
    assert not any("scheme" in each for each in texts_of({"uri": uri}))


@pytest.mark.parametrize("name", ["srv", "SRV"])
@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("1", True), ("false", False)])
def test_srv_in_a_key(read: Read, name: str, value: str, is_on: bool) -> None:
    connection = read({"type": "mongodb", "host": "h", "port": "27017", name: value})

    assert connection == whole(conn_type="mongo", host="h", port=None if is_on else 27017, extra={"srv": is_on})


def unused_texts_of(data: dict[str, str], **annotations: str) -> list[str]:
    """Return what is said of keys that nothing reads."""
    secret = stored_secret(data, {name.replace("_", "-"): value for name, value in annotations.items()})
    codes = ("unused-settings", "half-connection")
    found = [each.text for each in content_of(Kind.CONNECTION, secret, "").problems if each.code in codes]
    assert not any(MARK in each for each in found)
    return found


@pytest.mark.parametrize("key", ["autocommit", "AUTOCOMMIT", "srv", "options"])
def test_an_option_in_a_key_that_nothing_reads_is_reported(key: str) -> None:
    data = {"type": "mssql", "host": "h", key: "true"}
    [text] = unused_texts_of(data)

    assert f"nothing reads the key {key!r}. If the connection needs it, write what its hook reads in" in text
    assert unused_texts_of(data, connection_extra=f'{{"{key}": true}}') == []


@pytest.mark.parametrize("key", ["passphrase", "private_key_passphrase", "PRIVATE-KEY-PASSPHRASE"])
def test_a_passphrase_next_to_a_password_is_reported(read: Read, key: str) -> None:
    """``SnowflakeHook`` decrypts the private key with the password."""
    data = {"type": "snowflake", "account": "a", "user": "u", "password": "p", "private_key": "k", key: MARK}
    [text] = unused_texts_of(data)

    assert f"nothing reads the key {key!r}, which may be the passphrase of a private key" in text
    assert "airflow.apache.org/field-password" in text
    assert unused_texts_of(data, field_password=key) == []
    connection = read(data, {"field-password": key})
    assert connection is not None
    assert connection["password"] == MARK


def test_a_passphrase_of_something_else_is_not_reported() -> None:
    data = {"host": "h", "user": "u", "password": "p", "backup-passphrase": MARK}
    assert unused_texts_of(data, connection_type="postgres") == []


def test_a_passphrase_in_extra_is_not_reported() -> None:
    data = {"host": "h", "user": "u", "password": "p", "passphrase": MARK}
    assert len(unused_texts_of(data, connection_type="ssh")) == 1
    assert unused_texts_of(data, connection_type="ssh", extra_private_key_passphrase="passphrase") == []


@pytest.mark.parametrize(
    "data",
    [
        {"uri": "postgres://h?" + "n" * 300_000 + "=1"},
        {"host": "h", "type": "mysql", "n" * 300_000 + "-password": MARK},
        {"n" * 300_000: '{"engine": "http", "server": "h", "password": "p\\n"}'},
        {"n" * 300_000: "x"},
        {"value": '{"engine": "mysql", "' + "n" * 300_000 + '": 1}'},
    ],
    ids=["a parameter", "a key", "one key", "no known key", "a name in JSON"],
)
def test_a_long_name_is_cut(data: dict[str, str]) -> None:
    secret = stored_secret(data)
    missing = missing_key(Kind.CONNECTION, secret, "value")
    key = data_key_of_connection(secret, "value")
    texts = [str(missing)] if missing else [each.text for each in content_of(Kind.CONNECTION, secret, key).problems]

    assert texts
    assert all(len(each) < 2_000 for each in texts), [len(each) for each in texts]


def test_null_is_a_value_of_its_own_without_a_parameter(read: Read) -> None:
    connection = read({"uri": "x://h"}, {"connection-extra": '{"foo": null}'})

    assert connection is not None
    assert connection["extra"] == {"foo": None}


def test_the_clients_of_mysql_have_names_of_their_own(read: Read) -> None:
    connection = read({"uri": "mysql://h/d?client=mysql-connector-python&ssl_ca=/ca&ssl=true"})

    assert connection is not None
    assert connection["extra"] == {"client": "mysql-connector-python", "ssl_ca": "/ca", "ssl": True}


@pytest.mark.parametrize("conn_type", ["postgres", "mysql", "mongo", "redis", "mssql", "ssh", "smtp"])
@pytest.mark.parametrize("host", ["tcp://h:123", "tcp://h:123/", "TCP://h"])
def test_an_address_in_the_host(read: Read, conn_type: str, host: str) -> None:
    connection = read({"host": host, "port": "123", "username": "u", "password": "p"}, {"connection-type": conn_type})

    assert connection is not None
    assert (connection["host"], connection["port"]) == ("h", 123)


@pytest.mark.parametrize(
    ("conn_type", "host", "expected"),
    [
        ("postgres", "postgresql://h:5433", ("h", 5433, {})),
        ("postgres", "tcp://[fd00::1]:5433", ("fd00::1", 5433, {})),
        ("redis", "rediss://h:6380", ("h", 6380, {"ssl": True})),
        ("mongo", "mongodb://h0:1,h1:2", ("h0:1,h1:2", None, {})),
        ("mongo", "mongodb+srv://h", ("h", None, {"srv": True})),
        ("http", "https://h/path", ("https://h/path", None, {})),
        ("kafka", "PLAINTEXT://h:9092", None),
    ],
)
def test_the_scheme_of_an_address_in_the_host(read: Read, conn_type: str, host: str, expected: Any) -> None:
    connection = read({"host": host, "username": "u", "password": "p"}, {"connection-type": conn_type})

    assert connection is not None
    if expected is None:
        assert connection["host"] == host
    else:
        assert (connection["host"], connection["port"], connection["extra"]) == expected


@pytest.mark.parametrize(
    ("conn_type", "host"),
    [
        ("postgres", "https://h"),
        ("postgres", "postgres://h/db"),
        ("postgres", f"postgres://u:{MARK}@h"),
        ("mysql", "h/path"),
        ("ssh", "h/"),
        ("redis", "http://h:6379"),
        ("smtp", "smtps://h"),
        ("neo4j", "neo4j+s://h"),
    ],
)
def test_an_address_that_a_hook_misreads_is_reported(conn_type: str, host: str) -> None:
    for data, described in (
        ({"host": host, "username": "u", "password": "p"}, {"connection_type": conn_type}),
        ({"value": json.dumps({"conn_type": conn_type, "host": host, "port": 1, "login": "u", "password": "p"})}, {}),
    ):
        assert any("URL" in each or "path" in each for each in texts_of(data, **described)), data


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


def test_a_configuration_of_tls_for_go_is_reported() -> None:
    secret = stored_secret({"dsn": f"u:{MARK}@tcp(h:3306)/db?tls=custom"})
    problems = content_of(Kind.CONNECTION, secret, "").problems

    assert any(each.code == "hook-misreads" and "'tls'" in each.text for each in problems)
