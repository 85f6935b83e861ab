"""Secrets that are found but unusable: the error names Secret and key, and never shows the value."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from airflow.sdk import Connection as TaskConnection

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.errors import everything_about
from support.logs import log_messages
from support.secrets import MakeBackend, Put

MARKER = "hunter2"

pytestmark = pytest.mark.however_fresh


def json_with(template: str) -> str:
    return template.replace("%s", MARKER)


UNPARSABLE = {
    "blank": ("", "the connection is blank. Store it as a URI or JSON"),
    "white space": (" \n\t", "the connection is blank"),
    "neither": (MARKER, "neither a URI"),
    "host and port": (f"{MARKER}.example.com:5432", "neither a URI"),
    "for libpq": (f"host=db user=me password='{MARKER}'", "neither a URI .* as a URI: conn-type://login:password@host"),
    "base64": ("cG9zdGdyZXM6Ly9o", "but base64 of one. It was encoded twice"),
    "for ODBC": (f"Driver={{ODBC Driver 18}};Server=tcp:db,1433;UID=me;PWD={MARKER}", "the connection string of a"),
    "for ADO.NET": (f"Data Source=db;User ID=me;Password={MARKER};Encrypt=True", "the connection string of a driver"),
    "one name": (f"password = {MARKER}", r"nor JSON \(\{…\}\)\. Write it in one of these forms$"),
    "three schemes": (f"a://b://c://user:{MARKER}@d", "reads as a protocol"),
    "port is not a number": (f"postgres://user:pw@db:{MARKER}/x", "percent-encoded"),
    "raw slash in the password": (f"postgres://user:{MARKER}/x@db:5432/x", "percent-encoded"),
    "open bracket": (f"postgres://user:{MARKER}@[db:5432/x", "percent-encoded"),
    "underscore in the type": (f"my_type://user:{MARKER}@db", "write '-' for '_'"),
    "broken JSON": (json_with('{"conn_type": "postgres", "password": "%s"'), "not valid JSON: .* line 1, column"),
    "unknown field": (json_with('{"conn_type": "postgres", "user_id": "%s"}'), "unknown fields: 'user_id'"),
    "unknown field after a newline": (
        json_with('\n{"conn_type": "x", "user_id": "%s"}'),
        "unknown fields: 'user_id'",
    ),
    "port in JSON": (json_with('{"conn_type": "postgres", "port": "%s"}'), "port is not a number"),
    "a number of thousands of digits": (f'{{"extra": {"9" * 5000}}}', "Python cannot parse"),
    "lists in lists": ('{"a": ' + "[" * 100_000, "Python cannot parse"),
    "password is a number": (
        f'{{"conn_type": "x", "host": "{MARKER}", "password": 12345}}',
        "'password' is not a string",
    ),
    "hosts in a list": (json_with('{"conn_type": "x", "host": ["%s"]}'), "'host' is not a string"),
    "extra is a list": (json_with('{"conn_type": "x", "extra": ["%s"]}'), "'extra' is not a JSON object"),
    "a URI and fields": (json_with('{"uri": "x://h", "password": "%s"}'), "both 'uri' and 'password'"),
    "several hosts": (f"mongodb://user:{MARKER}@h1:27017,h2:27017/db", "one host and one port"),
    "trailing text": (json_with('{"conn_type": "postgres"} %s'), "not valid JSON"),
    "extra is not JSON": (json_with('{"conn_type": "postgres", "extra": {"a": "%s"}, "x": 1}'), "unknown fields: 'x'"),
}
if sys.version_info >= (3, 11):
    # urllib.parse of Python 3.10 reads such a scheme, and so does Airflow there.
    UNPARSABLE["digit in front of the type"] = (f"7z://user:{MARKER}@db", "begin with a valid connection type")


@pytest.mark.parametrize(("value", "problem"), UNPARSABLE.values(), ids=UNPARSABLE)
def test_unparsable_connection(
    backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture, value: str, problem: str
) -> None:
    put.connection("my_db", value, name="app-db")

    with pytest.raises(MalformedSecretError, match=problem) as raised, caplog.at_level(logging.DEBUG):
        backend.get_connection("my_db")

    error = raised.value
    assert str(error).startswith(f"Secret {put.namespace}/app-db, key 'value': ")
    assert (error.namespace, error.secret, error.key) == (put.namespace, "app-db", "value")
    assert MARKER not in everything_about(error)
    assert MARKER not in caplog.text
    assert f"connection 'my_db': {error}" in caplog.text


PARTLY = {
    "extra is no JSON": (json_with('{"conn_type": "x", "extra": "%s"}'), "'extra' is not a JSON object"),
    "a team": (json_with('{"conn_type": "x", "password": "%s", "team_name": "x"}'), "'team_name'"),
    "no type": (json_with('{"password": "%s"}'), "no 'conn_type'"),
}


@pytest.mark.parametrize(("value", "problem"), PARTLY.values(), ids=PARTLY)
def test_connection_that_only_a_part_of_airflow_rejects(
    backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture, value: str, problem: str
) -> None:
    """This is an error for the part of Airflow that rejects it. For other parts it is a warning, logged once."""
    put.connection("my_db", value, name="app-db")
    backend._set_connection_class(TaskConnection)
    lost_for_tasks = "team_name" in value

    for _ in range(3):
        with pytest.raises(MalformedSecretError, match=problem) if lost_for_tasks else nullcontext():
            assert backend.get_connection("my_db").conn_id == "my_db"
        with pytest.raises(MalformedSecretError, match=problem) if lost_for_tasks else nullcontext():
            assert backend.get_conn_value("my_db") == value

    (line,) = log_messages(caplog, logging.ERROR if lost_for_tasks else logging.WARNING)
    assert f"Secret {put.namespace}/app-db, key 'value': " in line
    assert "of Airflow 3" in line
    assert MARKER not in caplog.text


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_blank_connection_is_also_an_error_in_get_conn_value(
    backend: KubernetesSecretsBackend, put: Put, value: str
) -> None:
    put.connection("x", value, name="blank")

    with pytest.raises(MalformedSecretError, match=f"Secret {put.namespace}/blank, key 'value': .* blank"):
        backend.get_conn_value("x")


@pytest.mark.parametrize("value", ["", " ", "\n\n"])
def test_blank_configuration_option(backend: KubernetesSecretsBackend, put: Put, value: str) -> None:
    put.config("sql_alchemy_conn", value, name="database")

    with pytest.raises(MalformedSecretError, match=f"Secret {put.namespace}/database, key 'value': .* blank"):
        backend.get_config("sql_alchemy_conn")


@pytest.mark.parametrize("value", [b"\xff\xfe" + MARKER.encode(), MARKER.encode("utf-16"), b"\x80"])
@pytest.mark.parametrize("kind", ["connection", "variable", "config"])
def test_bytes_that_are_not_utf8(backend: KubernetesSecretsBackend, put: Put, kind: str, value: bytes) -> None:
    getattr(put, kind)("x", value, name="binary")
    reads: dict[str, Callable[[str], object]] = {
        "connection": backend.get_connection,
        "variable": backend.get_variable,
        "config": backend.get_config,
    }

    with pytest.raises(MalformedSecretError, match=f"Secret {put.namespace}/binary, key 'value': .* UTF-8") as raised:
        reads[kind]("x")

    assert MARKER not in everything_about(raised.value)


def test_error_names_the_configured_data_key(make_backend: MakeBackend, put: Put) -> None:
    put({"airflow.apache.org/connection-id": "x"}, data={"uri": "", "value": "http://other"}, name="app")

    with pytest.raises(MalformedSecretError, match=r"/app, key 'uri': "):
        make_backend(connections_data_key="uri").get_connection("x")


def test_valid_connections_are_accepted(backend: KubernetesSecretsBackend, put: Put) -> None:
    valid = {
        "scheme-only": ("my-type://", "my_type"),
        "host-with-scheme": ("http://https://example.com:8080/path", "http"),
        "encoded": ("postgres://user:p%40ss%2Fw%3Fd@[::1]:5432/db?sslmode=require", "postgres"),
        "json-string-port": ('{"conn_type": "postgres", "port": "5432"}', "postgres"),
        "json-port-with-a-point": ('{"conn_type": "postgres", "port": 5432.0}', "postgres"),
        "uri-in-json": ('{"uri": "postgres://u:p@h:5432/db"}', "postgres"),
        "json-with-space": (' \n{"conn_type": "http"}\n ', "http"),
        "json-extra": ('{"conn_type": "aws", "extra": {"region_name": "eu-west-1"}}', "aws"),
        "generic": ("generic://", "generic"),
    }
    for conn_id, (value, _conn_type) in valid.items():
        put.connection(conn_id, value)

    found = {conn_id: backend.get_connection(conn_id).conn_type for conn_id in valid}

    assert found == {conn_id: conn_type for conn_id, (_value, conn_type) in valid.items()}


def test_each_cause_is_logged_once_and_raised_each_time(
    make_backend: MakeBackend, put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    put.connection("x", "", name="blank")
    put.connection("y", "", name="blank-too")

    for _ in range(3):
        for conn_id in ("x", "y"):
            with pytest.raises(MalformedSecretError):
                make_backend().get_connection(conn_id)

    first, second = log_messages(caplog, logging.ERROR)
    assert "/blank, key" in first
    assert "/blank-too, key" in second
