"""Keys with a name that only one connection type has."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from support.connection_secrets import Read, whole
from support.listing import problems_in

PRINCIPAL = {"clientId": "i", "client-secret": "s"}
CLOUD_ID = "app:" + b64encode(b"eu-west-1.aws.found.io$abc123$def456").decode()
CASES: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("azure", {**PRINCIPAL, "TENANT_ID": "t"}, {"login": "i", "password": "s", "extra": {"tenantId": "t"}}),
    (
        "azure_data_factory",
        {**PRINCIPAL, "tenant": "t", "subscription-id": "x"},
        {"login": "i", "password": "s", "extra": {"tenantId": "t", "subscriptionId": "x"}},
    ),
    ("msgraph", {**PRINCIPAL, "tenant.id": "t"}, {"login": "i", "password": "s", "extra": {"tenant_id": "t"}}),
    (
        "databricks",
        {"host": "https://x", **PRINCIPAL},
        {"host": "https://x", "login": "i", "password": "s", "extra": {"service_principal_oauth": True}},
    ),
    (
        "databricks",
        {"host": "https://x", "token": "t", "http-path": "/w"},
        {"host": "https://x", "password": "t", "extra": {"http_path": "/w"}},
    ),
    ("airbyte", {"host": "https://x", **PRINCIPAL}, {"host": "https://x", "login": "i", "password": "s"}),
    ("dbt_cloud", {"accountId": "1", "serviceToken": "t"}, {"login": "1", "password": "t"}),
    ("aws", {"access-key-id": "a", "secretAccessKey": "s"}, {"login": "a", "password": "s"}),
    (
        "vault",
        {"VAULT_ADDR": "https://v:8200", "role_id": "r", "secret_id": "s"},
        {
            "host": "v",
            "port": 8200,
            "login": "r",
            "password": "s",
            "extra": {"use_tls": True, "auth_type": "approle"},
        },
    ),
    (
        "jira",
        {"url": "https://j", "email": "a@b.c", "api-token": "t"},
        {"host": "https://j", "login": "a@b.c", "password": "t"},
    ),
    ("github", {"username": "u", "password": "old", "pat": "t"}, {"login": "u", "password": "t"}),
    ("cohere", {"COHERE_API_KEY": "k"}, {"password": "k"}),
    ("telegram", {"bot-token": "t", "chat-id": "-1"}, {"host": "-1", "password": "t"}),
    ("azure_service_bus", {"connectionString": "Endpoint=sb://x/;K=v"}, {"schema": "Endpoint=sb://x/;K=v"}),
    ("wasb", {"account-name": "a", "sas-token": "?sv=x"}, {"login": "a", "extra": {"sas_token": "?sv=x"}}),
    ("wasb", {"connection-string": "AccountName=a"}, {"extra": {"connection_string": "AccountName=a"}}),
    (
        "azure_cosmos",
        {"endpoint": "https://c:443/", "primaryKey": "k", "database": "d"},
        {"login": "https://c:443/", "password": "k", "extra": {"database_name": "d"}},
    ),
    (
        "salesforce",
        {"username": "u", "password": "p", "security-token": "t", "instanceUrl": "https://x"},
        {"login": "u", "password": "p", "extra": {"security_token": "t", "instance_url": "https://x"}},
    ),
    (
        "oss",
        {"accessKeyId": "a", "accessKeySecret": "s", "region": "r"},
        {"extra": {"access_key_id": "a", "access_key_secret": "s", "region": "r", "auth_type": "AK"}},
    ),
    (
        "trino",
        {"host": "t", "port": "443", "user": "u", "jwt": "j", "catalog": "c"},
        {
            "host": "t",
            "port": 443,
            "login": "u",
            "extra": {"auth": "jwt", "jwt__token": "j", "catalog": "c", "protocol": "https"},
        },
    ),
    (
        "elasticsearch",
        {"cloud_id": CLOUD_ID, "apiKey": "k"},
        {"host": "abc123.eu-west-1.aws.found.io", "port": 443, "schema": "https", "extra": {"api_key": "k"}},
    ),
    (
        "elasticsearch",
        {"host": "e", "username": "u", "password": "p", "cloud.id": CLOUD_ID},
        {"host": "e", "port": 9200, "login": "u", "password": "p"},
    ),
    (
        "samba",
        {"host": "h", "user": "u", "password": "p", "share": "s"},
        {"host": "h", "login": "u", "password": "p", "schema": "s"},
    ),
    (
        "ydb",
        {"endpoint": "grpcs://y:2135", "database": "/d", "token": "t"},
        {"host": "grpcs://y", "port": 2135, "extra": {"database": "/d", "token": "t"}},
    ),
    (
        "arangodb",
        {"url": "http://a:8529", "username": "u", "password": "p", "database": "d"},
        {"host": "http://a:8529", "login": "u", "password": "p", "schema": "d"},
    ),
    (
        "opsgenie",
        {"apiKey": "k", "host": "https://api.eu.opsgenie.com", "port": "8443"},
        {"host": "https://api.eu.opsgenie.com:8443", "password": "k"},
    ),
    (
        "winrm",
        {"host": "w", "port": "5986", "username": "u", "password": "p"},
        {"host": "w", "login": "u", "password": "p", "extra": {"endpoint": "https://w:5986/wsman"}},
    ),
    (
        "winrm",
        {"host": "w", "port": "15985", "username": "u", "password": "p"},
        {"host": "w", "login": "u", "password": "p", "extra": {"remote_port": 15985}},
    ),
]


@pytest.mark.parametrize("has_key", [False, True], ids=["annotation", "key"])
@pytest.mark.parametrize(("conn_type", "data", "parts"), CASES)
def test_type_specific_keys(
    read: Read, tmp_path: Path, conn_type: str, data: dict[str, str], parts: dict[str, Any], has_key: bool
) -> None:
    given = {**data, "type": conn_type} if has_key else data
    annotations = {} if has_key else {"connection-type": conn_type}

    assert read(given, annotations) == whole(conn_type=conn_type, **parts)
    assert problems_in(tmp_path, given, **annotations) == []


@pytest.mark.parametrize(
    "data", [PRINCIPAL, {"apiKey": "k"}, {"type": "postgres", **PRINCIPAL}, {"client-id": "", "type": "azure"}]
)
def test_names_of_another_type_are_not_read(read: Read, data: dict[str, str]) -> None:
    assert read(data) is None


def test_annotations_take_precedence(read: Read) -> None:
    data = {**PRINCIPAL, "other": "o"}
    annotations = {"connection-type": "azure", "field-password": "other", "connection-login": "l"}

    assert read(data, annotations) == whole(conn_type="azure", login="l", password="o")
    prefixed = {"APP_CLIENT_ID": "i", "APP_CLIENT_SECRET": "s", "CLIENT_ID": "no"}
    expected = whole(conn_type="azure", login="i", password="s")
    assert read(prefixed, {"connection-type": "azure", "key-prefix": "APP_"}) == expected


@pytest.mark.parametrize(
    "cloud_id", ["x", "app:x", f"app:{b64encode(b'host').decode()}", f"app:{b64encode(b'a b$c').decode()}"]
)
def test_invalid_cloud_id_is_not_used_as_a_host(read: Read, tmp_path: Path, cloud_id: str) -> None:
    data = {"type": "elasticsearch", "cloud_id": cloud_id, "username": "u", "password": "p"}

    assert read(data) == whole(conn_type="elasticsearch", login="u", password="p", extra={"cloud_id": cloud_id})
    assert "half-connection" in [each.code for each in problems_in(tmp_path, data)]


def test_trino_ignores_a_token_next_to_a_password(read: Read) -> None:
    data = {"host": "t", "user": "u", "password": "p", "token": "x"}

    assert read(data, {"connection-type": "trino"}) == whole(conn_type="trino", host="t", login="u", password="p")
