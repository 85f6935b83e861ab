"""TLS in any part of a Secret is read as the hook needs it, or reported. The strictest of several modes is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.connection_secrets import Read, extra_of
from support.listing import problems_in

DATABASE = {"host": "h", "username": "u", "password": "p"}
POSTGRES = {**DATABASE, "type": "postgres"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def texts(folder: Path, data: dict[str, str], **annotations: str) -> list[str]:
    """Return the texts of :func:`problems_in`."""
    return [each.text for each in problems_in(folder, data, **annotations)]


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        (
            {"uri": "postgres://u:p@h/d?sslmode=disable", "sslmode": "verify-full"},
            {"sslmode": "verify-full"},
        ),
        ({"uri": "postgres://u:p@h/d?sslmode=verify-full", "sslmode": "prefer"}, {"sslmode": "verify-full"}),
        ({**POSTGRES, "sslmode": "verify-full", "extra": '{"sslmode": "prefer"}'}, {"sslmode": "verify-full"}),
        ({"uri": "postgres://u:p@h/d?ssl=false", "ssl": "true"}, {"sslmode": "require"}),
        ({"uri": "redis://:p@h?ssl=false", "ssl": "true"}, {"ssl": True}),
        ({"uri": "rediss://:p@h?ssl=false"}, {"ssl": True}),
        ({"uri": "mysql://u:p@h/d?ssl-mode=PREFERRED", "ssl_mode": "VERIFY_CA"}, {"ssl_mode": "VERIFY_CA"}),
        (
            {"value": json.dumps({"engine": "postgres", **DATABASE, "sslmode": "verify-ca", "extra": {"ssl": "true"}})},
            {"sslmode": "verify-ca"},
        ),
    ],
)
def test_the_strictest_mode_is_used(read: Read, data: dict[str, str], extra: dict[str, Any]) -> None:
    assert extra_of(read, data) == extra


def test_an_annotation_replaces_the_mode(read: Read) -> None:
    data = {"uri": "postgres://u:p@h/d?sslmode=verify-full", "sslmode": "verify-full", "mode": "require"}

    assert extra_of(read, data, connection_extra='{"sslmode": "disable"}') == {"sslmode": "disable"}
    assert extra_of(read, data, connection_extra='{"sslmode": null}') == {}
    assert extra_of(read, data, extra_sslmode="mode") == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        ({"url": "https://u:p@h:9200", "type": "opensearch"}, {"use_ssl": True, "verify_certs": True}),
        ({"url": "https://u:p@h:8443", "type": "clickhouse"}, {"secure": True}),
        ({**DATABASE, "url": "https://h:8443", "type": "clickhouse"}, {"secure": True}),
        ({"uri": "elasticsearch+https://u:p@h:9200"}, {"scheme": "https"}),
        ({"uri": "clickhouse+https://u:p@h:8443"}, {"secure": True}),
        ({**DATABASE, "type": "elasticsearch", "scheme": "https"}, {"scheme": "https"}),
        ({**DATABASE, "type": "elasticsearch", "protocol": "https"}, {"scheme": "https"}),
        ({**DATABASE, "type": "opensearch", "protocol": "https"}, {"use_ssl": True}),
        ({**DATABASE, "type": "clickhouse", "secure": "true"}, {"secure": True}),
        ({**DATABASE, "type": "neo4j", "encrypted": "true"}, {"encrypted": True}),
        ({"REDIS_HOST": "h", "REDIS_PASSWORD": "p", "REDIS_SCHEME": "tls"}, {"ssl": True}),
        ({"REDIS_HOST": "h", "REDIS_PASSWORD": "p", "REDIS_SCHEME": "rediss"}, {"ssl": True}),
        ({"PGHOST": "h", "PGPASSWORD": "p", "PGREQUIRESSL": "1"}, {"sslmode": "require"}),
        (
            {"PGHOST": "h", "PGPASSWORD": "p", "PGSSLCERT": "/c", "PGSSLKEY": "/k", "PGCHANNELBINDING": "require"},
            {"sslcert": "/c", "sslkey": "/k", "channel_binding": "require"},
        ),
        (
            {**POSTGRES, "sslmode": "verify-full", "sslrootcert": "/ca", "sslcert": "/c", "sslkey": "/k"},
            {"sslmode": "verify-full", "sslrootcert": "/ca", "sslcert": "/c", "sslkey": "/k"},
        ),
        (
            {**POSTGRES, "sslmode": "verify-full", "sslrootcert": "system"},
            {"sslmode": "verify-full", "sslrootcert": "system"},
        ),
        (
            {
                **DATABASE,
                "type": "redis",
                "ssl": "true",
                "ssl_ca_certs": "/ca",
                "ssl_certfile": "/c",
                "ssl_keyfile": "/k",
            },
            {"ssl": True, "ssl_ca_certs": "/ca", "ssl_certfile": "/c", "ssl_keyfile": "/k"},
        ),
        (
            {
                **DATABASE,
                "type": "mongodb",
                "ssl": "true",
                "tlsCAFile": "/ca",
                "authSource": "admin",
                "replicaSet": "r",
            },
            {"ssl": True, "tlsCAFile": "/ca", "authSource": "admin", "replicaSet": "r"},
        ),
        (
            {"type": "kafka", "host": "h:9092", "security.protocol": "SSL"},
            {"security.protocol": "SSL", "bootstrap.servers": "h:9092"},
        ),
    ],
)
def test_tls_is_converted_for_the_hook(read: Read, data: dict[str, str], extra: dict[str, Any]) -> None:
    assert extra_of(read, data) == extra


def test_https_becomes_the_schema_of_elasticsearch(read: Read) -> None:
    connection = read({**DATABASE, "type": "elasticsearch", "uri": "https://h:9200"})

    assert connection is not None
    assert connection["schema"] == "https"


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ({**POSTGRES, "sslmode": "require", "ca.crt": PEM}, ["ca.crt"]),
        (
            {**POSTGRES, "sslmode": "verify-full", "sslrootcert": "/ca", "sslcert": PEM, "sslkey": PEM},
            ["sslcert", "sslkey"],
        ),
        ({**POSTGRES, "sslmode": "require", "tls.crt": PEM, "tls.key": PEM}, ["tls.crt", "tls.key"]),
        ({**DATABASE, "type": "mysql", "ssl_mode": "REQUIRED", "ssl_ca": PEM}, ["ssl_ca"]),
        ({**DATABASE, "type": "redis", "ssl": "true", "ca.crt": PEM}, ["ca.crt"]),
        ({"value": "postgres://u:p@h/d?sslmode=require", "sslcert": "/c", "ca.crt": PEM}, ["ca.crt", "sslcert"]),
        (
            {"uri": "postgres://u:p@h/d?sslmode=require", "channel.binding": "x", "DATABASE_CA_CERT": PEM},
            ["DATABASE_CA_CERT"],
        ),
        ({**DATABASE, "type": "cassandra", "scheme": "https"}, ["scheme"]),
        ({**DATABASE, "type": "oracle", "protocol": "tcps"}, ["protocol"]),
    ],
)
def test_tls_that_nothing_reads_is_reported(tmp_path: Path, data: dict[str, str], keys: list[str]) -> None:
    found = [each for each in texts(tmp_path, data) if "nothing reads" in each]

    assert all(any(repr(key) in each for each in found) for key in keys)


@pytest.mark.parametrize(
    "data",
    [
        {**POSTGRES, "sslmode": "require", "ssl": "true"},
        {**POSTGRES, "scheme": "public"},
        {**POSTGRES, "sslmode": "require", "tls": "false"},
    ],
)
def test_settings_that_add_no_tls_are_not_reported(tmp_path: Path, data: dict[str, str]) -> None:
    assert texts(tmp_path, data) == []


def test_the_remedy_for_certificates(tmp_path: Path) -> None:
    data = {**POSTGRES, "sslmode": "require", "ca.crt": PEM, "tls.crt": PEM, "tls.key": PEM}
    extra = {"sslrootcert": "/ca", "sslcert": "/c", "sslkey": "/k"}

    assert texts(tmp_path, data, connection_extra=json.dumps(extra)) == []
    del extra["sslkey"]
    [without_key, text] = texts(tmp_path, data, connection_extra=json.dumps(extra))
    assert "libpq needs 'sslkey'" in without_key
    assert "'tls.key'" in text
    assert "'ca.crt'" not in text


def test_opensearch_that_does_not_check_the_certificate_is_reported(tmp_path: Path) -> None:
    data = {**DATABASE, "type": "opensearch", "scheme": "https"}

    [text] = texts(tmp_path, data)
    assert "verify_certs" in text
    assert texts(tmp_path, data, connection_extra='{"verify_certs": true}') == []


MYSQL = {**DATABASE, "type": "mysql"}


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        (
            {**MYSQL, "ssl_ca": "/ca", "SSL-CERT": "/cert", "ssl_key": "/key", "ssl_mode": "verify_ca"},
            {"ssl": {"ca": "/ca", "cert": "/cert", "key": "/key"}, "ssl_mode": "VERIFY_CA"},
        ),
        (
            {"uri": "mysql+pymysql://u:p@h/d?ssl_ca=/ca&ssl-cert=/cert&ssl_verify_cert=true", "ssl_key": "/key"},
            {"ssl": {"ca": "/ca", "cert": "/cert", "key": "/key"}, "ssl_mode": "VERIFY_CA"},
        ),
        ({"uri": "mysql://u:p@h/d?ssl_verify_identity=true"}, {"ssl_mode": "VERIFY_IDENTITY"}),
        (
            {"MYSQL_HOST": "h", "MYSQL_USER": "u", "MYSQL_PASSWORD": "p", "MYSQL_SSL_CA": "/ca", "MYSQL_SSL": "true"},
            {"ssl": {"ca": "/ca"}, "ssl_mode": "REQUIRED"},
        ),
        ({"type": "mysql", "username": "u", "password": "p", "unix_socket": "/s"}, {"unix_socket": "/s"}),
    ],
)
def test_paths_for_mysql(read: Read, tmp_path: Path, data: dict[str, str], extra: dict[str, Any]) -> None:
    assert extra_of(read, data) == extra
    assert texts(tmp_path, data) == []


def test_files_for_mysql_without_a_mode_are_reported(tmp_path: Path) -> None:
    [text] = texts(tmp_path, {**MYSQL, "ssl_ca": "/ca"})

    assert 'has no \'ssl_mode\'. Write it in extra: {"ssl_mode": "VERIFY_CA"}' in text
    assert texts(tmp_path, {**MYSQL, "ssl_ca": "/ca"}, connection_extra='{"ssl_mode": "VERIFY_CA"}') == []


@pytest.mark.parametrize(
    ("conn_type", "key", "entry"),
    [
        ("postgres", "sslrootcert", {"sslrootcert": "/path"}),
        ("postgres", "ca.crt", {"sslrootcert": "/path"}),
        ("mysql", "ssl_ca", {"ssl_mode": "REQUIRED", "ssl": {"ca": "/path"}}),
        ("mysql", "tls.key", {"ssl_mode": "REQUIRED", "ssl": {"key": "/path"}}),
        ("mongo", "tls.crt", {"tls": True, "tlsCertificateKeyFile": "/path"}),
        ("redis", "ca.crt", {"ssl": True, "ssl_ca_certs": "/path"}),
    ],
)
def test_a_certificate_in_a_key_needs_a_path(tmp_path: Path, conn_type: str, key: str, entry: dict[str, Any]) -> None:
    data = {**DATABASE, "type": conn_type, key: PEM}
    [text] = texts(tmp_path, data)

    assert "extra-<name>" not in text
    assert text.endswith(f"connection-extra: {json.dumps(entry)}")
    assert texts(tmp_path, data, connection_extra=json.dumps(entry)) == []


@pytest.mark.parametrize(("conn_type", "name"), [("postgres", "sslrootcert"), ("mongo", "tlsCAFile")])
def test_a_certificate_in_the_place_of_a_path_is_reported(tmp_path: Path, conn_type: str, name: str) -> None:
    data = {**DATABASE, "type": conn_type, "ca.crt": PEM, **({"tls": "true"} if conn_type == "mongo" else {})}
    [text] = texts(tmp_path, data, **{f"extra-{name}": "ca.crt"})

    assert f"reads {name!r} in extra as the path of a file" in text
    assert f"remove the annotation airflow.apache.org/extra-{name}, " in text
    assert PEM not in text
    assert texts(tmp_path, data, connection_extra=json.dumps({name: "/path"})) == []


def test_a_certificate_in_the_object_of_mysql_is_reported(tmp_path: Path) -> None:
    extra = {"ssl_mode": "VERIFY_CA", "ssl": {"ca": PEM}}
    [text] = texts(tmp_path, {**MYSQL, "extra": json.dumps(extra)})

    assert text.endswith('connection-extra: {"ssl": {"ca": "/path"}}')
    assert texts(tmp_path, {**MYSQL, "extra": json.dumps(extra)}, connection_extra='{"ssl": {"ca": "/path"}}') == []


def test_the_database_of_lettuce(read: Read) -> None:
    assert extra_of(read, {"uri": "redis://:p@h/?database=2"}) == {"db": "2"}
