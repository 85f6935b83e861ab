"""Fields that a hook ignores without an error are reported, until the remedy is followed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from support.hook_texts import MARK, texts_of

HTTPS = "https://h"


def warnings_of(conn_type: str, **fields: Any) -> list[str]:
    return texts_of({"value": json.dumps({"conn_type": conn_type, **fields})})


@pytest.mark.parametrize(
    ("conn_type", "more"),
    [
        ("mongo", {}),
        ("elasticsearch", {"port": 9200}),
        ("opensearch", {}),
        ("aws", {"host": None}),
        ("airbyte", {"host": HTTPS}),
        ("imap", {}),
        ("jenkins", {"port": 8080}),
        ("neo4j", {}),
        ("smtp", {}),
        ("iceberg", {"host": HTTPS}),
        ("pinot", {}),
        ("athena", {"host": None, "extra": {"region_name": "r"}}),
        ("azure_batch", {"host": None, "extra": {"account_url": HTTPS}}),
    ],
)
def test_a_login_and_a_password_that_a_hook_uses_only_together(conn_type: str, more: Mapping[str, Any]) -> None:
    fields = {"host": "h", **more}
    [of_login] = warnings_of(conn_type, login="u", **fields)
    [of_password] = warnings_of(conn_type, password=MARK, **fields)

    assert "ignores the login without a password" in of_login
    assert "ignores the password without a login" in of_password
    assert "Write the login too" in of_password
    assert warnings_of(conn_type, login="u", password=MARK, **fields) == []
    assert warnings_of(conn_type, **fields) == []


@pytest.mark.parametrize(
    ("conn_type", "extra"),
    [
        ("mongo", {"authMechanism": "MONGODB-X509"}),
        ("elasticsearch", {"api_key": "k"}),
        ("aws", {"aws_access_key_id": "a", "aws_secret_access_key": MARK}),
        ("smtp", {"auth_type": "oauth2", "access_token": MARK}),
    ],
)
def test_settings_that_replace_a_password(conn_type: str, extra: Mapping[str, Any]) -> None:
    port = {"port": 9200} if conn_type == "elasticsearch" else {}
    host = None if conn_type == "aws" else "h"

    assert warnings_of(conn_type, host=host, login="u", extra=extra, **port) == []


@pytest.mark.parametrize("conn_type", ["azure", "azure_compute", "azure_container_instance"])
def test_a_service_principal_without_its_tenant(conn_type: str) -> None:
    [text] = warnings_of(conn_type, login="u", password=MARK)

    assert "without 'tenantId' in extra, and uses the identity of its environment" in text
    assert text.endswith('Write it in extra: {"tenantId": "…"}')
    extra = {"tenantId": "t", "subscriptionId": "s"}
    assert warnings_of(conn_type, login="u", password=MARK, extra=extra) == []
    # That of a managed identity.
    assert warnings_of(conn_type, login="u", extra={"subscriptionId": "s"}) == []


@pytest.mark.parametrize("conn_type", ["cassandra", "livy", "informatica_edc", "docker", "druid", "ftp", "trino"])
def test_a_password_alone(conn_type: str) -> None:
    [text] = warnings_of(conn_type, host="h", port=1, password=MARK)

    assert "ignores the password without a login" in text
    # These hooks need a password for a login.
    assert bool(warnings_of(conn_type, host="h", port=1, login="u")) == (conn_type in ("cassandra", "docker"))


@pytest.mark.parametrize(
    ("conn_type", "fields", "extra"),
    [
        ("aws", {"host": "minio", "port": 9000}, {"endpoint_url": "http://minio:9000"}),
        ("google_cloud_platform", {"login": "u", "password": MARK}, {"keyfile_dict": "{}"}),
        ("google_cloud_platform", {"password": MARK}, {"extra__google_cloud_platform__keyfile_dict": "{}"}),
        ("gcpbigquery", {"login": "u"}, {"key_path": "/k"}),
        ("gcpcloudsql", {"login": "u", "password": MARK}, {"keyfile_dict": "{}"}),
        ("gcpspanner", {"password": MARK}, {"key_path": "/k"}),
        ("kubernetes", {"host": "https://k:6443", "password": MARK}, {"kube_config": "{}"}),
        ("influxdb", {"host": "h", "login": "u", "password": MARK}, {"token": "t", "org": "o"}),
        ("datadog", {"password": MARK}, {"api_key": "k"}),
        ("ydb", {"host": "h", "schema": "/d"}, {"database": "/d"}),
        ("yandexcloud", {"login": "u", "password": MARK}, {"oauth": MARK}),
        ("pydanticai_bedrock", {"password": MARK}, {"api_key": MARK}),
        ("pydanticai_vertex", {"password": MARK}, {"service_account_info": {"type": "service_account"}}),
        ("jupyter_kernel", {"host": "h", "password": MARK}, {"session_key": MARK}),
        ("vespa", {"host": "h", "password": MARK}, {"vespa_cloud_secret_token": MARK}),
    ],
)
def test_fields_that_a_hook_never_reads(conn_type: str, fields: dict[str, Any], extra: dict[str, Any]) -> None:
    [text] = warnings_of(conn_type, **fields)

    assert "does not read the" in text
    assert warnings_of(conn_type, **fields, extra=extra) == []


@pytest.mark.parametrize(
    ("conn_type", "fields", "reported", "right"),
    [
        (
            "kafka",
            {"extra": {"bootstrap.servers": "h", "sasl.username": "u", "sasl.password": MARK}},
            "sends neither login nor password",
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"},
        ),
        (
            "kafka",
            {"extra": {"bootstrap.servers": "h", "security.protocol": "SASL_SSL"}},
            "uses Kerberos",
            {"sasl.mechanism": "OAUTHBEARER"},
        ),
        (
            "kafka",
            {
                "extra": {
                    "bootstrap.servers": "h",
                    "security.protocol": "sasl_plaintext",
                    "sasl.mechanism": "SCRAM-SHA-256",
                    "sasl.username": "u",
                }
            },
            "needs 'sasl.password'",
            {"sasl.password": MARK},
        ),
        (
            "kafka",
            {
                "extra": {
                    "bootstrap.servers": "h",
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanism": "scram-sha-256",
                    "sasl.username": "u",
                    "sasl.password": MARK,
                }
            },
            "in upper case",
            {"sasl.mechanism": "SCRAM-SHA-256"},
        ),
        ("kafka", {"extra": {"group.id": "g"}}, "there are none", {"bootstrap.servers": "h"}),
        ("oracle", {"host": "h", "schema": "ORCL"}, "name of the service", {"service_name": "ORCL"}),
        (
            "databricks",
            {"host": "h", "login": "u", "password": MARK},
            "basic authentication",
            {"service_principal_oauth": True},
        ),
        (
            "snowflake",
            {"extra": {"account": "https://a.snowflakecomputing.cn"}},
            "adds .snowflakecomputing.com",
            {"account": "a"},
        ),
    ],
)
def test_settings_that_need_others(
    conn_type: str, fields: dict[str, Any], reported: str, right: dict[str, Any]
) -> None:
    [text] = warnings_of(conn_type, **fields)

    assert reported in text
    assert warnings_of(conn_type, **{**fields, "extra": {**fields.get("extra", {}), **right}}) == []


@pytest.mark.parametrize(
    ("conn_type", "wrong", "right"),
    [
        ("redis", {"host": "h", "port": 26379}, {"host": "h", "port": 6379}),
        ("cassandra", {"host": "a:9042,b:9042"}, {"host": "a,b", "port": 9042}),
        ("cassandra", {"host": "a, b"}, {"host": "a,b"}),
        ("jdbc", {"host": "h", "port": 1}, {"host": "jdbc:postgresql://h/d"}),
        ("jira", {"host": "h"}, {"host": HTTPS}),
        ("github", {"host": "h"}, {"host": HTTPS, "password": MARK}),
        ("openai", {"host": "h"}, {"host": HTTPS, "password": MARK}),
        ("airbyte", {"host": "h"}, {"host": HTTPS}),
        ("tableau", {"host": "h"}, {"host": "h", "schema": "https", "login": "u", "password": MARK}),
        ("jira", {"host": HTTPS, "port": 8443}, {"host": f"{HTTPS}:8443", "port": 8443}),
        ("jira", {"host": HTTPS, "port": 80}, {"host": HTTPS, "port": 443}),
        ("openai", {"host": "http://h/v1", "port": 443}, {"host": "http://h/v1", "port": 80, "password": MARK}),
        ("vault", {"host": "h", "login": "r"}, {"host": "h", "login": "r", "extra": {"auth_type": "approle"}}),
        ("winrm", {"host": "h", "port": 5986}, {"host": "h", "port": 5985}),
        ("psrp", {"host": "h", "port": 15986}, {"host": "h", "port": 5986}),
        ("psrp", {"host": "h", "port": 5985}, {"host": "h", "port": 5985, "extra": {"ssl": False}}),
        ("jenkins", {"host": "h"}, {"host": "h", "port": 8080}),
        ("drill", {"host": "h"}, {"host": "h", "port": 8047}),
        ("exasol", {"host": "h"}, {"host": "h", "port": 8563}),
        ("druid", {"host": "h"}, {"host": "h", "port": 8082}),
        ("influxdb", {"host": "https://h:8086"}, {"host": "h", "port": 8086, "schema": "https"}),
        ("influxdb", {"host": "h", "schema": "bucket"}, {"host": "h", "schema": "http"}),
        ("influxdb3", {"host": "h", "schema": "d"}, {"host": "h", "password": MARK, "extra": {"database": "d"}}),
        ("dbt_cloud", {"host": HTTPS}, {"host": "h", "password": MARK}),
        ("ydb", {"host": "grpcs://h:2135"}, {"host": "h", "port": 2135, "extra": {"database": "/d"}}),
        ("imap", {"host": "h", "port": 143}, {"host": "h", "port": 143, "extra": {"use_ssl": False}}),
        ("azure_cosmos", {"host": HTTPS, "password": MARK}, {"login": HTTPS, "password": MARK}),
        (
            "snowflake",
            {"host": "a.x.privatelink.snowflakecomputing.com", "extra": {"account": "a"}},
            {"host": "a.x.privatelink.snowflakecomputing.com", "extra": {"account": "a.x.privatelink"}},
        ),
    ],
)
def test_addresses_that_a_hook_misreads(conn_type: str, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    assert len(warnings_of(conn_type, **wrong)) == 1
    assert warnings_of(conn_type, **right) == []


RIGHT: tuple[dict[str, Any], ...] = (
    {"conn_type": "aws", "extra": {"role_arn": "arn", "region_name": "x"}},
    {"conn_type": "azure", "extra": {"managed_identity_client_id": "c"}},
    {"conn_type": "wasb", "login": "account"},
    {"conn_type": "google_cloud_platform", "extra": {"project": "p"}},
    {"conn_type": "kubernetes", "extra": {"in_cluster": True}},
    {
        "conn_type": "kafka",
        "extra": {
            "bootstrap.servers": "b",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "GSSAPI",
            "sasl.kerberos.keytab": "/k",
        },
    },
    {"conn_type": "databricks", "host": HTTPS, "password": MARK},
    {"conn_type": "databricks", "host": "h", "login": "u", "password": MARK, "extra": {"azure_tenant_id": "t"}},
    {"conn_type": "oracle", "host": "h:1521/service", "login": "u", "password": MARK},
    {"conn_type": "oracle", "login": "u", "password": MARK, "extra": {"dsn": "h:1521/service"}},
    {"conn_type": "http", "host": HTTPS, "extra": {"Authorization": f"Bearer {MARK}"}},
    {"conn_type": "http", "host": HTTPS, "password": MARK},
    {"conn_type": "github", "password": MARK},
    {"conn_type": "openai", "password": MARK},
    {"conn_type": "airbyte", "host": HTTPS},
    {"conn_type": "dbt_cloud", "login": "1", "password": MARK},
    {"conn_type": "influxdb3", "host": "h", "password": MARK, "extra": {"database": "d"}},
    {"conn_type": "redis", "host": "h", "port": 6379, "extra": {"cluster": True}},
    {"conn_type": "cassandra", "host": "h0,h1", "port": 9042, "schema": "k"},
    {"conn_type": "ydb", "host": "grpcs://h", "port": 2135, "extra": {"database": "/d"}},
    {"conn_type": "datadog", "host": "h", "extra": {"api_key": MARK}},
)


@pytest.mark.parametrize("connection", RIGHT, ids=lambda each: str(each["conn_type"]))
def test_a_connection_that_works_is_not_reported(connection: dict[str, Any]) -> None:
    """These are the examples in the documentation of the providers."""
    assert texts_of({"value": json.dumps(connection)}) == []


@pytest.mark.parametrize("conn_type", ["hive_metastore", "spark", "spark_sql", "openfaas"])
def test_a_login_and_a_password_that_a_hook_cannot_use(conn_type: str) -> None:
    host = HTTPS if conn_type == "openfaas" else "h"
    [text] = warnings_of(conn_type, host=host, login="u", password=MARK)

    assert "does not read the login and the password" in text
    assert warnings_of(conn_type, host=host) == []


def test_the_login_of_cosmos_is_a_url() -> None:
    [text] = warnings_of("azure_cosmos", login="account", password=MARK)

    assert "uses the login as the URL of the account" in text
    assert warnings_of("azure_cosmos", login=HTTPS, password=MARK) == []


def test_fields_of_a_connection_that_another_one_replaces() -> None:
    [text] = warnings_of("pydanticai_snowflake", host=HTTPS, login="u", password=MARK)

    assert "does not read the host, the login and the password, and uses another connection" in text
    assert warnings_of("pydanticai_snowflake", extra={"snowflake_conn_id": "x"}) == []
