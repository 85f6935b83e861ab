"""Credentials that are half of one and half of another, or two at once, are reported until annotations decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.connection_secrets import Read, whole
from support.hook_texts import MARK, texts_of
from support.listing import problems_in


def halves(folder: Path, data: dict[str, str], **annotations: str) -> list[str]:
    return [each.text for each in problems_in(folder, data, **annotations) if each.code == "half-connection"]


@pytest.mark.parametrize(
    ("conn_type", "data", "field", "key"),
    [
        ("aws", {"access-key-id": "a", "password": "p"}, "password", "password"),
        ("aws", {"access-key": "a", "username": "u", "password": "p"}, "password", "password"),
        ("aws", {"username": "u", "secretKey": "s"}, "login", "username"),
        ("azure", {"client_id": "i", "password": "p", "tenant": "t"}, "password", "password"),
        ("airbyte", {"host": "https://a", "user": "u", "client_secret": "s"}, "login", "user"),
        ("msgraph", {"username": "u", "client-secret": "s", "tenant_id": "t"}, "login", "username"),
        ("vault", {"addr": "https://v", "role_id": "r", "pass": "p"}, "password", "pass"),
    ],
)
def test_names_of_two_credentials(tmp_path: Path, conn_type: str, data: dict[str, str], field: str, key: str) -> None:
    [text] = [each for each in halves(tmp_path, data, connection_type=conn_type) if "two credentials" in each]

    assert repr(key) in text
    named = {f"field_{field}": key}
    assert not any("two credentials" in each for each in halves(tmp_path, data, connection_type=conn_type, **named))


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("aws", {"username": "a", "password": "p"}),
        ("aws", {"access-key": "a", "secret-key": "s", "username": "u", "password": "p"}),
        ("jira", {"url": "https://j", "email": "a@b.c", "password": "p"}),
        ("jira", {"url": "https://j", "username": "u", "token": "t"}),
        ("dbt_cloud", {"account_id": "1", "password": "p"}),
        ("wasb", {"account-name": "a", "password": "p"}),
    ],
)
def test_names_of_one_credential(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    assert halves(tmp_path, data, connection_type=conn_type) == []


def said_of(conn_type: str, **fields: Any) -> list[str]:
    return texts_of({"value": json.dumps({"conn_type": conn_type, **fields})})


@pytest.mark.parametrize(
    ("conn_type", "extra"),
    [
        ("trino", {"protocol": "https", "auth": "jwt", "jwt__token": MARK}),
        ("trino", {"protocol": "https", "auth": "kerberos"}),
        ("trino", {"protocol": "https", "auth": "certs"}),
        ("presto", {"protocol": "https", "auth": "kerberos"}),
        ("tableau", {"auth": "jwt", "jwt_token": MARK}),
    ],
)
def test_two_methods_of_logging_in(conn_type: str, extra: dict[str, str]) -> None:
    host = "https://h" if conn_type == "tableau" else "h"
    [text] = said_of(conn_type, host=host, login="u", password=MARK, extra=extra)

    assert "refuses a password next to 'auth' in extra" in text
    assert said_of(conn_type, host=host, login="u", extra=extra) == []
    rest = {name: value for name, value in extra.items() if name != "auth"}
    assert said_of(conn_type, host=host, login="u", password=MARK, extra=rest) == []


def test_annotations_choose_one_of_two_methods(read: Read, tmp_path: Path) -> None:
    data = {"host": "t", "port": "443", "user": "u", "password": "p", "jwt": MARK}
    [problem] = problems_in(tmp_path, data, connection_type="trino")
    remedy = '{"auth": null, "jwt__token": null}'

    assert remedy in problem.text
    chosen = {"connection-type": "trino", "connection-extra": remedy}
    assert read(data, chosen) == whole(
        conn_type="trino", host="t", port=443, login="u", password="p", extra={"protocol": "https"}
    )
    assert problems_in(tmp_path, data, connection_type="trino", connection_extra=remedy) == []


@pytest.mark.parametrize(
    ("fields", "is_reported"),
    [
        ({"login": "u", "password": MARK}, True),
        ({"login": "u", "extra": {"consumer_key": "k"}}, True),
        ({"extra": {"consumer_key": "k", "consumer_secret": MARK}}, True),
        ({"login": "u", "password": MARK, "extra": {"security_token": MARK}}, False),
        ({"login": "u", "password": MARK, "extra": {"extra__salesforce__security_token": MARK}}, False),
        ({"login": "u", "password": MARK, "extra": {"organization_id": "o"}}, False),
        ({"login": "u", "password": MARK, "extra": {"consumer_key": "k", "consumer_secret": MARK}}, False),
        ({"login": "u", "extra": {"consumer_key": "k", "private_key_file_path": "/k"}}, False),
        ({"extra": {"consumer_key": "k", "consumer_secret": MARK, "domain": "d"}}, False),
    ],
)
def test_methods_of_salesforce(fields: dict[str, Any], is_reported: bool) -> None:
    assert bool(said_of("salesforce", **fields)) == is_reported


@pytest.mark.parametrize(("kind", "is_reported"), [("PRIVATE", True), ("ENCRYPTED PRIVATE", False)])
def test_a_password_next_to_a_private_key_of_snowflake(kind: str, is_reported: bool) -> None:
    key = f"-----BEGIN {kind} KEY-----\n{MARK}\n-----END {kind} KEY-----\n"
    fields = {"login": "u", "password": MARK, "extra": {"account": "a", "private_key_content": key}}

    assert bool(said_of("snowflake", **fields)) == is_reported
    assert said_of("snowflake", **{**fields, "password": None}) == []


def test_the_token_in_a_url_of_spark_connect() -> None:
    [text] = texts_of({"url": f"sc://h:443/;token={MARK};use_ssl=true"}, connection_type="spark_connect")

    assert "SparkConnectHook does not read the schema" in text


def test_a_token_without_a_login_for_jira(tmp_path: Path) -> None:
    [problem] = problems_in(tmp_path, {"url": "https://j", "token": "t"}, connection_type="jira")

    assert "JiraHook ignores the password without a login" in problem.text


def test_a_token_without_the_account_of_dbt(tmp_path: Path) -> None:
    [text] = halves(tmp_path, {"DBT_CLOUD_API_TOKEN": "t"}, connection_type="dbt_cloud")

    assert "connection-login" in text
    assert halves(tmp_path, {"DBT_CLOUD_API_TOKEN": "t"}, connection_type="dbt_cloud", connection_login="1") == []
