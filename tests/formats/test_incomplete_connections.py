"""Keys that may contain a missing part of a connection, and keys that the hook cannot use, are reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.hook_texts import texts_of
from support.listing import problems_in

LOGIN = {"username": "u", "password": "p"}
DATABASE = {"host": "h", **LOGIN}


@pytest.mark.parametrize(
    ("value", "is_reported"),
    [
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl_ca_certs": "/ca"}}, True),
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": False, "ssl_certfile": "/c"}}, True),
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": True, "ssl_ca_certs": "/ca"}}, False),
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": False}}, False),
        ({"conn_type": "mongo", "host": "h", "extra": {"tlsCAFile": "/ca"}}, True),
        ({"conn_type": "mongo", "host": "h", "extra": {"tls": False, "tlsInsecure": True}}, True),
        ({"conn_type": "mongo", "host": "h", "extra": {"tls": True, "tlsCAFile": "/ca"}}, False),
        ({"conn_type": "mongo", "host": "h", "extra": {"ssl": "true", "tlsCAFile": "/ca"}}, False),
        ({"conn_type": "mongo", "host": "h", "extra": {"srv": True, "tlsCAFile": "/ca"}}, False),
        ({"conn_type": "postgres", "host": "h", "extra": {"sslmode": "require", "sslcert": "/c"}}, True),
        ({"conn_type": "postgres", "host": "h", "extra": {"sslmode": "require", "sslkey": "/k"}}, True),
        ({"conn_type": "postgres", "host": "h", "extra": {"sslcert": "/c", "sslkey": "/k"}}, False),
    ],
)
def test_settings_of_tls_that_need_others(value: dict[str, Any], is_reported: bool) -> None:
    assert bool(texts_of({"value": json.dumps(value)})) == is_reported


def test_settings_of_tls_that_need_others_in_keys() -> None:
    assert texts_of({"host": "h", "password": "p", "ssl_certfile": "/c"}, connection_type="redis")
    assert texts_of({**DATABASE, "tlsCAFile": "/ca"}, connection_type="mongo")
    assert texts_of({**DATABASE, "sslcert": "/c"}, connection_type="postgres")


@pytest.mark.parametrize(
    "data",
    [
        {"SMTP_HOST": "h", "SMTP_PORT": "465", "SMTP_USER": "u", "SMTP_PASSWORD": "p", "SMTP_SECURE": "true"},
        {**DATABASE, "type": "mysql", "ssl_disabled": "true"},
    ],
)
def test_keys_without_effect_are_not_reported(tmp_path: Path, data: dict[str, str]) -> None:
    assert [each for each in problems_in(tmp_path, data) if each.code == "unused-settings"] == []


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("snowflake", {"account": "a", "user": "u", "rsa_key.p8": "-----BEGIN PRIVATE KEY-----"}, "rsa_key.p8"),
        ("snowflake", {"account": "a", "user": "u", "private_key_path": "/k.p8"}, "private_key_path"),
        ("ssh", {"host": "h", "user": "u", "key_file": "/k"}, "key_file"),
        ("cassandra", {**LOGIN, "contact-points": "a,b"}, "contact-points"),
    ],
)
def test_key_that_may_contain_a_missing_part(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    found = [each for each in problems_in(tmp_path, data, connection_type=conn_type) if each.code == "half-connection"]

    assert any(repr(key) in each.text for each in found)


@pytest.mark.parametrize("conn_type", ["elasticsearch", "opensearch", "cassandra", "trino", "vault", "docker", "imap"])
def test_a_connection_without_a_host(tmp_path: Path, conn_type: str) -> None:
    found = problems_in(tmp_path, LOGIN, connection_type=conn_type)

    assert any("no host" in each.text for each in found)


def test_a_token_in_a_url(tmp_path: Path) -> None:
    data = {"url": "https://hooks.slack.com/services/T/B/x"}
    [problem] = [
        each for each in problems_in(tmp_path, data, connection_type="slack") if each.code == "half-connection"
    ]

    assert "no password" in problem.text


@pytest.mark.parametrize(
    ("value", "is_reported"),
    [
        ({"conn_type": "elasticsearch", "host": "h", "port": 9200, "password": "key"}, True),
        ({"conn_type": "opensearch", "host": "h", "port": 9200, "password": "key"}, True),
        ({"conn_type": "elasticsearch", "host": "h", "port": 9200, "extra": {"api_key": "key"}}, False),
        ({"conn_type": "vault", "host": "h", "login": "role", "password": "secret"}, True),
        (
            {
                "conn_type": "vault",
                "host": "h",
                "login": "r",
                "password": "s",
                "extra": {"auth_type": "approle"},
            },
            False,
        ),
        ({"conn_type": "vault", "host": "h", "password": "token"}, False),
    ],
)
def test_a_login_or_a_password_that_a_hook_ignores(value: dict[str, Any], is_reported: bool) -> None:
    assert bool(texts_of({"value": json.dumps(value)})) == is_reported


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("cassandra", {**DATABASE, "keyspace-name": "k"}, "keyspace-name"),
    ],
)
def test_key_that_may_contain_the_keyspace(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    assert any(repr(key) in each.text for each in problems_in(tmp_path, data, connection_type=conn_type))


def test_the_remedy_for_a_jdbc_url(tmp_path: Path) -> None:
    data = {**LOGIN, "jdbc-url": "jdbc:postgresql://h:6432/d?sslmode=require"}
    [problem] = problems_in(tmp_path, data, connection_type="postgres")

    assert "field-uri" not in problem.text
    assert "connection-host" in problem.text
    found = problems_in(
        tmp_path,
        data,
        connection_type="postgres",
        connection_host="h",
        connection_port="6432",
        connection_schema="d",
        connection_extra='{"sslmode": "require"}',
    )
    assert found == []
    [text] = texts_of({**LOGIN, "host": "jdbc:postgresql://h/d"}, connection_type="postgres")
    assert "field-uri" not in text


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        (
            "aws",
            {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_S3_ENDPOINT": "h:9000"},
            "AWS_S3_ENDPOINT",
        ),
        ("redis", {"password": "p", "nodes": "a:1,b:2"}, "nodes"),
        ("redis", {"host": "h", "password": "p", "sentinel-master": "m"}, "sentinel-master"),
        ("opensearch", {**DATABASE, "https": "true"}, "https"),
        ("http", {**DATABASE, "use_https": "true"}, "use_https"),
        ("oracle", {**DATABASE, "service_name": "s", "cwallet.sso": "x"}, "cwallet.sso"),
        ("mongo", {**DATABASE, "client.pfx": "x"}, "client.pfx"),
        ("mssql", {**DATABASE, "domain": "d"}, "domain"),
        ("samba", {**DATABASE, "domain": "d"}, "domain"),
        ("winrm", {**DATABASE, "domain": "d"}, "domain"),
        ("teradata", {**DATABASE, "logmech": "LDAP"}, "logmech"),
        ("mysql", {**DATABASE, "auth-method": "LDAP"}, "auth-method"),
        ("ssh", {"host": "h", "username": "u", "key.ppk": "k"}, "key.ppk"),
        ("sftp", {**DATABASE, "host_key_fingerprint": "SHA256:x"}, "host_key_fingerprint"),
        ("postgres", {"host": "h", "username": "u", "pgpassfile": "/x"}, "pgpassfile"),
        ("postgres", {**DATABASE, "user": "other"}, "user"),
        ("postgres", {**DATABASE, "pass": "other"}, "pass"),
    ],
)
def test_key_that_the_hook_cannot_use_unchanged(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    found = problems_in(tmp_path, data, connection_type=conn_type)

    assert any(repr(key) in each.text for each in found)


def test_two_names_with_one_value(tmp_path: Path) -> None:
    assert problems_in(tmp_path, {**DATABASE, "user": "u", "pass": "p"}, connection_type="postgres") == []
    named = {"field_login": "user"}
    assert problems_in(tmp_path, {**DATABASE, "user": "x"}, connection_type="postgres", **named) == []


@pytest.mark.parametrize("conn_type", ["teradata", "vertica", "smtp", "sftp", "influxdb", "databricks"])
def test_hooks_that_would_use_another_host(tmp_path: Path, conn_type: str) -> None:
    found = problems_in(tmp_path, LOGIN, connection_type=conn_type)

    assert any("no host" in each.text for each in found)
