"""Warnings about connections that a hook interprets differently from how they are written."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import pytest

from airflow_kubernetes_secrets.formats.reading import data_key_of_connection
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from support.connection_secrets import stored_secret
from support.hooks import HTTP, MARK, POSTGRES, OfHttp, OfPostgres, fields
from verdicts.generated import connections

CASES: Mapping[str, Mapping[str, OfHttp | OfPostgres]] = {"http": HTTP, "postgres": POSTGRES}


def problems_of(data: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> list[Problem]:
    secret = stored_secret(data, annotations)
    content = content_of(Kind.CONNECTION, secret, data_key_of_connection(secret, "value"))
    assert content.is_readable
    assert not any(MARK in each.text for each in content.problems)
    assert all(each.severity is Severity.WARNING for each in content.problems)
    return [*content.problems]


@pytest.mark.parametrize(("conn_type", "case"), [(conn_type, case) for conn_type, of in CASES.items() for case in of])
def test_warnings_about_hooks_that_tests_run(conn_type: str, case: str) -> None:
    expected = CASES[conn_type][case]

    texts = [each.text for each in problems_of(expected.data)]

    assert len(texts) == bool(expected.said), texts
    assert all(expected.said in each for each in texts)


MYSQL = {"extra": {"client": "mysql-connector-python"}}

OTHERS: dict[str, tuple[dict[str, str], str]] = {
    # git
    "git: a URL": ({"uri": f"ssh://git:{MARK}@h/x/y.git", "type": "git"}, ""),
    "git: a URI of Airflow's": ({"value": f"git://u:{MARK}@h/x.git"}, "reads the host as the URL"),
    "git: a URL in the host": (fields("git", "https://h/x/y.git"), ""),
    "git: as ssh writes it": (fields("git", "git@h:x/y.git"), ""),
    "git: a path": (fields("git", "/srv/x.git"), ""),
    # mysql
    "mysql": ({"value": f"mysql://u:{MARK}@h:3306/d?charset=utf8mb4"}, ""),
    "mysql: hosts": (fields("mysql", "h0,h1", port=3306), "MySqlHook accepts one host"),
    "mysql: hosts in a URI": ({"uri": "mysql://h0:3306,h1:3306/d"}, "MySqlHook accepts one host"),
    "mysql: a port in the host": (fields("mysql", "h:3306"), "reads host:port as the name"),
    "mysql: brackets": (fields("mysql", "[fd00::1]"), "accepts no brackets"),
    "mysql: a socket": ({"value": "mysql://u@%2Frun%2Fmysqld.sock/d"}, "reads the path of a socket"),
    "mysql: a socket in a key": ({"uri": "mysql://u@%2Frun%2Fmysqld.sock/d"}, ""),
    "mysql: settings of TLS": ({"value": "mysql://h?sslmode=REQUIRED&ssl_ca=/ca"}, "ignores 'sslmode', 'ssl_ca' in"),
    "mysql: TLS of JDBC": ({"uri": "mysql://h/d?useSSL=true"}, "ignores 'useSSL' in extra"),
    "mysql: TLS of the client": ({"uri": "mysql://h/d?ssl-mode=REQUIRED"}, ""),
    "mysql: TLS": (fields("mysql", "h", extra={"ssl_mode": "REQUIRED", "ssl": {"ca": "/ca"}}), ""),
    "mysql: TLS by the connector": (
        fields("mysql", "h", extra={"client": "mysql-connector-python", "ssl_ca": "/ca"}),
        "",
    ),
    "mysql: TLS that the connector does not know": (
        fields("mysql", "h", extra={"client": "mysql-connector-python", "ssl": {"ca": "/ca"}}),
        "ignores 'ssl' in extra",
    ),
    "mysql: a socket of the connector": (
        fields("mysql", "", extra={"client": "mysql-connector-python", "unix_socket": "/s"}),
        "ignores 'unix_socket'",
    ),
    # redis
    "redis": (fields("redis", "h", port=6379, extra={"db": 2}), ""),
    "redis: a database": ({"value": f"redis://:{MARK}@h:6379/2"}, "uses database 0"),
    "redis: the first database": ({"value": "redis://h:6379/0"}, ""),
    "redis: TLS": ({"value": f"rediss://:{MARK}@h:6379"}, "RedisHook uses no TLS, and sends the password unencrypted"),
    "redis: TLS in a key": ({"uri": f"rediss://:{MARK}@h:6379/2"}, ""),
    "redis: no port": ({"value": "redis://h"}, "Write the port: 6379"),
    "redis: no port in a key": ({"uri": "redis://h"}, ""),
    "redis: nodes of a cluster": (fields("redis", "h", extra={"cluster": True, "startup_nodes": "h:1"}), ""),
    "redis: hosts": (fields("redis", "h0,h1", port=6379), "RedisHook accepts one host"),
    "redis: brackets": (fields("redis", "[fd00::1]", port=6379), "accepts no brackets"),
    # mongo
    "mongo": (fields("mongo", "h0:27017,h1:27017", login="u", password=MARK), ""),
    "mongo: the scheme": ({"value": f"mongodb://u:{MARK}@h:27017/d"}, "refuses the connection type 'mongodb'"),
    "mongo: the scheme of records": ({"value": f"mongodb+srv://u:{MARK}@h/d"}, '"extra": {"srv": true}'),
    "mongo: a port with records": (fields("mongo", "h", port=27017, extra={"srv": True}), "refuses a port"),
    "mongo: one port for hosts": (fields("mongo", "h0,h1", port=27018), "appends the port to the last host"),
    "mongo: one port for hosts in keys": ({"type": "mongodb", "host": "h0,h1", "port": "27018"}, ""),
    "mongo: an address of IPv6": ({"value": "mongo://[fd00::1]:27017"}, "needs brackets"),
    "mongo: an address of IPv6 in a key": ({"uri": "mongodb://[fd00::1]:27017"}, ""),
    "mongo: a socket": ({"value": "mongo://%2Ftmp%2Fmongodb.sock"}, "reads the path of a socket"),
    "mongo: a socket in a key": ({"uri": "mongodb://%2Ftmp%2Fmongodb.sock"}, ""),
    "mongo: a login alone": ({"value": "mongo://u@h"}, "ignores the login without a password"),
    "mongo: a certificate": (fields("mongo", "h", login="u", extra={"authMechanism": "MONGODB-X509"}), ""),
    # mssql
    "mssql": (fields("mssql", "h", port=1433), ""),
    "mssql: no port": ({"value": f"mssql://u:{MARK}@h/d"}, "Write the port: 1433"),
    "mssql: no port in keys": ({"type": "sqlserver", "host": "h"}, ""),
    "mssql: an instance": (fields("mssql", "h\\express"), ""),
    "mssql: Microsoft's way": (fields("mssql", "tcp:h,1433", port=1433), "neither tcp: nor a port after a comma"),
    "mssql: Microsoft's way in keys": ({"type": "sqlserver", "host": "tcp:h,1433"}, ""),
    "mssql: an address of IPv6": ({"value": "mssql://[fd00::1]:1433"}, "accepts no IPv6 address"),
    # kafka
    "kafka": (fields("kafka", "", extra={"bootstrap.servers": "h:9092"}), ""),
    "kafka: a host": (fields("kafka", "h", port=9092), "Kafka's hooks ignore host and port"),
    "kafka: a host in keys": ({"type": "kafka", "host": "h", "port": "9092"}, ""),
    "kafka: a password": (
        fields("kafka", "h", login="u", password=MARK, extra={"bootstrap.servers": "h:9092"}),
        "ignore login and password",
    ),
    # Other hooks that pass the host to a socket.
    "ssh: brackets": (fields("ssh", "[fd00::1]"), "SSHHook passes the host to its driver unchanged, which accepts no"),
    "sftp: a port": (fields("sftp", "h:22"), "reads host:port as the name"),
    "ftp: hosts": (fields("ftp", "h0,h1"), "FTPHook accepts one host"),
    "imap": ({"value": f"imap://u:{MARK}@h:993"}, ""),
    # A query.
    "once": ({"value": "postgres://h?sslmode=require&application_name=x"}, ""),
    "twice": (
        {"value": "postgres://h?sslmode=require&sslmode=disable&application_name=b"},
        "has 'sslmode' more than once",
    ),
    "twice in a key": ({"uri": "postgresql://h?sslmode=require&sslmode=disable"}, "has 'sslmode' more than once"),
    "twice in JSON": ({"value": '{"uri": "x://h?a=1&a=2"}'}, "has 'a' more than once"),
    "a list of MongoDB": ({"uri": "mongodb://h/?readPreferenceTags=dc:ny&readPreferenceTags="}, ""),
    "a list that Airflow loses": (
        {"value": "mongo://h/?readPreferenceTags=dc:ny&readPreferenceTags="},
        "has 'readPreferenceTags' more than once",
    ),
    "a credential twice": ({"value": f"x://h?{MARK}&{MARK}"}, "has a parameter more than once"),
    "extra and more": (
        {"value": "postgres://h?__extra__=%7B%7D&sslmode=require"},
        "ignores 'sslmode' if '__extra__' is",
    ),
    "extra alone": ({"value": "postgres://h?__extra__=%7B%7D"}, ""),
    "a query of a web address": ({"uri": "https://h/v1?api=2&verify=false"}, "HttpHook sends 'api' of the URI's query"),
    "a setting of HttpHook": ({"uri": "https://h/v1?verify=false"}, ""),
    "a URI that is not used": ({"uri": "https://h?a=1&a=2", "host": "h", "type": "mysql"}, ""),
    # Others.
    "an unknown type": ({"value": "x://[fd00::1]:1/d"}, ""),
    "generic": ({"host": "h", "username": "u", "password": MARK}, ""),
}


@pytest.mark.parametrize("case", OTHERS)
def test_warnings_about_hooks_and_queries(case: str) -> None:
    data, said = OTHERS[case]

    texts = [each.text for each in problems_of(data)]

    assert len(texts) == bool(said), texts
    assert all(said in each for each in texts)


@pytest.mark.parametrize(
    ("uri", "has_hint"),
    [
        (f"https://u:{MARK}@h/v1", True),
        ("mongodb://[fd00::1]:27017/d", True),
        ("redis://h", True),
        ("mysql://h0%2Ch1", False),
    ],
)
def test_remedy_names_the_key_uri_only_if_it_helps(uri: str, has_hint: bool) -> None:
    texts = [each.text for each in problems_of({"value": uri})]

    assert texts
    assert all(each.startswith("Secret shop/app, key 'value': ") for each in texts)
    assert all(each.endswith("Or store the URI under the key 'uri' instead of 'value'") == has_hint for each in texts)


def test_warning_about_separate_keys_names_the_secret() -> None:
    (problem,) = problems_of({"uri": "mysql://h0,h1"})

    assert problem.code == "hook-misreads"
    assert problem.text.startswith("Secret shop/app: MySqlHook accepts one host")


def test_rules_never_fail_on_generated_connections() -> None:
    """Whatever is stored, no rule fails, and no value is shown."""
    count = 0
    for text in connections(seed=5, count=1000):
        try:
            data = {"value": b64encode(text.encode()).decode()}
        except UnicodeEncodeError:
            continue  # no Secret can contain it
        content_of(Kind.CONNECTION, Secret("shop", "app", "", {}, data), "value")
        count += 1
    assert count > 1000
