"""Every part of a connection is either read or reported. A value that only looks like a connection is an error."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.connection_secrets import Read, secret_manifest, whole
from support.listing import problem_codes_in

HALF, SETTINGS = "half-connection", "unused-settings"

DATABASE = {"host": "h", "username": "u", "password": "p"}
GOOGLE_KEY = {"type": "service_account", "private_key": "k"}


def extra_of(connection: dict[str, object] | None) -> Any:
    assert connection is not None
    return connection["extra"]


@pytest.mark.parametrize(
    ("conn_type", "settings", "extra"),
    [
        ("mongo", {"ssl": True}, {"ssl": True}),
        ("postgres", {"sslmode": "verify-full"}, {"sslmode": "verify-full"}),
        ("mysql", {"ssl_mode": "required"}, {"ssl_mode": "REQUIRED"}),
        ("mysql", {"sslmode": "verify-full"}, {"ssl_mode": "VERIFY_IDENTITY"}),
    ],
)
def test_tls_in_json_is_converted_for_the_type_in_the_annotation(
    read: Read, conn_type: str, settings: dict[str, Any], extra: dict[str, Any]
) -> None:
    data = {"value": json.dumps({**DATABASE, **settings})}
    assert extra_of(read(data, {"connection-type": conn_type})) == extra


@pytest.mark.parametrize(
    ("engine", "settings"),
    [("redis", {"sslmode": "verify-full"}), ("redshift", {"ssl": True})],
    ids=["another name", "no such setting"],
)
def test_tls_in_json_that_the_hook_does_not_use_is_reported(
    tmp_path: Path, engine: str, settings: dict[str, Any]
) -> None:
    assert SETTINGS in problem_codes_in(tmp_path, {"value": json.dumps({"engine": engine, **DATABASE, **settings})})


def test_tls_in_json_that_is_switched_off_is_not_reported(tmp_path: Path) -> None:
    data = {"value": json.dumps({"engine": "redshift", **DATABASE, "ssl": False})}
    assert SETTINGS not in problem_codes_in(tmp_path, data)


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({"conn_type": "google_cloud_platform", "extras": {"keyfile_dict": GOOGLE_KEY}}),
        json.dumps(GOOGLE_KEY)[:-5],
        json.dumps([GOOGLE_KEY]),
    ],
    ids=["a misspelt field", "cut off", "a list"],
)
def test_value_that_only_contains_a_google_key_is_an_error(read: Read, value: str) -> None:
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
        ("rediss+cluster", {"ssl": True, "cluster": True}),
    ],
)
def test_scheme_of_a_uri_determines_the_settings(read: Read, scheme: str, extra: dict[str, Any]) -> None:
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
    assert HALF in problem_codes_in(tmp_path, data, connection_type="postgres")


def test_socket_replaces_the_host(tmp_path: Path) -> None:
    data = {"username": "u", "password": "p"}
    assert HALF not in problem_codes_in(
        tmp_path, data, connection_type="mysql", connection_extra='{"unix_socket": "/run/x"}'
    )


@pytest.mark.parametrize(
    ("conn_type", "extra"), [("postgres", {"sslrootcert": "/path"}), ("mysql", {"ssl": {"ca": "/path"}})]
)
def test_certificates_are_reported_although_sslmode_is_read(
    tmp_path: Path, conn_type: str, extra: dict[str, object]
) -> None:
    data = {"uri": f"{conn_type}://u:p@h/d?sslmode=verify-full", "ca.crt": "-----BEGIN CERTIFICATE-----"}
    assert problem_codes_in(tmp_path, data) == {SETTINGS}
    assert problem_codes_in(tmp_path, data, connection_extra=json.dumps(extra)) == set()


@pytest.mark.parametrize("name", ["scheme", "protocol"])
def test_a_scheme_of_http_in_a_key_is_reported(tmp_path: Path, name: str) -> None:
    data = {**DATABASE, "port": "8443", name: "https"}
    assert problem_codes_in(tmp_path, data, connection_type="http") == {SETTINGS}
    assert problem_codes_in(tmp_path, data, connection_type="http", field_schema=name) == set()


def test_trailing_newline_of_a_value_in_extra_is_stripped(read: Read) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a\n", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-west-1\n"}
    assert extra_of(read(keys))["region_name"] == "eu-west-1"


def test_parameters_after_a_semicolon_are_not_part_of_the_host(read: Read) -> None:
    """Airflow masks a password, but not a host."""
    with pytest.raises(MalformedSecretError, match="uri") as raised:
        read({"uri": "sqlserver://h;database=x;user=sa;password=hunter2"})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("annotations", [{"connection_extra": '{"x": 1}'}, {}], ids=str)
def test_a_login_alone_in_json_is_reported(tmp_path: Path, annotations: dict[str, str]) -> None:
    """RDS writes this JSON for the master users that it manages."""
    assert HALF in problem_codes_in(tmp_path, {"value": json.dumps({"username": "u", "password": "p"})}, **annotations)


@pytest.mark.parametrize(
    "annotations", [{"connection_type": "generic"}, {"connection_type": "postgres", "connection_host": "h"}], ids=str
)
def test_the_remedy_for_a_login_alone(tmp_path: Path, annotations: dict[str, str]) -> None:
    assert not problem_codes_in(tmp_path, {"value": json.dumps({"username": "u", "password": "p"})}, **annotations)


def texts(folder: Path, data: dict[str, str], **annotations: str) -> list[str]:
    """Return the messages about unused settings."""
    problem_codes_in(folder, data, **annotations)
    options = Options(path=str(folder))
    [entry] = inventory_of(location_of(options), options).entries
    return [each.text for each in entry.problems if each.code == SETTINGS]


@pytest.mark.parametrize("ssl", [True, False])
def test_each_ignored_setting_is_named(tmp_path: Path, ssl: bool) -> None:
    settings = {"engine": "mysql", **DATABASE, "ssl": ssl, "options": "-c x", "sslrootcert": "/ca"}
    of_tls, of_others = texts(tmp_path, {"value": json.dumps(settings)})

    assert "reads 'sslrootcert' in" in of_tls
    assert "for TLS" in of_tls
    assert "reads 'options' in" in of_others
    assert "TLS" not in of_others


@pytest.mark.parametrize("extra", ['{"options": null, "ssl_mode": "VERIFY_CA"}', '{"options": "x", "ssl": {}}'])
def test_the_remedy_for_ignored_settings(tmp_path: Path, extra: str) -> None:
    settings = {"engine": "mysql", **DATABASE, "options": "-c x", "sslmode": "verify-full"}

    assert texts(tmp_path, {"value": json.dumps(settings)}, connection_extra=extra) == []


def test_a_key_with_options_that_nothing_reads(tmp_path: Path) -> None:
    [text] = texts(tmp_path, {**DATABASE, "type": "mysql", "options": "-c x"})

    assert "the key 'options'" in text
    assert "TLS" not in text


@pytest.mark.parametrize("key", ["db-port", "server.port", "port_"])
def test_a_port_that_nothing_reads(tmp_path: Path, key: str) -> None:
    found = texts(tmp_path, {**DATABASE, "type": "mysql", key: "3307"})

    assert len(found) == (key != "port_")
    assert all("field-port" in each for each in found)


def test_dbport(read: Read) -> None:
    for data in ({**DATABASE, "dbport": "1"}, {"value": json.dumps({**DATABASE, "dbport": 1})}):
        connection = read(data)
        assert connection is not None
        assert connection["port"] == 1


@pytest.mark.parametrize("value", ["p\\n", "p"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_newline_is_reported_only_inside_a_field(tmp_path: Path, value: str, end: str) -> None:
    for data in (
        {".dockerconfigjson": f'{{"auths": {{"r": {{"username": "u", "password": "{value}"}}}}}}{end}'},
        {"value": f'{{"engine": "postgres", "host": "h", "username": "u", "password": "{value}"}}{end}'},
        {"value": f'{{"conn_type": "postgres", "host": "h", "password": "{value}"}}{end}'},
    ):
        assert ("trailing-newline" in problem_codes_in(tmp_path, data)) == ("\\n" in value), data


@pytest.mark.parametrize("conn_type", ["Git", "GIT", " git "])
def test_the_case_of_a_type_in_an_annotation(read: Read, conn_type: str) -> None:
    by_key = read({"ssh-privatekey": "k"}, {"connection-type": conn_type, "connection-host": "git@h:x.git"})
    by_uri = read({"url": "git@h:x.git", "password": "p"}, {"connection-type": conn_type})

    assert by_key == whole(conn_type="git", host="git@h:x.git", extra={"private_key": "k"})
    assert by_uri == whole(conn_type="git", host="git@h:x.git", password="p")


def test_parsing_time_of_a_host_is_limited(tmp_path: Path) -> None:
    """Each of these pieces can be a host with a port, or an address."""
    began = time.process_time()
    problem_codes_in(tmp_path, {"value": json.dumps({"conn_type": "redis", "host": "a:1:2:3," * 40 + "!"})})
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"type": "postgres", "servicePort": "6432"}, "servicePort"),
        ({"type": "mysql", "mysqlPort": "3307"}, "mysqlPort"),
        ({"type": "postgres", "postgres_db": "d"}, "postgres_db"),
        ({"type": "postgres", "NAME": "d"}, "NAME"),
        ({"type": "postgres", "service_name": "d"}, "service_name"),
    ],
)
def test_a_key_that_may_contain_a_field_is_reported(tmp_path: Path, data: dict[str, str], key: str) -> None:
    [text] = texts(tmp_path, {**DATABASE, **data})

    assert repr(key) in text


@pytest.mark.parametrize("key", ["transport", "report", "passport", "export", "import", "support"])
def test_words_that_contain_port_are_not_reported(tmp_path: Path, key: str) -> None:
    assert texts(tmp_path, {**DATABASE, "type": "postgres", key: "1"}) == []


@pytest.mark.parametrize("name", ["service_name", "sid"])
def test_the_service_of_oracle(read: Read, tmp_path: Path, name: str) -> None:
    data = {**DATABASE, "type": "oracle", name: "x"}

    assert extra_of(read(data)) == {name: "x"}
    assert problem_codes_in(tmp_path, data) == set()


def test_port_of_a_dsn_next_to_a_host(read: Read) -> None:
    connection = read({"dsn": "u:p@tcp(h:3307)/d", **DATABASE})

    assert connection is not None
    assert (connection["host"], connection["port"]) == ("h", 3307)


def test_private_key_next_to_a_password(read: Read) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"

    assert extra_of(read({**DATABASE, "type": "ssh", "private_key": key})) == {"private_key": key}


def test_variables_of_snowflake_and_databricks(read: Read) -> None:
    snowflake = {"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u", "SNOWFLAKE_PASSWORD": "p"}
    assert extra_of(read({**snowflake, "SNOWFLAKE_AUTHENTICATOR": "x"}))["authenticator"] == "x"
    databricks = {"DATABRICKS_HOST": "h", "DATABRICKS_TOKEN": "t", "DATABRICKS_HTTP_PATH": "/sql"}
    assert extra_of(read(databricks))["http_path"] == "/sql"


@pytest.mark.parametrize("host", ["h:", "u:pw@h:5432", "u@h"])
def test_a_host_with_more_than_a_name_is_reported(tmp_path: Path, host: str) -> None:
    assert problem_codes_in(tmp_path, {**DATABASE, "type": "postgres", "host": host}) == {"hook-misreads"}


@pytest.mark.parametrize(
    ("data", "field", "key"),
    [
        ({"type": "postgres", "host": "h", "password": "p", "role": "r"}, "login", "role"),
        ({"type": "postgres", "username": "u", "password": "p", "unix_socket": "/run/pg"}, "host", "unix_socket"),
        ({"type": "redis", "host": "h", "password": "p", "database_index": "3"}, "schema", "database_index"),
        ({"type": "ssh", "host_name": "h", "username": "u", "password": "p"}, "host", "host_name"),
    ],
)
def test_remedy_is_an_annotation_for_the_unused_key(
    read: Read, tmp_path: Path, data: dict[str, str], field: str, key: str
) -> None:
    assert problem_codes_in(tmp_path, data)
    assert problem_codes_in(tmp_path, data, **{f"field-{field}": key}) == set()
    connection = read(data, {f"field-{field}": key})
    assert connection is not None
    assert data[key] == str(connection[field]) or connection["extra"] == {"db": 3}


def test_a_password_without_a_login(tmp_path: Path) -> None:
    data = {"type": "postgres", "host": "h", "password": "p"}

    assert problem_codes_in(tmp_path, data) == {HALF}
    assert problem_codes_in(tmp_path, data, connection_login="u") == set()
    assert problem_codes_in(tmp_path, {**data, "type": "redis"}) == set()


@pytest.mark.parametrize("name", ["useSSL", "requireSSL", "enable_tls", "force-ssl", "require_secure_transport"])
def test_tls_switches_of_other_software(tmp_path: Path, name: str) -> None:
    data = {**DATABASE, "type": "mysql", name: "true"}

    assert problem_codes_in(tmp_path, data) == {SETTINGS}
    assert problem_codes_in(tmp_path, data, **{"connection-extra": '{"ssl_mode": "REQUIRED"}'}) == set()
    assert problem_codes_in(tmp_path, {**data, name: "false"}) == set()


def test_a_database_next_to_a_schema(read: Read, tmp_path: Path) -> None:
    data = {**DATABASE, "type": "postgres", "schema": "public", "database": "app"}

    assert problem_codes_in(tmp_path, data) == {SETTINGS}
    assert problem_codes_in(tmp_path, {**data, "schema": "app"}) == set()
    assert problem_codes_in(tmp_path, data, **{"field-schema": "database"}) == set()
    connection = read(data, {"field-schema": "database"})
    assert connection is not None
    assert connection["schema"] == "app"


@pytest.mark.parametrize("name", ["authenticationDatabase", "authentication-database", "auth_db", "authdb"])
def test_authentication_database_of_mongodb(read: Read, name: str) -> None:
    data = {**DATABASE, "type": "mongodb", "database": "d", name: "admin"}

    assert extra_of(read(data)) == {"authSource": "admin"}


LINES = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize("value", [LINES, LINES.strip(), LINES.replace("\n", "\\n")])
@pytest.mark.parametrize("name", ["private_key", "ssh-privatekey", "sshPrivateKey"])
def test_a_private_key_of_ssh(read: Read, tmp_path: Path, name: str, value: str) -> None:
    data = {"type": "ssh", "host": "h", "username": "u", name: value}

    assert extra_of(read(data)) == {"private_key": LINES}
    assert problem_codes_in(tmp_path, data) == set()


@pytest.mark.parametrize("name", ["deploy-id_rsa", "deploy-private-key"])
def test_the_remedy_for_an_unused_private_key(read: Read, tmp_path: Path, name: str) -> None:
    data = {"type": "ssh", "host": "h", "username": "u", name: LINES}

    assert problem_codes_in(tmp_path, data) == {HALF}
    assert problem_codes_in(tmp_path, data, **{"extra-private_key": name}) == set()
    assert extra_of(read(data, {"extra-private_key": name})) == {"private_key": LINES}


@pytest.mark.parametrize(
    ("data", "host"),
    [
        ({**DATABASE, "type": "mssql", "instance": "x"}, "h\\x"),
        ({**DATABASE, "type": "http", "path": "/v1"}, "https://h/v1"),
    ],
)
def test_part_of_the_host_in_another_key_is_reported(
    read: Read, tmp_path: Path, data: dict[str, str], host: str
) -> None:
    assert problem_codes_in(tmp_path, data) == {SETTINGS}

    without = {name: value for name, value in data.items() if name != "host"}
    assert problem_codes_in(tmp_path, without, **{"connection-host": host}) == set()
    connection = read(without, {"connection-host": host})
    assert connection is not None
    assert connection["host"] == host


def test_an_invalid_value_next_to_a_schema_is_no_error() -> None:
    manifest = secret_manifest("shop", "app", {**DATABASE, "type": "postgres", "schema": "public"}, {})
    manifest["data"]["database"] = "abcde"
    secret = Secret("shop", "app", "", {}, manifest["data"])

    assert [each.code for each in content_of(Kind.CONNECTION, secret, "").problems] == [SETTINGS]
