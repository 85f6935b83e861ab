"""Parts of a connection that a hook would ignore without an error are read, or reported."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.hook_texts import texts_of
from support.listing import problems_in
from support.shapes import Read

LOGIN = {"username": "u", "password": "p"}
DATABASE = {"host": "h", **LOGIN}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PLAIN = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ENCRYPTED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")).decode()
OLD_ENCRYPTED = KEY.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"pw")
).decode()
OPENSSH = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
# `ssh-keygen -N` writes the name of the cipher in the place of `none`.
OPENSSH_ENCRYPTED = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAAAAAA\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)


def extra_of(read: Read, data: dict[str, str], **annotations: str) -> Any:
    connection = read(data, {name.replace("_", "-"): value for name, value in annotations.items()})
    assert connection is not None
    return connection["extra"]


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
    ("conn_type", "data", "extra"),
    [
        (
            "mongo",
            {"tls": "true", "tlsAllowInvalidCertificates": "true"},
            {"tls": True, "tlsAllowInvalidCertificates": True},
        ),
        ("mongo", {"tls": "true", "tlsInsecure": "false"}, {"tls": True}),
        ("opensearch", {"use_ssl": "true", "verify_certs": "false"}, {"use_ssl": True, "verify_certs": False}),
        ("opensearch", {"tls": "true", "verify_certs": "true"}, {"use_ssl": True, "verify_certs": True}),
        (
            "elasticsearch",
            {"scheme": "https", "verify_certs": "false", "ca_certs": "/ca"},
            {"scheme": "https", "verify_certs": False, "ca_certs": "/ca"},
        ),
        (
            "oracle",
            {"host": "h", "service_name": "s", "wallet_location": "/w", "wallet_password": "wp"},
            {"service_name": "s", "wallet_location": "/w", "wallet_password": "wp"},
        ),
        ("smtp", {"starttls": "true"}, {"disable_ssl": True}),
        ("imap", {"use_ssl": "false"}, {"use_ssl": False}),
        (
            "kafka",
            {"bootstrap.servers": "a:1,b:2", "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"},
            {
                "bootstrap.servers": "a:1,b:2",
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "u",
                "sasl.password": "p",
            },
        ),
    ],
)
def test_settings_in_keys(
    read: Read, tmp_path: Path, conn_type: str, data: dict[str, str], extra: dict[str, Any]
) -> None:
    given = {**LOGIN, **data} if conn_type in ("oracle", "kafka") else {**DATABASE, **data}

    assert extra_of(read, given, connection_type=conn_type) == extra
    assert problems_in(tmp_path, given, connection_type=conn_type) == []


@pytest.mark.parametrize("port", ["25", "587", "2525"])
def test_ports_of_starttls(read: Read, port: str) -> None:
    assert extra_of(read, {**DATABASE, "port": port, "type": "smtp"}) == {"disable_ssl": True}


@pytest.mark.parametrize(
    "data",
    [
        {"SMTP_HOST": "h", "SMTP_PORT": "465", "SMTP_USER": "u", "SMTP_PASSWORD": "p", "SMTP_SECURE": "true"},
        {**DATABASE, "type": "mysql", "ssl_disabled": "true"},
    ],
)
def test_what_changes_nothing_is_not_reported(tmp_path: Path, data: dict[str, str]) -> None:
    assert [each for each in problems_in(tmp_path, data) if each.code == "unused-settings"] == []


@pytest.mark.parametrize(("uri", "conn_type"), [("smtps://u:p@h:465", "smtp"), ("imaps://u:p@h:993", "imap")])
def test_schemes_of_mail(read: Read, uri: str, conn_type: str) -> None:
    connection = read({"uri": uri})

    assert connection is not None
    assert (connection["conn_type"], connection["extra"]) == (conn_type, {})


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("snowflake", {"account": "a", "user": "u", "rsa_key.p8": PLAIN}, "rsa_key.p8"),
        ("snowflake", {"account": "a", "user": "u", "private_key_path": "/k.p8"}, "private_key_path"),
        ("ssh", {"host": "h", "user": "u", "key_file": "/k"}, "key_file"),
        ("azure", {"password": "s", "client_id": "a"}, "client_id"),
        ("jira", {"host": "https://j", "password": "t", "email": "me@example.com"}, "email"),
        ("cassandra", {**LOGIN, "contact-points": "a,b"}, "contact-points"),
        ("docker", {**LOGIN, "registry": "r.io"}, "registry"),
    ],
)
def test_a_key_that_may_contain_what_is_missing(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    found = [each for each in problems_in(tmp_path, data, connection_type=conn_type) if each.code == "half-connection"]

    assert any(repr(key) in each.text for each in found)


@pytest.mark.parametrize(
    ("conn_type", "data", "entry"),
    [
        ("snowflake", {"account": "a", "user": "u", "private_key_path": "/k.p8"}, "extra-private_key_file"),
        ("ssh", {"host": "h", "user": "u", "id_rsa": "/k"}, "extra-key_file"),
    ],
)
def test_the_path_of_a_private_key(tmp_path: Path, conn_type: str, data: dict[str, str], entry: str) -> None:
    [problem] = [
        each for each in problems_in(tmp_path, data, connection_type=conn_type) if each.code == "half-connection"
    ]

    assert entry in problem.text


@pytest.mark.parametrize("conn_type", ["elasticsearch", "opensearch", "cassandra", "trino", "vault", "docker", "imap"])
def test_a_connection_without_a_host(tmp_path: Path, conn_type: str) -> None:
    found = problems_in(tmp_path, LOGIN, connection_type=conn_type)

    assert any("no host" in each.text for each in found)


@pytest.mark.parametrize("conn_type", ["slack", "slackwebhook"])
def test_a_token_in_a_url(tmp_path: Path, conn_type: str) -> None:
    data = {"url": "https://hooks.slack.com/services/T/B/x"}
    [problem] = [
        each for each in problems_in(tmp_path, data, connection_type=conn_type) if each.code == "half-connection"
    ]

    assert "no password" in problem.text


@pytest.mark.parametrize(
    ("conn_type", "key", "data", "is_reported"),
    [
        ("ssh", OLD_ENCRYPTED, {}, True),
        ("sftp", OPENSSH_ENCRYPTED, {}, True),
        ("ssh", ENCRYPTED, {"password": "pw"}, True),
        ("ssh", ENCRYPTED, {"private_key_passphrase": "pw"}, False),
        ("ssh", ENCRYPTED, {"passphrase": "pw"}, False),
        ("ssh", ENCRYPTED, {"key-passphrase": "pw"}, True),
        ("ssh", OPENSSH, {}, False),
        ("snowflake", ENCRYPTED, {"account": "a"}, True),
        ("snowflake", ENCRYPTED, {"account": "a", "password": "pw"}, False),
        ("snowflake", ENCRYPTED, {"account": "a", "private_key_passphrase": "pw"}, False),
        ("snowflake", PLAIN, {"account": "a"}, False),
    ],
)
def test_an_encrypted_private_key(
    tmp_path: Path, conn_type: str, key: str, data: dict[str, str], is_reported: bool
) -> None:
    given = {"username": "u", "private_key": key, **({"host": "h"} if conn_type != "snowflake" else {}), **data}
    found = [each for each in problems_in(tmp_path, given, connection_type=conn_type) if each.code == "half-connection"]

    assert any("encrypted" in each.text for each in found) == is_reported
    assert bool(found) == is_reported


def test_a_private_key_of_snowflake_in_one_line(read: Read) -> None:
    for data in (
        {"account": "a", "username": "u", "private_key": PLAIN.replace("\n", "\\n"), "type": "snowflake"},
        {"account": "a", "user": "u", "warehouse": "w", "private_key": PLAIN.replace("\n", "\\n")},
    ):
        assert extra_of(read, data)["private_key_content"].strip() == PLAIN.strip()


@pytest.mark.parametrize(
    ("uri", "host", "port", "schema"),
    [
        ("sqlserver://u:p@h/SQLExpress?database=d", "h\\SQLExpress", None, "d"),
        ("sqlserver://u:p@h:1433?database=d", "h", 1433, "d"),
        ("mssql+pyodbc://u:p@h:1433/d", "h", 1433, "d"),
        ("sqlserver://u:p@h/d?database=d", "h", 1433, "d"),
    ],
)
def test_an_instance_of_sql_server(read: Read, uri: str, host: str, port: int | None, schema: str) -> None:
    connection = read({"uri": uri})

    assert connection is not None
    assert (connection["host"], connection["port"], connection["schema"]) == (host, port, schema)


def test_the_words_of_a_format_in_any_case(read: Read) -> None:
    data = {
        "type": "Kafka",
        "provider": "Strimzi",
        "bootstrap.servers": "h:9093",
        "security.protocol": "SSL",
    }

    assert extra_of(read, data) == {"bootstrap.servers": "h:9093", "security.protocol": "SSL"}


@pytest.mark.parametrize(
    ("conn_type", "data", "annotations", "extra"),
    [
        (
            "aws",
            {"aws_access_key_id": "a", "aws_secret_access_key": "s", "session_token": "t", "region": "eu-west-1"},
            {"field_login": "aws_access_key_id", "field_password": "aws_secret_access_key"},
            {"aws_session_token": "t", "region_name": "eu-west-1"},
        ),
        (
            "kafka",
            {
                "bootstrap_servers": "h:1",
                "security_protocol": "SASL_SSL",
                "sasl.mechanisms": "PLAIN",
                "ssl.ca.location": "/ca",
                **LOGIN,
            },
            {},
            {
                "bootstrap.servers": "h:1",
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "PLAIN",
                "ssl.ca.location": "/ca",
                "sasl.username": "u",
                "sasl.password": "p",
            },
        ),
    ],
)
def test_settings_next_to_named_keys(
    read: Read,
    tmp_path: Path,
    conn_type: str,
    data: dict[str, str],
    annotations: dict[str, str],
    extra: dict[str, str],
) -> None:
    given = {"connection_type": conn_type, **annotations}

    assert extra_of(read, data, **given) == extra
    assert problems_in(tmp_path, data, **given) == []


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
        ("vault", {"host": "v", "role-id": "r", "secret-id": "s"}, "secret-id"),
        ("vault", {"host": "v", "role-id": "r", "password": "s"}, "role-id"),
        ("dbt_cloud", {"password": "t", "account_id": "1"}, "account_id"),
        ("cassandra", {**DATABASE, "keyspace-name": "k"}, "keyspace-name"),
    ],
)
def test_another_key_that_may_contain_what_is_missing(
    tmp_path: Path, conn_type: str, data: dict[str, str], key: str
) -> None:
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
    ("conn_type", "data", "parts"),
    [
        ("aws", {"aws_access_key_id": "a", "aws_secret_access_key": "s", "region": "r"}, {"login": "a"}),
        ("elasticsearch", {"host": "e", "port": "9200", "apiKey": "k"}, {"extra": {"api_key": "k"}}),
        ("kafka", {"host": "b:1", "group.id": "g"}, {"extra": {"bootstrap.servers": "b:1", "group.id": "g"}}),
        (
            "kafka",
            {**DATABASE, "security.protocol": "SASL_SSL", "sasl_mechanism": "scram-sha-512"},
            {
                "extra": {
                    "bootstrap.servers": "h",
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": "SCRAM-SHA-512",
                    "sasl.username": "u",
                    "sasl.password": "p",
                }
            },
        ),
        ("influxdb3", {"host": "h", "database": "d"}, {"schema": None, "extra": {"database": "d"}}),
        ("mysql", {"host": "h", "username": "u", "iam": "true"}, {"extra": {"iam": True}}),
        ("oracle", {**DATABASE, "serviceName": "s"}, {"extra": {"service_name": "s"}}),
        ("oracle", {**LOGIN, "dsn": "h:1521/s"}, {"host": None, "extra": {"dsn": "h:1521/s"}}),
        ("oracle", {**DATABASE, "database": "s"}, {"schema": None, "extra": {"service_name": "s"}}),
        ("oracle", {**DATABASE, "schema": "x", "sid": "s"}, {"schema": "x", "extra": {"sid": "s"}}),
        ("cassandra", {**LOGIN, "host": "a:9042, b:9042"}, {"host": "a,b", "port": 9042}),
        ("cassandra", {**LOGIN, "host": "[fd00::1]:9042"}, {"host": "fd00::1", "port": 9042}),
        ("redis", {"host": "h", "cluster": "true"}, {"extra": {"cluster": True}}),
        ("redis", {"uri": "rediss+cluster://:p@h"}, {"extra": {"cluster": True, "ssl": True}}),
        ("mongo", {**DATABASE, "scheme": "mongodb+srv"}, {"extra": {"srv": True}}),
        (
            "mysql",
            {**DATABASE, "tls": "true", "sslca": "/ca"},
            {"extra": {"ssl_mode": "REQUIRED", "ssl": {"ca": "/ca"}}},
        ),
        ("postgres", {**DATABASE, "search_path": "app"}, {"extra": {"options": "-csearch_path=app"}}),
        ("smtp", {**DATABASE, "from": "a@example.com"}, {"extra": {"from_email": "a@example.com"}}),
        ("snowflake", {**LOGIN, "account": "https://a-b.snowflakecomputing.com/"}, {"extra": {"account": "a-b"}}),
        ("snowflake", {**LOGIN, "account": "a.snowflakecomputing.cn"}, {"extra": {"account": "a"}}),
        ("snowflake", {**LOGIN, "host": "https://a.snowflakecomputing.com/console"}, {"extra": {"account": "a"}}),
        ("databricks", {"host": "h", "username": "token", "password": "p"}, {"login": None, "password": "p"}),
        ("dbt_cloud", {**LOGIN, "host": "https://cloud.getdbt.com"}, {"host": "cloud.getdbt.com"}),
        (
            "aws",
            {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_S3_ENDPOINT": "https://h"},
            {"login": "a"},
        ),
    ],
)
def test_what_the_hook_needs_in_another_form(
    read: Read, tmp_path: Path, conn_type: str, data: dict[str, str], parts: dict[str, Any]
) -> None:
    connection = read(data, {"connection-type": conn_type})

    assert connection is not None
    assert {name: connection[name] for name in parts} == parts
    assert problems_in(tmp_path, data, connection_type=conn_type) == []


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
        ("elasticsearch", {**LOGIN, "cloud_id": "x"}, "cloud_id"),
        ("opensearch", {**DATABASE, "https": "true"}, "https"),
        ("http", {**DATABASE, "use_https": "true"}, "use_https"),
        ("oracle", {**DATABASE, "service_name": "s", "cwallet.sso": "x"}, "cwallet.sso"),
        ("mongo", {**DATABASE, "client.pfx": "x"}, "client.pfx"),
        ("salesforce", {**LOGIN, "token": "t"}, "token"),
        ("azure", {**LOGIN, "tenant": "t"}, "tenant"),
        ("msgraph", {**LOGIN, "tenant": "t"}, "tenant"),
        ("mssql", {**DATABASE, "domain": "d"}, "domain"),
        ("samba", {**DATABASE, "share": "s"}, "share"),
        ("ssh", {"host": "h", "username": "u", "key.ppk": "k"}, "key.ppk"),
        ("sftp", {**DATABASE, "host_key_fingerprint": "SHA256:x"}, "host_key_fingerprint"),
        ("postgres", {"host": "h", "username": "u", "pgpassfile": "/x"}, "pgpassfile"),
        ("postgres", {**DATABASE, "user": "other"}, "user"),
        ("postgres", {**DATABASE, "pass": "other"}, "pass"),
    ],
)
def test_a_key_that_the_hook_cannot_use_as_it_is(
    tmp_path: Path, conn_type: str, data: dict[str, str], key: str
) -> None:
    found = problems_in(tmp_path, data, connection_type=conn_type)

    assert any(repr(key) in each.text for each in found)


def test_two_names_with_one_value(tmp_path: Path) -> None:
    assert problems_in(tmp_path, {**DATABASE, "user": "u", "pass": "p"}, connection_type="postgres") == []
    named = {"field_login": "user"}
    assert problems_in(tmp_path, {**DATABASE, "user": "x"}, connection_type="postgres", **named) == []


HOST_KEYS = "# h:22 SSH-2.0-OpenSSH\nh ssh-rsa AAAA\nh ssh-ed25519 BBBB\n"


@pytest.mark.parametrize(
    ("known_hosts", "host_key"),
    [
        (HOST_KEYS, "ssh-ed25519 BBBB"),
        ("[h]:2222 ecdsa-sha2-nistp256 AAAA comment", "ecdsa-sha2-nistp256 AAAA"),
        ("|1|c2FsdA==|aGFzaA== ssh-rsa AAAA", "ssh-rsa AAAA"),
        (f"{HOST_KEYS}g ssh-rsa CCCC\n", None),
        ("h ssh-dss AAAA", None),
        ("/etc/known_hosts", None),
    ],
)
def test_the_key_of_a_server_for_ssh(read: Read, tmp_path: Path, known_hosts: str, host_key: str | None) -> None:
    data = {"host": "h", "username": "u", "private_key": PLAIN, "known_hosts": known_hosts}

    assert extra_of(read, data, connection_type="ssh").get("host_key") == host_key
    found = problems_in(tmp_path, data, connection_type="ssh")
    assert [each.code for each in found] == ([] if host_key else ["unused-settings"])
    assert all("'known_hosts'" in each.text and "host_key" in each.text for each in found)


@pytest.mark.parametrize("conn_type", ["ssh", "sftp"])
def test_a_private_key_without_a_login(tmp_path: Path, conn_type: str) -> None:
    data = {"host": "h", "private_key": PLAIN}
    [problem] = problems_in(tmp_path, data, connection_type=conn_type)

    assert "has a private key and no login" in problem.text
    assert problems_in(tmp_path, data, connection_type=conn_type, connection_login="u") == []


@pytest.mark.parametrize("conn_type", ["teradata", "vertica", "smtp", "sftp", "influxdb", "databricks"])
def test_hooks_that_would_use_another_host(tmp_path: Path, conn_type: str) -> None:
    found = problems_in(tmp_path, LOGIN, connection_type=conn_type)

    assert any("no host" in each.text for each in found)


@pytest.mark.parametrize("mark", ['"', "'"])
def test_quotation_marks_around_a_value(tmp_path: Path, mark: str) -> None:
    data = {"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": f"{mark}p{mark}", "DB_CONNECTION": "mysql"}
    [problem] = problems_in(tmp_path, data)

    assert problem.code == "quoted-value"
    assert "key 'DB_PASSWORD'" in problem.text
    for value in (f"{mark}p", mark, f"p{mark}", f"{mark}{mark}"):
        assert problems_in(tmp_path, {**data, "DB_PASSWORD": value}) == []


@pytest.mark.parametrize("value", ["postgres://u:hunter2@h/d", ' {"conn_type": "postgres", "password": "hunter2"}'])
def test_a_connection_that_was_encoded_twice(read: Read, value: str) -> None:
    encoded = b64encode(value.encode()).decode()
    for stored in (encoded, f"{encoded}\n", f"{encoded[:20]}\n{encoded[20:]}"):
        with pytest.raises(MalformedSecretError, match="base64 of one") as raised:
            read({"value": stored})
        assert encoded[:20] not in str(raised.value)


def test_what_is_not_base64_of_a_connection(read: Read) -> None:
    for value in ("hunter22", b64encode(b"hunter2").decode()):
        with pytest.raises(MalformedSecretError) as raised:
            read({"value": value})
        assert "base64" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["redis-sentinel", "rediss-sentinel", "redis+sentinel"])
def test_the_uri_of_a_sentinel(read: Read, scheme: str) -> None:
    with pytest.raises(MalformedSecretError, match="Sentinel"):
        read({"uri": f"{scheme}://:p@a:26379,b:26379/name"})


@pytest.mark.parametrize(
    ("data", "conn_type"),
    [
        ({"ENGINE": "django.db.backends.postgresql"}, "postgres"),
        ({"ENGINE": "django.db.backends.mysql"}, "mysql"),
        ({"type": "sqlsrv"}, "mssql"),
    ],
)
def test_the_types_of_django_and_laravel(read: Read, data: dict[str, str], conn_type: str) -> None:
    connection = read({**DATABASE, **data})

    assert connection is not None
    assert connection["conn_type"] == conn_type
