"""A part of a connection is either read or reported, and nothing that only looks like a connection is one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.shapes import Read, secret_manifest

HALF, SETTINGS = "half-connection", "unused-settings"

DATABASE = {"host": "h", "username": "u", "password": "p"}
GOOGLE_KEY = {"type": "service_account", "private_key": "k"}


def problems(folder: Path, data: dict[str, str], **annotations: str) -> set[str]:
    """Return the codes of the problems that ``list`` reports, without those of the connection type."""
    given = {name.replace("_", "-"): value for name, value in annotations.items()}
    (folder / "app.json").write_text(json.dumps(secret_manifest("shop", "app", data, given)))
    options = Options(path=str(folder))
    [entry] = inventory_of(location_of(options), options).entries
    return {str(each.code) for each in entry.problems} - {"unknown-type"}


def extra_of(connection: dict[str, object] | None) -> Any:
    assert connection is not None
    return connection["extra"]


@pytest.mark.parametrize(
    ("conn_type", "settings", "extra"),
    [
        ("mongo", {"ssl": True}, {"ssl": True}),
        ("postgres", {"sslmode": "verify-full"}, {"sslmode": "verify-full"}),
        ("mysql", {"ssl_mode": "required"}, {"ssl_mode": "REQUIRED"}),
    ],
)
def test_tls_in_json_is_read_as_the_type_in_the_annotation_needs_it(
    read: Read, conn_type: str, settings: dict[str, Any], extra: dict[str, Any]
) -> None:
    data = {"value": json.dumps({**DATABASE, **settings})}
    assert extra_of(read(data, {"connection-type": conn_type})) == extra


@pytest.mark.parametrize(
    ("engine", "settings"),
    [("mysql", {"sslmode": "verify-full"}), ("redshift", {"ssl": True})],
    ids=["another name", "no such setting"],
)
def test_tls_in_json_that_the_hook_does_not_use_is_reported(
    tmp_path: Path, engine: str, settings: dict[str, Any]
) -> None:
    assert SETTINGS in problems(tmp_path, {"value": json.dumps({"engine": engine, **DATABASE, **settings})})


def test_tls_in_json_that_is_switched_off_is_not_reported(tmp_path: Path) -> None:
    data = {"value": json.dumps({"engine": "redshift", **DATABASE, "ssl": False})}
    assert SETTINGS not in problems(tmp_path, data)


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({"conn_type": "google_cloud_platform", "extras": {"keyfile_dict": GOOGLE_KEY}}),
        json.dumps(GOOGLE_KEY)[:-5],
        json.dumps([GOOGLE_KEY]),
    ],
    ids=["a misspelt field", "cut off", "a list"],
)
def test_what_only_contains_a_google_key_is_an_error(read: Read, value: str) -> None:
    with pytest.raises(MalformedSecretError):
        read({"value": value})


def test_a_google_key_with_other_spaces(read: Read) -> None:
    text = json.dumps(GOOGLE_KEY, separators=(" , ", " : "))
    assert extra_of(read({"value": text})) == {"keyfile_dict": text}


@pytest.mark.parametrize(
    ("scheme", "extra"),
    [
        ("neo4j+s", {"neo4j_scheme": True, "certs_trusted_ca": True}),
        ("neo4j+ssc", {"neo4j_scheme": True, "certs_self_signed": True}),
        ("bolt+s", {"certs_trusted_ca": True}),
        ("bolt", {}),
        ("rediss+cluster", {"ssl": True}),
    ],
)
def test_the_scheme_of_a_uri_says_how_to_connect(read: Read, scheme: str, extra: dict[str, Any]) -> None:
    connection = read({"uri": f"{scheme}://u:p@h"})
    assert connection is not None
    assert (connection["extra"] or {}) == extra
    assert connection["conn_type"] == ("redis" if "redis" in scheme else "neo4j")


@pytest.mark.parametrize(
    "data",
    [
        {"username": "u", "password": "p"},
        {"username": "u", "password": "p", "fqdn": "h"},
        {"username": "u", "password": "p", "ip": "10.0.0.1"},
        {"host": "h", "password": "p", "userid": "u"},
        {"host": "h", "username": "u", "attribute.auth_string": "p"},
        {"host": "h", "username": "u", "db-pass": "p"},
    ],
    ids=" ".join,
)
def test_half_a_connection_is_reported(tmp_path: Path, data: dict[str, str]) -> None:
    assert HALF in problems(tmp_path, data, connection_type="postgres")


def test_a_socket_is_in_place_of_a_host(tmp_path: Path) -> None:
    data = {"username": "u", "password": "p"}
    assert HALF not in problems(tmp_path, data, connection_type="mysql", connection_extra='{"unix_socket": "/run/x"}')


def test_certificates_are_reported_although_sslmode_is_read(tmp_path: Path) -> None:
    data = {**DATABASE, "sslmode": "verify-full", "ca.crt": "-----BEGIN CERTIFICATE-----"}
    assert problems(tmp_path, data, connection_type="postgres") == {SETTINGS}


def test_a_newline_after_a_value_in_extra_is_no_part_of_it(read: Read) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a\n", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-west-1\n"}
    assert extra_of(read(keys))["region_name"] == "eu-west-1"


def test_parameters_after_a_semicolon_are_not_part_of_the_host(read: Read) -> None:
    """Airflow masks a password, but not a host."""
    with pytest.raises(MalformedSecretError, match="uri") as raised:
        read({"uri": "sqlserver://h;database=x;user=sa;password=hunter2"})
    assert "hunter2" not in str(raised.value)


def test_the_time_for_a_host_does_not_explode(tmp_path: Path) -> None:
    """Each of these pieces can be a host with a port, or an address."""
    began = time.process_time()
    problems(tmp_path, {"value": json.dumps({"conn_type": "redis", "host": "a:1:2:3," * 40 + "!"})})
    assert time.process_time() - began < 10
