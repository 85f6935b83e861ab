"""Keys with what a connection lacks are reported, also if only the credential is in ``extra``, or nothing is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.connection_secrets import Read
from support.listing import problems_in

DATABASE = {"host": "h", "username": "u", "password": "p"}
KEYS = {"access_key_id": "a", "secret_access_key": "s"}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIGH\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("trino", {"admin": "pw", "bob": "pw"}),
        ("vault", {"vault-root": "hvs.x"}),
        ("http", {"AUTHENTICATION_APIKEY_ALLOWED_KEYS": "k"}),
        ("weaviate", {"AUTHENTICATION_APIKEY_ALLOWED_KEYS": "k"}),
        ("redis", {"tls.crt": CERTIFICATE}),
    ],
)
def test_annotations_without_any_key(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    port = {"connection_port": "6379"} if conn_type == "redis" else {}
    found = problems_in(tmp_path, data, connection_type=conn_type, connection_host="h", **port)

    assert any(repr(key) in each.text for each in found for key in data)


def test_annotations_that_contain_the_whole_connection(tmp_path: Path) -> None:
    assert problems_in(tmp_path, {}, connection_type="http", connection_host="https://h") == []
    # The key of a format that is not needed.
    named = {"connection_type": "http", "connection_host": "https://h", "connection_login": "u"}
    assert problems_in(tmp_path, {"anything": "p"}, **named, field_password="anything") == []


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("influxdb", {"INFLUXDB_URL": "https://i:8086", "INFLUXDB_TOKEN": "t", "INFLUXDB_ORG": "o"}, "INFLUXDB_URL"),
        ("weaviate", {"WEAVIATE_URL": "https://x", "WEAVIATE_API_KEY": "k"}, "WEAVIATE_URL"),
        ("elasticsearch", {"ELASTICSEARCH_HOSTS": "https://e", "ELASTICSEARCH_API_KEY": "k"}, "ELASTICSEARCH_HOSTS"),
        ("zendesk", {"subdomain": "x", "email": "a@b.c", "api_token": "t"}, "subdomain"),
        ("ydb", {"YDB_ENDPOINT": "grpcs://y:2135", "token": "t", "database": "/d"}, "YDB_ENDPOINT"),
    ],
)
def test_a_host_next_to_a_credential_in_extra(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    found = [each for each in problems_in(tmp_path, data, connection_type=conn_type) if each.code == "half-connection"]

    assert any(repr(key) in each.text for each in found)


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("sftp", {"host": "h", "username": "u", "private_key_base64": "LS0="}, "private_key_base64"),
        ("snowflake", {"account": "a", "user": "u", "private-key-b64": "LS0="}, "private-key-b64"),
        ("presto", {"host": "h", "port": "443", "user": "u", "jwt": "j"}, "jwt"),
        ("salesforce", {"username": "u", "client_id": "k", "server.key": "k"}, "server.key"),
        ("oracle", {"user": "u", "password": "p", "dsn": "adb_high", "wallet.zip": "x"}, "wallet.zip"),
        ("exasol", {**DATABASE, "port": "8563", "encryption": "true"}, "encryption"),
        ("vespa", {"endpoint": "https://v", "cert": CERTIFICATE, "key": "k"}, "cert"),
        ("livy", {"host": "l", "port": "8998", "principal": "u@R", "keytab": "k"}, "keytab"),
        ("webhdfs", {"host": "n", "port": "9870", "user": "u", "keytab": "k"}, "keytab"),
        ("mssql", {**DATABASE, "authentication": "ActiveDirectoryPassword"}, "authentication"),
        ("mysql", {**DATABASE, "auth_type": "ldap"}, "auth_type"),
        # A name can begin with that of the type.
        ("vault", {"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t", "VAULT_NAMESPACE": "n"}, "VAULT_NAMESPACE"),
        ("datadog", {"api-key": "k", "app-key": "a", "DATADOG_SOURCE_TYPE_NAME": "x"}, "DATADOG_SOURCE_TYPE_NAME"),
        ("datadog", {"api-key": "k", "app-key": "a", "site": "datadoghq.eu"}, "site"),
        ("openai", {"OPENAI_API_KEY": "k", "OPENAI_ORGANIZATION": "org-x"}, "OPENAI_ORGANIZATION"),
        ("openai", {"api-key": "k", "api-version": "2024-06-01"}, "api-version"),
        ("elasticsearch", {"host": "e", "id": "i", "api_key": "k"}, "id"),
        ("trino", {**DATABASE, "port": "443", "role": "r"}, "role"),
        ("trino", {**DATABASE, "port": "443", "impersonate_as_owner": "true"}, "impersonate_as_owner"),
        ("aws", {**KEYS, "AWS_EXTERNAL_ID": "e"}, "AWS_EXTERNAL_ID"),
        ("aws", {**KEYS, "assume-role-arn": "arn"}, "assume-role-arn"),
        ("aws", {**KEYS, "profile": "x"}, "profile"),
        ("aws", {**KEYS, "token": "t"}, "token"),
        ("aws", {**KEYS, "insecure": "true"}, "insecure"),
        ("redis", {"host": "r", "user": "u", "iam": "true"}, "iam"),
        (
            "azure",
            {"client_id": "i", "client_secret": "s", "tenant": "t", "cloud_environment": "x"},
            "cloud_environment",
        ),
        ("adls", {"host": "acc", "account_key": "k"}, "account_key"),
        ("ydb", {"host": "y", "database": "/d", "service_account_key": "{}"}, "service_account_key"),
        ("weaviate", {"host": "w", "username": "u", "password": "p", "scope": "x"}, "scope"),
        ("opsgenie", {"apiKey": "k", "region": "eu"}, "region"),
        ("github", {"app_id": "1", "installation_id": "2", "private_key": "k", "token": "t"}, "installation_id"),
        (
            "databricks",
            {"host": "https://x", "client_id": "i", "client_secret": "s", "tenant_id": "t"},
            "tenant_id",
        ),
    ],
)
def test_names_of_keys_that_a_hook_may_need(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    assert any(repr(key) in each.text for each in problems_in(tmp_path, data, connection_type=conn_type))


def test_remedies_for_keys_that_the_hook_reads_in_another_form(tmp_path: Path) -> None:
    data = {"api-key": "k", "app-key": "a", "site": "datadoghq.eu"}
    [problem] = problems_in(tmp_path, data, connection_type="datadog")

    assert 'connection-extra: {"api_host": "https://api.datadoghq.eu"}' in problem.text
    extra = '{"api_host": "https://api.datadoghq.eu"}'
    assert problems_in(tmp_path, data, connection_type="datadog", connection_extra=extra) == []


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("aws", {**KEYS, "insecure": "false"}),
        ("aws", {**KEYS, "SessionToken": "t"}),
        ("telegram", {"token": "t", "chat": "c"}),
    ],
)
def test_keys_that_are_read_or_change_nothing(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    assert problems_in(tmp_path, data, connection_type=conn_type) == []


def test_the_url_of_a_region(tmp_path: Path) -> None:
    data = {"apiKey": "k", "region": "eu"}
    [problem] = problems_in(tmp_path, data, connection_type="opsgenie")

    assert "connection-host" in problem.text
    host = "https://api.eu.opsgenie.com"
    assert problems_in(tmp_path, data, connection_type="opsgenie", connection_host=host) == []


@pytest.mark.parametrize(
    ("conn_type", "data", "parts"),
    [
        ("vault", {"addr": "https://v:8200", "token": "t", "mount_point": "kv"}, {"schema": "kv"}),
        ("kylin", {**DATABASE, "port": "7070", "project": "sales"}, {"schema": "sales"}),
    ],
)
def test_words_for_the_schema(
    read: Read, tmp_path: Path, conn_type: str, data: dict[str, str], parts: dict[str, str]
) -> None:
    connection = read(data, {"connection-type": conn_type})

    assert connection is not None
    assert {name: connection[name] for name in parts} == parts
    assert problems_in(tmp_path, data, connection_type=conn_type) == []


def test_other_keys_behind_a_prefix(tmp_path: Path) -> None:
    """Keys without the prefix are for something else, so they are not in ``extra``, and nothing is wrong with them."""
    annotations = {"key_prefix": "DB_", "other_keys": "extra", "connection_type": "generic"}
    data = {"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": "p", "DB_MODE": "x", "QUEUE": "y"}

    assert problems_in(tmp_path, data, **annotations) == []
