"""The web address of a server is given to each hook in the way that the hook reads it."""

from __future__ import annotations

from typing import Any

import pytest

from support.connection_secrets import Read, whole
from support.hook_texts import MARK, texts_of

LOGIN = {"username": "u", "password": "p"}


@pytest.mark.parametrize(
    ("conn_type", "url", "parts"),
    [
        ("vault", "https://v:8200", {"host": "v", "port": 8200, "extra": {"use_tls": True}}),
        ("vault", "http://v:8200", {"host": "v", "port": 8200}),
        ("trino", "https://t", {"host": "t", "port": 443, "extra": {"protocol": "https"}}),
        ("presto", "https://t:8443/", {"host": "t", "port": 8443, "extra": {"protocol": "https"}}),
        ("jenkins", "https://j", {"host": "j", "port": 443, "extra": {"use_https": True}}),
        ("jenkins", "http://j", {"host": "j", "port": 80}),
        ("pinot", "https://q:8099", {"host": "q", "port": 8099, "extra": {"schema": "https"}}),
        ("druid", "https://d", {"host": "d", "port": 443, "schema": "https", "extra": {"schema": "https"}}),
        ("webhdfs", "https://n:9871", {"host": "n", "port": 9871, "extra": {"use_ssl": True, "verify": True}}),
        ("weaviate", "https://w", {"host": "w", "port": 443, "extra": {"http_secure": True}}),
        ("clickhouse", "https://c", {"host": "c", "port": 443, "extra": {"secure": True}}),
        (
            "clickhouse",
            "https://c:8443/sales",
            {"host": "c", "port": 8443, "schema": "sales", "extra": {"secure": True}},
        ),
        ("opensearch", "https://o", {"host": "o", "port": 443, "extra": {"use_ssl": True, "verify_certs": True}}),
        ("elasticsearch", "https://e", {"host": "e", "port": 443, "schema": "https"}),
        ("influxdb3", "http://i:8181", {"host": "i", "port": 8181, "schema": "http", "extra": {"database": "d"}}),
        ("dbt_cloud", "https://cloud.getdbt.com", {"host": "cloud.getdbt.com"}),
        ("snowflake", "https://a-b.snowflakecomputing.com", {"extra": {"account": "a-b"}}),
        ("openai", "https://o.example.com", {"host": "https://o.example.com"}),
        ("github", "https://g:8443", {"host": "https://g:8443"}),
        ("airbyte", "http://[fd00::1]:8000", {"host": "http://[fd00::1]:8000"}),
        ("jira", "https://x.atlassian.net", {"host": "https://x.atlassian.net"}),
        ("tableau", "https://t:8443/", {"host": "https://t:8443"}),
        ("aws", "http://minio:9000", {"extra": {"endpoint_url": "http://minio:9000"}}),
        ("livy", "https://l:8998", {"host": "l", "port": 8998, "schema": "https"}),
    ],
)
def test_a_web_address(read: Read, conn_type: str, url: str, parts: dict[str, Any]) -> None:
    # A login next to a password is for another method than a token.
    login = {"password": "p"} if conn_type == "vault" else LOGIN
    database = {"database": "d"} if conn_type == "influxdb3" else {}
    expected = whole(conn_type=conn_type, login=login.get("username"), password="p", **parts)
    if conn_type == "snowflake":
        expected["host"] = "a-b.snowflakecomputing.com"

    assert read({"url": url, **login, **database}, {"connection-type": conn_type}) == expected
    assert texts_of({"url": url, **login, **database}, connection_type=conn_type) == []


@pytest.mark.parametrize("conn_type", ["vault", "trino", "jenkins", "clickhouse", "pinot", "webhdfs"])
def test_a_web_address_in_the_host(read: Read, conn_type: str) -> None:
    found = read({"host": "https://h:8443", **LOGIN}, {"connection-type": conn_type})

    assert found is not None
    assert (found["host"], found["port"]) == ("h", 8443)
    assert found == read({"url": "https://h:8443", **LOGIN}, {"connection-type": conn_type})


@pytest.mark.parametrize(
    ("value", "reported"),
    [
        ('{"conn_type": "vault", "host": "https://v", "password": "hunter2"}', "reads the URL in the host"),
        ('{"conn_type": "vault", "host": "v", "schema": "https", "password": "hunter2"}', '{"use_tls": true}'),
        ('{"conn_type": "trino", "host": "t", "schema": "https", "port": 443}', '{"protocol": "https"}'),
        ('{"conn_type": "clickhouse", "host": "https://h:8443/db"}', "reads the URL in the host"),
        ('{"conn_type": "elasticsearch", "host": "e", "port": 9200, "schema": "orders"}', "reads the schema"),
        ('{"conn_type": "clickhouse", "host": "h", "extra": {"secure": true}}', "8443"),
        ('{"conn_type": "clickhouse", "host": "h", "port": 9440, "extra": {"secure": true}}', "native protocol"),
        (
            '{"conn_type": "trino", "host": "t", "port": 8080, "login": "u", "password": "hunter2"}',
            "refuses a password",
        ),
        ('{"conn_type": "trino", "host": "t", "port": 8080, "schema": "sales"}', ""),
        ('{"conn_type": "vault", "host": "v/prefix", "password": "hunter2"}', ""),
        ('{"conn_type": "elasticsearch", "host": "e", "port": 9200, "schema": "https"}', ""),
        ('{"conn_type": "clickhouse", "host": "h", "port": 8443, "extra": {"secure": true}}', ""),
    ],
)
def test_values_that_a_hook_misreads(value: str, reported: str) -> None:
    texts = texts_of({"value": value})

    assert any(reported in each for each in texts) if reported else texts == []
    assert not any(MARK in each for each in texts)


def test_index_is_not_used_as_the_schema_of_elasticsearch(read: Read) -> None:
    for data in (
        {"uri": "elasticsearch://u:p@e:9200/orders"},
        {"host": "e", "port": "9200", "type": "elasticsearch", "database": "orders", **LOGIN},
    ):
        found = read(data)
        assert found is not None
        assert found["schema"] is None


def test_the_default_port_of_clickhouse_with_tls(read: Read) -> None:
    found = read({"host": "h", "secure": "true", "type": "clickhouse", **LOGIN})

    assert found is not None
    assert (found["port"], found["extra"]) == (8443, {"secure": True})


@pytest.mark.parametrize(
    ("uri", "catalog", "schema"),
    [
        ("trino://u:p@t:8080/hive/sales", "hive", "sales"),
        ("trino://u:p@t:8080/hive", "hive", None),
        ("presto://u@t:8080", None, None),
    ],
)
def test_the_catalog_in_a_uri_of_sqlalchemy(read: Read, uri: str, catalog: str | None, schema: str | None) -> None:
    found: Any = read({"uri": uri})

    assert (found["extra"].get("catalog"), found["schema"]) == (catalog, schema)


@pytest.mark.parametrize("conn_type", ["trino", "presto"])
def test_settings_of_trino_in_keys(read: Read, conn_type: str) -> None:
    data = {"host": "t", "port": "8443", "protocol": "https", "schema": "s", **LOGIN}

    found = read(data, {"connection-type": conn_type})

    assert found == whole(
        conn_type=conn_type,
        host="t",
        port=8443,
        schema="s",
        login="u",
        password="p",
        extra={"protocol": "https"},
    )
