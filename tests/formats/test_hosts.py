"""A host is what the driver expects, or a problem is reported."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from support.connection_secrets import Read, stored_secret

LOGIN = {"username": "u", "password": "p"}


def texts(data: dict[str, str]) -> list[str]:
    content = content_of(Kind.CONNECTION, stored_secret(data, {}), "value" if "value" in data else "")
    return [each.text for each in content.problems]


@pytest.mark.parametrize("conn_type", ["postgres", "mysql", "mongo", "redis", "mssql", "neo4j", "ssh", "elasticsearch"])
@pytest.mark.parametrize(
    "host",
    ['"db"', "'db'", "db replica", "db\nreplica", "db;", "h0;h1", '{"host":"h"}', "h\x00", "*", "h=db", "h:port"],
)
def test_invalid_character_in_the_host_is_reported(conn_type: str, host: str) -> None:
    [text] = texts({**LOGIN, "type": conn_type, "host": host})

    assert "in the host" in text


@pytest.mark.parametrize(
    "host",
    ["db", "db.", "DB_1.example.com", "bücher.example", "fd00::1", "[fd00::1]:5432", "fe80::1%eth0", "h0,h1:5433"],
)
def test_names_and_addresses(host: str) -> None:
    assert texts({**LOGIN, "type": "postgres", "host": host}) == []


@pytest.mark.parametrize("host", ["/var/run/my socket", "/cloudsql/project:region:name"])
def test_sockets(host: str) -> None:
    assert texts({**LOGIN, "type": "postgres", "host": host}) == []


@pytest.mark.parametrize(
    ("data", "host", "port", "extra"),
    [
        ({"type": "elasticsearch", "host": "https://h:9243"}, "h", 9243, {"scheme": "https"}),
        ({"type": "elasticsearch", "host": "https://h"}, "h", 443, {"scheme": "https"}),
        ({"type": "elasticsearch", "host": "http://h:9200/"}, "h", 9200, {}),
        ({"type": "elasticsearch", "host": "h", "tls": "true"}, "h", 9200, {"scheme": "https"}),
        ({"type": "elasticsearch", "uri": "https://h"}, "h", 443, {}),
        ({"type": "opensearch", "host": "https://h:9200"}, "h", 9200, {"use_ssl": True, "verify_certs": True}),
        ({"type": "opensearch", "host": "http://h:9200"}, "h", 9200, {}),
    ],
)
def test_servers_that_speak_http(read: Read, data: dict[str, str], host: str, port: int, extra: dict[str, Any]) -> None:
    connection = read({**LOGIN, **data})

    assert connection is not None
    assert (connection["host"], connection["port"], connection["extra"]) == (host, port, extra)
    assert texts({**LOGIN, **data}) == []


@pytest.mark.parametrize("host", ["https://h:9201/path", "https://u:p@h:9201", "a:9201,b:9202"])
def test_host_with_its_own_port_gets_no_default_port(read: Read, host: str) -> None:
    """The host contains a path, a login or several servers, so its port is not separated."""
    connection = read({"type": "elasticsearch", "host": host})

    assert connection is not None
    assert connection["port"] is None


@pytest.mark.parametrize(
    "data", [{"type": "postgres", "extra": '{"service": "s"}'}, {"type": "redshift", "extra": '{"iam": true}'}]
)
def test_login_is_not_required_with_a_service_or_iam(data: dict[str, str]) -> None:
    data = {**data, "host": "h", "password": "hunter2"}

    assert not any("no login" in each for each in texts(data))
    assert any("no login" in each for each in texts({**data, "extra": "{}"}))


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ({"type": "elasticsearch", "uri": "https://h:9200/path"}, "reads the URL in the host"),
        ({"type": "opensearch", "host": "https://h:9200/path"}, "reads the URL in the host"),
        ({"value": '{"conn_type": "elasticsearch", "host": "h"}'}, "has no port by default"),
    ],
)
def test_hosts_that_the_hooks_misread(data: dict[str, str], part: str) -> None:
    [text] = texts(data)

    assert part in text
    assert "field-uri" not in text


@pytest.mark.parametrize(
    ("uri", "schema", "extra"),
    [
        ("sqlserver://u:p@h:1433?database=d&encrypt=true", "d", {"encryption": "require"}),
        ("sqlserver://u:p@h:1433?Database=d", "d", {}),
        ("mssql+pymssql://u:p@h/d", "d", {}),
        ("snowflake://u:p@acc/db/schema?warehouse=w", "schema", {"account": "acc", "database": "db", "warehouse": "w"}),
        ("snowflake://u:p@acc.eu-west-1.snowflakecomputing.com/db", "", {"account": "acc.eu-west-1", "database": "db"}),
        ("snowflake://u:p@h/schema?account=acc&database=db", "schema", {"account": "acc", "database": "db"}),
    ],
)
def test_the_database_in_a_uri(read: Read, uri: str, schema: str, extra: dict[str, Any]) -> None:
    connection = read({"uri": uri})

    assert connection is not None
    assert (connection["schema"] or "", connection["extra"]) == (schema, extra)
    assert texts({"uri": uri}) == []


@pytest.mark.parametrize("port", ["5432.0", "postgres", "<no value>", "{{ .port }}", "70000"])
def test_the_error_for_a_port_in_a_uri_names_the_port(port: str) -> None:
    [text] = texts({"uri": f"postgres://u:p@h:{port}/d"})

    assert "its port is not a number" in text


@pytest.mark.parametrize(("name", "value"), [("scheme", "https"), ("ssl", "true"), ("tls", "true")])
def test_remedy_for_tls_of_http_is_the_schema(name: str, value: str) -> None:
    [text] = texts({**LOGIN, "type": "http", "host": "h", name: value})

    assert "extra-<name>" not in text
    assert "field-schema" in text or "connection-schema: https" in text


@pytest.mark.parametrize("host", ["a:" + "x" * 300_000 + ":", "a:" + "1" * 300_000, "a" * 300_000 + ";"])
def test_long_hosts(host: str) -> None:
    texts({**LOGIN, "type": "postgres", "host": host})
