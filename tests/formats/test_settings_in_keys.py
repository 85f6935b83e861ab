"""Settings in keys become what the hook of the type reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.connection_secrets import Read, extra_of
from support.listing import problems_in

LOGIN = {"username": "u", "password": "p"}
DATABASE = {"host": "h", **LOGIN}


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
        ("mysql", {"sslmode": "require"}, {"ssl_mode": "REQUIRED"}),
        ("mysql", {"sslMode": "verify-ca", "ssl-ca": "/ca"}, {"ssl_mode": "VERIFY_CA", "ssl": {"ca": "/ca"}}),
        ("mysql", {"sslmode": "preferred", "ssl_mode": "required"}, {"ssl_mode": "REQUIRED"}),
        ("jenkins", {"port": "443", "use_https": "true"}, {"use_https": True}),
        ("druid", {"port": "8282", "protocol": "https"}, {"schema": "https"}),
        ("pinot", {"scheme": "https"}, {"schema": "https"}),
        ("weaviate", {"tls": "true"}, {"http_secure": True}),
        ("webhdfs", {"useSSL": "false", "ssl": "true"}, {"use_ssl": True}),
        ("impala", {"use_ssl": "true", "auth_mechanism": "LDAP"}, {"use_ssl": True, "auth_mechanism": "LDAP"}),
        ("vertica", {"ssl": "true"}, {"ssl": True}),
        ("teradata", {"sslmode": "VERIFY-CA", "sslca": "/ca"}, {"sslmode": "VERIFY-CA", "sslca": "/ca"}),
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


@pytest.mark.parametrize(("uri", "conn_type"), [("smtps://u:p@h:465", "smtp"), ("imaps://u:p@h:993", "imap")])
def test_schemes_of_mail(read: Read, uri: str, conn_type: str) -> None:
    connection = read({"uri": uri})

    assert connection is not None
    assert (connection["conn_type"], connection["extra"]) == (conn_type, {})


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


def test_values_of_a_known_format_in_any_case(read: Read) -> None:
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
        (
            "influxdb3",
            {"host": "h", "database": "d", "token": "t"},
            {"schema": None, "extra": {"database": "d", "token": "t"}},
        ),
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
def test_keys_are_converted_for_the_hook(
    read: Read, tmp_path: Path, conn_type: str, data: dict[str, str], parts: dict[str, Any]
) -> None:
    connection = read(data, {"connection-type": conn_type})

    assert connection is not None
    assert {name: connection[name] for name in parts} == parts
    assert problems_in(tmp_path, data, connection_type=conn_type) == []


@pytest.mark.parametrize("scheme", ["redis-sentinel", "rediss-sentinel", "redis+sentinel"])
def test_sentinel_uri_is_an_error(read: Read, scheme: str) -> None:
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
