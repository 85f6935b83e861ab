"""A URI with the scheme of another type is reported, and so is TLS that only the scheme contains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.connection_secrets import Read, secret_manifest

RABBITMQ = {"type": "rabbitmq", "username": "u", "password": "p"}


def texts(folder: Path, data: dict[str, str], **annotations: str) -> list[str]:
    """Return the problems that ``list`` reports, without those of the connection type."""
    given = {name.replace("_", "-"): value for name, value in annotations.items()}
    (folder / "app.json").write_text(json.dumps(secret_manifest("shop", "app", data, given)))
    options = Options(path=str(folder))
    [entry] = inventory_of(location_of(options), options).entries
    return [each.text for each in entry.problems if each.code != "unknown-type"]


@pytest.mark.parametrize(
    ("data", "meant"),
    [
        ({"type": "neo4j", "uri": "https://u:p@h:7473"}, "http"),
        ({"type": "neo4j", "uri": "https://u:p@h:7473/db"}, "http"),
        ({"type": "postgres", "uri": "mysql://u:p@h/d"}, "mysql"),
        ({"type": "mysql", "uri": "postgresql://u:p@h/d?sslmode=require"}, "postgres"),
        ({"type": "redis", "uri": "amqps://u:p@h:5671/v"}, "amqps"),
        ({"type": "ssh", "uri": "https://h/x.git"}, "http"),
        ({"type": "http", "uri": "postgres://u:p@h/d"}, "postgres"),
    ],
)
def test_the_scheme_of_another_type_is_the_only_problem(tmp_path: Path, data: dict[str, str], meant: str) -> None:
    [text] = texts(tmp_path, data)

    assert "the scheme of the URI is that of another type" in text
    assert f"airflow.apache.org/connection-type to {meant!r}" in text


def test_https_is_not_used_as_the_database(read: Read) -> None:
    connection = read({"type": "neo4j", "uri": "https://u:p@h:7473"})

    assert connection is not None
    assert not connection["schema"]


def test_correcting_the_type_is_the_remedy(read: Read, tmp_path: Path) -> None:
    data = {"type": "neo4j", "uri": "https://u:p@h:7473"}

    assert texts(tmp_path, data, connection_type="http") == []
    connection = read(data, {"connection-type": "http"})
    assert connection is not None
    assert (connection["conn_type"], connection["schema"]) == ("http", "https")


@pytest.mark.parametrize(
    "data",
    [
        {"type": "ssh", "uri": "sftp://u:p@h"},
        {"type": "smtp", "uri": "smtps://u:p@h:465"},
        {"type": "elasticsearch", "uri": "https://u:p@h:9200"},
        {"type": "postgres", "uri": "cockroachdb://u:p@h/d"},
        {"type": "postgres", "uri": "tcp://u:p@h/d"},
        {"type": "mysql", "uri": "mysql+pymysql://u:p@h/d"},
        {"type": "redshift", "uri": "postgresql+psycopg2://u:p@h/d"},
        {"type": "git", "uri": "https://h/x.git"},
        {"type": "msgraph", "uri": "https://h/x", "client_id": "i", "client_secret": "s", "tenant_id": "t"},
        {"type": "rabbitmq", "uri": "amqp://u:p@h"},
    ],
)
def test_another_scheme_of_the_same_type(tmp_path: Path, data: dict[str, str]) -> None:
    assert texts(tmp_path, data) == []


@pytest.mark.parametrize(
    "data",
    [
        {**RABBITMQ, "uri": "amqps://h:5671"},
        {**RABBITMQ, "uri": "amqp+ssl://h:5671"},
        {"type": "kafka", "uri": "SSL://h:9093"},
    ],
)
def test_tls_in_the_scheme_is_reported_until_extra_has_it(tmp_path: Path, data: dict[str, str]) -> None:
    [text] = texts(tmp_path, data)

    assert "in the scheme of the URI, so the connection may be without TLS" in text
    assert texts(tmp_path, data, connection_extra='{"security.protocol": "SSL"}') == []


def test_tls_in_the_scheme_of_an_ignored_uri_is_reported(tmp_path: Path) -> None:
    data = {**RABBITMQ, "host": "h", "port": "5671", "uri": "amqps://u:p@h:5671"}
    [text] = texts(tmp_path, data)

    assert "the connection lacks parts of it: settings" in text
    assert "write each part that it has: airflow.apache.org/connection-extra (TLS)" in text
    assert texts(tmp_path, data, connection_extra='{"ssl": true}') == []
