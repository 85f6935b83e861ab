"""Keys that may contain a missing part of a connection, and keys that the hook cannot use, are reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.hook_texts import texts_of
from support.listing import problems_in

LOGIN = {"username": "u", "password": "p"}
DATABASE = {"host": "h", **LOGIN}
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n"
CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t u@h"


@pytest.mark.parametrize(
    ("value", "is_reported"),
    [
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl_ca_certs": "/ca"}}, True),
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": False, "ssl_certfile": "/c"}}, True),
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": True, "ssl_ca_certs": "/ca"}}, False),
        ({"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": False}}, False),
        ({"conn_type": "mongo", "host": "h", "extra": {"tlsCAFile": "/ca"}}, True),
        ({"conn_type": "mongo", "host": "h", "extra": {"tls": False, "tlsInsecure": True}}, True),
        ({"conn_type": "mongo", "host": "h", "extra": {"tls": True, "tlsCAFile": "/ca"}}, False),
        ({"conn_type": "mongo", "host": "h", "extra": {"ssl": "true", "tlsCAFile": "/ca"}}, False),
        ({"conn_type": "mongo", "host": "h", "extra": {"srv": True, "tlsCAFile": "/ca"}}, False),
        ({"conn_type": "postgres", "host": "h", "extra": {"sslmode": "require", "sslcert": "/c"}}, True),
        ({"conn_type": "postgres", "host": "h", "extra": {"sslmode": "require", "sslkey": "/k"}}, True),
        ({"conn_type": "postgres", "host": "h", "extra": {"sslcert": "/c", "sslkey": "/k"}}, False),
    ],
)
def test_settings_of_tls_that_need_others(value: dict[str, Any], is_reported: bool) -> None:
    assert bool(texts_of({"value": json.dumps(value)})) == is_reported


def test_settings_of_tls_that_need_others_in_keys() -> None:
    assert texts_of({"host": "h", "password": "p", "ssl_certfile": "/c"}, connection_type="redis")
    assert texts_of({**DATABASE, "tlsCAFile": "/ca"}, connection_type="mongo")
    assert texts_of({**DATABASE, "sslcert": "/c"}, connection_type="postgres")


@pytest.mark.parametrize(
    "data",
    [
        {"SMTP_HOST": "h", "SMTP_PORT": "465", "SMTP_USER": "u", "SMTP_PASSWORD": "p", "SMTP_SECURE": "true"},
        {**DATABASE, "type": "mysql", "ssl_disabled": "true"},
    ],
)
def test_keys_without_effect_are_not_reported(tmp_path: Path, data: dict[str, str]) -> None:
    assert [each for each in problems_in(tmp_path, data) if each.code == "unused-settings"] == []


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("snowflake", {"account": "a", "user": "u", "rsa_key.p8": "-----BEGIN PRIVATE KEY-----"}, "rsa_key.p8"),
        ("snowflake", {"account": "a", "user": "u", "private_key_path": "/k.p8"}, "private_key_path"),
        ("ssh", {"host": "h", "user": "u", "key_file": "/k"}, "key_file"),
        ("cassandra", {**LOGIN, "contact-points": "a,b"}, "contact-points"),
    ],
)
def test_key_that_may_contain_a_missing_part(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    found = [each for each in problems_in(tmp_path, data, connection_type=conn_type) if each.code == "half-connection"]

    assert any(repr(key) in each.text for each in found)


@pytest.mark.parametrize(
    "conn_type",
    [
        *("elasticsearch", "opensearch", "cassandra", "trino", "vault", "docker", "imap"),
        *("livy", "jdbc", "odbc", "winrm", "psrp", "spark_connect", "ibmdb2", "ibmmq", "gremlin", "grpc", "openfaas"),
        *("hive_metastore", "jupyter_kernel", "azure_data_explorer", "azure_container_registry"),
        *("azure_synapse", "azure_ai_agents", "azure_analysis_services", "spark_jdbc"),
    ],
)
def test_a_connection_without_a_host(tmp_path: Path, conn_type: str) -> None:
    found = problems_in(tmp_path, LOGIN, connection_type=conn_type)

    assert any("no host" in each.text for each in found)


def test_a_token_in_a_url(tmp_path: Path) -> None:
    data = {"url": "https://hooks.slack.com/services/T/B/x"}
    [problem] = [
        each for each in problems_in(tmp_path, data, connection_type="slack") if each.code == "half-connection"
    ]

    assert "no password" in problem.text


@pytest.mark.parametrize(
    ("value", "is_reported"),
    [
        ({"conn_type": "elasticsearch", "host": "h", "port": 9200, "password": "key"}, True),
        ({"conn_type": "opensearch", "host": "h", "port": 9200, "password": "key"}, True),
        ({"conn_type": "elasticsearch", "host": "h", "port": 9200, "extra": {"api_key": "key"}}, False),
        ({"conn_type": "vault", "host": "h", "login": "role", "password": "secret"}, True),
        (
            {
                "conn_type": "vault",
                "host": "h",
                "login": "r",
                "password": "s",
                "extra": {"auth_type": "approle"},
            },
            False,
        ),
        ({"conn_type": "vault", "host": "h", "password": "token"}, False),
    ],
)
def test_a_login_or_a_password_that_a_hook_ignores(value: dict[str, Any], is_reported: bool) -> None:
    assert bool(texts_of({"value": json.dumps(value)})) == is_reported


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("cassandra", {**DATABASE, "keyspace-name": "k"}, "keyspace-name"),
    ],
)
def test_key_that_may_contain_the_keyspace(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    assert any(repr(key) in each.text for each in problems_in(tmp_path, data, connection_type=conn_type))


def test_the_remedy_for_a_jdbc_url(tmp_path: Path) -> None:
    data = {**LOGIN, "jdbc-url": "jdbc:postgresql://h:6432/d?sslmode=require"}
    [problem] = problems_in(tmp_path, data, connection_type="postgres")

    assert "field-uri" not in problem.text
    assert "connection-host" in problem.text
    found = problems_in(
        tmp_path,
        data,
        connection_type="postgres",
        connection_host="h",
        connection_port="6432",
        connection_schema="d",
        connection_extra='{"sslmode": "require"}',
    )
    assert found == []
    [text] = texts_of({**LOGIN, "host": "jdbc:postgresql://h/d"}, connection_type="postgres")
    assert "field-uri" not in text


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        (
            "aws",
            {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_S3_ENDPOINT": "h:9000"},
            "AWS_S3_ENDPOINT",
        ),
        ("redis", {"password": "p", "nodes": "a:1,b:2"}, "nodes"),
        ("redis", {"host": "h", "password": "p", "sentinel-master": "m"}, "sentinel-master"),
        ("opensearch", {**DATABASE, "https": "true"}, "https"),
        ("http", {**DATABASE, "use_https": "true"}, "use_https"),
        ("oracle", {**DATABASE, "service_name": "s", "cwallet.sso": "x"}, "cwallet.sso"),
        ("mongo", {**DATABASE, "client.pfx": "x"}, "client.pfx"),
        ("mssql", {**DATABASE, "domain": "d"}, "domain"),
        ("samba", {**DATABASE, "domain": "d"}, "domain"),
        ("winrm", {**DATABASE, "domain": "d"}, "domain"),
        ("teradata", {**DATABASE, "logmech": "LDAP"}, "logmech"),
        ("mysql", {**DATABASE, "auth-method": "LDAP"}, "auth-method"),
        ("ssh", {"host": "h", "username": "u", "key.ppk": "k"}, "key.ppk"),
        ("sftp", {**DATABASE, "host_key_fingerprint": "SHA256:x"}, "host_key_fingerprint"),
        ("postgres", {"host": "h", "username": "u", "pgpassfile": "/x"}, "pgpassfile"),
        ("ssh", {"host": "h", "username": "u", "id_rsa": KEY, "id_rsa-cert.pub": "x"}, "id_rsa-cert.pub"),
        ("sftp", {"host": "h", "username": "u", "private_key": KEY, "signed": CERTIFICATE}, "signed"),
        ("git", {"host": "git@h:x.git", "ssh-privatekey": KEY, "certificate": CERTIFICATE}, "certificate"),
        ("redis", {"host": "h", "users.acl": "user u on >p"}, "users.acl"),
        ("redis", {"host": "h", "password": "p", "acl_file": "user u on >p"}, "acl_file"),
        ("imap", {**DATABASE, "starttls": "true"}, "starttls"),
        ("imap", {**DATABASE, "security": "starttls"}, "security"),
        ("imap", {**DATABASE, "auth": "XOAUTH2"}, "auth"),
        ("imap", {"host": "h", "username": "u", "access_token": "t"}, "access_token"),
        ("smtp", {**DATABASE, "auth_mode": "oauth2"}, "auth_mode"),
        ("snowflake", {"account": "a", **LOGIN, "passcode": "123456"}, "passcode"),
        ("snowflake", {"account": "a", "user": "u", "private_key_content": "k"}, "private_key_content"),
        ("anthropic", {"api_key": "k", "platform": "foundry"}, "platform"),
        ("jupyter_kernel", {"host": "h", "session_key": "k"}, "session_key"),
        ("postgres", {**DATABASE, "user": "other"}, "user"),
        ("postgres", {**DATABASE, "pass": "other"}, "pass"),
    ],
)
def test_key_that_the_hook_cannot_use_unchanged(tmp_path: Path, conn_type: str, data: dict[str, str], key: str) -> None:
    found = problems_in(tmp_path, data, connection_type=conn_type)

    assert any(repr(key) in each.text for each in found)


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("ssh", {"host": "h", "username": "u", "id_rsa": KEY, "id_rsa.pub": "ssh-rsa AAAA u@h"}),
        ("redis", {**DATABASE, "users.acl": "user u on >p"}),
        ("imap", {**DATABASE, "starttls": "false", "tls": "true", "auth": "login"}),
        ("imap", {**DATABASE, "encryption": "ssl"}),
        ("smtp", {**DATABASE, "auth": "plain", "security": "force_tls"}),
        ("snowflake", {"account": "a", **LOGIN, "authenticator": "programmatic_access_token"}),
        ("odbc", {**LOGIN, "dsn": "d"}),
        ("odbc", {**LOGIN, "host": "h"}),
    ],
)
def test_keys_that_the_hook_does_not_need(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    annotations = {"extra_dsn": "dsn"} if "dsn" in data else {}
    assert problems_in(tmp_path, data, connection_type=conn_type, **annotations) == []


@pytest.mark.parametrize("name", ["id_rsa-cert.pub", "certificate"])
@pytest.mark.parametrize("conn_type", ["ssh", "sftp", "git"])
def test_the_remedy_for_a_certificate_of_ssh(tmp_path: Path, conn_type: str, name: str) -> None:
    host = "git@h:x.git" if conn_type == "git" else "h"
    data = {"host": host, "username": "u", "id_rsa": KEY, name: CERTIFICATE}
    [problem] = problems_in(tmp_path, data, connection_type=conn_type)

    assert problem.code == "half-connection"
    extra = problem.text.partition("connection-extra: ")[2].replace("/path/key", "/keys/id_rsa")
    assert json.loads(extra) == {"key_file": "/keys/id_rsa", "private_key": None}
    assert problems_in(tmp_path, data, connection_type=conn_type, connection_extra=extra) == []


@pytest.mark.parametrize("conn_type", ["ssh", "sftp", "git", "snowflake"])
def test_two_private_keys(conn_type: str) -> None:
    names = ("private_key_content", "private_key_file") if conn_type == "snowflake" else ("private_key", "key_file")
    value = {"conn_type": conn_type, "host": "git@h:x.git" if conn_type == "git" else "h", "login": "u"}
    [text] = texts_of({"value": json.dumps({**value, "extra": {"account": "a", names[0]: KEY, names[1]: "/k"}})})

    assert "refuses" in text
    assert not texts_of({"value": json.dumps({**value, "extra": {"account": "a", names[1]: "/k"}})})


@pytest.mark.parametrize(
    ("authenticator", "more"),
    [
        ("externalbrowser", {"client_store_temporary_credential": True}),
        ("username_password_mfa", {"client_request_mfa_token": True}),
    ],
)
def test_an_authenticator_that_needs_a_person(authenticator: str, more: dict[str, Any]) -> None:
    extra = {"account": "a", "authenticator": authenticator}
    value = {"conn_type": "snowflake", "login": "u", "password": "p"}

    assert texts_of({"value": json.dumps({**value, "extra": extra})})
    assert not texts_of({"value": json.dumps({**value, "extra": {**extra, **more}})})


def test_the_case_of_an_authenticator() -> None:
    extra = {"account": "a", "authenticator": "OAUTH", "refresh_token": "t"}
    [text] = texts_of({"value": json.dumps({"conn_type": "snowflake", "login": "u", "password": "p", "extra": extra})})

    assert "'oauth' in lower case" in text


def test_a_password_next_to_a_github_app() -> None:
    extra = {"github_app_id": "1", "github_installation_id": "2", "private_key": KEY}
    value = {"conn_type": "git", "host": "https://h/x.git", "extra": extra}

    assert texts_of({"value": json.dumps(value)}) == []
    assert texts_of({"value": json.dumps({**value, "password": "p"})})


def test_two_names_with_one_value(tmp_path: Path) -> None:
    assert problems_in(tmp_path, {**DATABASE, "user": "u", "pass": "p"}, connection_type="postgres") == []
    named = {"field_login": "user"}
    assert problems_in(tmp_path, {**DATABASE, "user": "x"}, connection_type="postgres", **named) == []


@pytest.mark.parametrize("conn_type", ["teradata", "vertica", "smtp", "sftp", "influxdb", "databricks"])
def test_hooks_that_would_use_another_host(tmp_path: Path, conn_type: str) -> None:
    found = problems_in(tmp_path, LOGIN, connection_type=conn_type)

    assert any("no host" in each.text for each in found)


@pytest.mark.parametrize(
    ("conn_type", "data", "key"),
    [
        ("http", {"url": "https://h", "Authorization": "Bearer t"}, "Authorization"),
        ("http", {"url": "https://h", "bearer": "t"}, "bearer"),
        ("http", {"url": "https://h", "session_cookie": "t"}, "session_cookie"),
        ("http", {"url": "https://h", "Ocp-Apim-Subscription-Key": "t"}, "Ocp-Apim-Subscription-Key"),
        ("postgres", {"host": "h", "user": "u", "pgpass": "h:5432:d:u:p"}, "pgpass"),
        ("postgres", {"host": "h", "user": "u", ".pgpass": "h:5432:d:u:p"}, ".pgpass"),
        # A name that suggests nothing: the connection would have nothing secret.
        ("postgres", {"host": "h", "user": "u", "kennwort": "p"}, "kennwort"),
        ("mysql", {"host": "h", "user": "u", "key": "p"}, "key"),
        ("ssh", {"host": "h", "user": "u", "senha": "p"}, "senha"),
        ("http", {"url": "https://h", "user": "u", "pin": "p"}, "pin"),
    ],
)
def test_keys_that_may_contain_the_only_credential(
    tmp_path: Path, conn_type: str, data: dict[str, str], key: str
) -> None:
    [problem] = problems_in(tmp_path, data, connection_type=conn_type)
    assert problem.code == "half-connection"
    assert repr(key) in problem.text
    after = problems_in(tmp_path, data, connection_type=conn_type, field_password=key)
    assert not any("no password" in each.text for each in after)


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("postgres", {"host": "h", "user": "u", "iam": "true", "comment": "x"}),
        ("postgres", {"host": "h", "user": "u", "sslcert": "/c", "sslkey": "/k", "comment": "x"}),
        ("postgres", {"host": "h", "user": "u", "password": "p", "comment": "x"}),
        ("ssh", {"host": "h", "user": "u", "private_key": KEY, "comment": "x"}),
        ("ssh", {"host": "h", "user": "u", "id_rsa.pub": "ssh-rsa AAAA u@h"}),
        ("ssh", {"host": "h", "user": "u", "public_key": "ssh-rsa AAAA u@h"}),
        ("postgres", {"host": "h", "user": "u"}),
        ("postgres", {"host": "h", "comment": "x"}),
        ("postgres", {"host": "h", "user": "u", "description": "x", "environment": "test", "region": "eu"}),
        ("sftp", {"host": "h", "user": "u", "directory": "/upload"}),
        ("http", {"url": "https://h", "Content-Type": "application/json", "method": "POST", "app": "x"}),
        # For these, a login without a password is usual.
        ("presto", {"host": "h", "user": "u", "gateway": "x"}),
        ("livy", {"host": "h", "port": "8998", "user": "u", "conf": "x"}),
        ("ftp", {"host": "h", "user": "anonymous", "home": "/pub"}),
    ],
)
def test_keys_that_are_no_credential_are_not_reported(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    assert problems_in(tmp_path, data, connection_type=conn_type) == []


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("postgres", {"host": "h", "user": "u", "password": ""}),
        ("postgres", {"host": "h", "user": "u", "password": " "}),
        ("mongo", {"MONGO_HOST": "h", "MONGO_USERNAME": "u", "MONGO_PASSWORD": ""}),
        ("mysql", {"uri": "mysql://u@h/d", "password": ""}),
    ],
)
def test_an_empty_password_next_to_a_login(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    problems = problems_in(tmp_path, data, connection_type=conn_type)
    assert [each.code for each in problems if "is empty" in each.text] == ["half-connection"]


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("redis", {"host": "h", "redis-password": ""}),
        ("redis", {"host": "h", "password": ""}),
        ("http", {"url": "https://h", "user": "token", "password": ""}),
        ("ssh", {"host": "h", "user": "u", "password": "", "private_key": KEY}),
        ("postgres", {"host": "h", "user": "u", "password": "p", "pass": ""}),
        ("postgres", {"host": "h", "user": "u", "password": "", "iam": "true"}),
        ("clickhouse", {"host": "h", "port": "8123", "user": "default", "password": ""}),
    ],
)
def test_an_empty_password_that_is_none(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    assert problems_in(tmp_path, data, connection_type=conn_type) == []


@pytest.mark.parametrize("key", ["service", "pdb", "pdb_name", "ORACLE_SERVICE"])
def test_the_service_of_oracle(tmp_path: Path, key: str) -> None:
    data = {"host": "h", "username": "u", "password": "p", "port": "1521", key: "s"}
    [problem] = problems_in(tmp_path, data, connection_type="oracle")
    assert "extra-service_name" in problem.text
    assert problems_in(tmp_path, data, connection_type="oracle", extra_service_name=key) == []


@pytest.mark.parametrize("key", ["cluster_nodes", "REDIS_CLUSTER_NODES", "clusterNodes"])
def test_the_nodes_of_a_cluster_of_redis(tmp_path: Path, key: str) -> None:
    data = {"host": "h", "password": "p", key: "h:6379,i:6379"}
    [problem] = problems_in(tmp_path, data, connection_type="redis")
    assert repr(key) in problem.text
    entry = json.dumps({"cluster": True, "startup_nodes": "h:6379,i:6379"})
    assert problems_in(tmp_path, data, connection_type="redis", connection_extra=entry) == []


@pytest.mark.parametrize("conn_type", ["ssh", "sftp", "git"])
@pytest.mark.parametrize(
    ("key", "is_reported"),
    [
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", True),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 u@h", True),
        ("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", True),
        (KEY.replace("\n", "\\n"), True),
        (KEY, False),
    ],
)
def test_a_private_key_that_is_none(conn_type: str, key: str, is_reported: bool) -> None:
    host = "git@h:x.git" if conn_type == "git" else "h"
    value = {"conn_type": conn_type, "host": host, "login": "u", "extra": {"private_key": key}}
    assert bool(texts_of({"value": json.dumps(value)})) == is_reported


@pytest.mark.parametrize("conn_type", ["ssh", "sftp"])
@pytest.mark.parametrize(
    ("host_key", "is_reported"),
    [
        ("SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8", True),
        ("MD5:16:27:ac", True),
        ("16:27:ac:a5", True),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", False),
        ("AAAAB3NzaC1yc2EAAAADAQAB", False),
    ],
)
def test_the_fingerprint_of_a_host_key(conn_type: str, host_key: str, is_reported: bool) -> None:
    assert bool(texts_of({**DATABASE, "host_key": host_key}, connection_type=conn_type)) == is_reported


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("postgres", {"host": "h", "benutzer": "u", "passwort": "p"}),
        ("mysql", {"host": "h", "admin": "p", "reader": "q"}),
        ("http", {"url": "https://h", "X-Auth": "t"}),
    ],
)
def test_keys_of_which_nothing_secret_is_read(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    [problem] = problems_in(tmp_path, data, connection_type=conn_type)
    assert problem.code == "half-connection"
    assert all(repr(each) in problem.text for each in list(data)[1:])


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("azure_service_bus", {"connection_string": "Endpoint=sb://n/;SharedAccessKey=k", "primary_key": "k"}),
        ("wasb", {"connection_string": "AccountName=a;AccountKey=k", "primary_access_key": "k"}),
    ],
)
def test_the_credential_in_a_connection_string(tmp_path: Path, conn_type: str, data: dict[str, str]) -> None:
    assert problems_in(tmp_path, data, connection_type=conn_type) == []


@pytest.mark.parametrize("key", ["privateIP", "publicIP", "private_ip", "serverName", "server_name"])
def test_a_key_with_the_host(tmp_path: Path, key: str) -> None:
    [problem] = problems_in(tmp_path, {**LOGIN, key: "10.0.0.1"}, connection_type="postgres")
    assert f"nothing reads the key {key!r}" in problem.text


@pytest.mark.parametrize("key", ["warehouse_id", "DATABRICKS_WAREHOUSE_ID", "sql_warehouse_id"])
def test_the_warehouse_of_databricks(tmp_path: Path, key: str) -> None:
    data = {"host": "h", "token": "t", key: "ab12"}
    [problem] = problems_in(tmp_path, data, connection_type="databricks")
    assert "/sql/1.0/warehouses/" in problem.text
    entry = '{"http_path": "/sql/1.0/warehouses/ab12"}'
    assert problems_in(tmp_path, data, connection_type="databricks", connection_extra=entry) == []
