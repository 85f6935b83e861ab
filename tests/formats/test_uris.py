"""URIs, alone and with keys that contain the same or other values."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.connection_secrets import Read, whole


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (
            "postgresql://me:pw@h:5432/db",
            {"conn_type": "postgres", "login": "me", "password": "pw", "port": 5432, "schema": "db"},
        ),
        ("PostgreSQL://h", {"conn_type": "postgres"}),
        ("postgresql+psycopg2://h:5432", {"conn_type": "postgres", "port": 5432}),
        (
            "postgresql://h/db?sslmode=require&x=",
            {"conn_type": "postgres", "schema": "db", "extra": {"sslmode": "require", "x": ""}},
        ),
        ("postgresql://me@h/%2A%2F", {"conn_type": "postgres", "login": "me", "schema": "*/"}),
        ("postgresql://me@h/*", {"conn_type": "postgres", "login": "me"}),
        ("mysql://me:p:q@h", {"conn_type": "mysql", "login": "me", "password": "p:q"}),
        ("mysql://me:p@q@h", {"conn_type": "mysql", "login": "me", "password": "p@q"}),
        ("mysql://me:@h#x", {"conn_type": "mysql", "login": "me"}),
        ("mysql://[fd00::1]:3306/db", {"conn_type": "mysql", "host": "fd00::1", "port": 3306, "schema": "db"}),
        ("postgresql://%2Fvar%2Frun/db", {"conn_type": "postgres", "host": "/var/run", "schema": "db"}),
        ("mysql://h:/db", {"conn_type": "mysql", "schema": "db"}),
        (
            "mongodb://h0:27017,h1:27017/db?tls=true",
            {"conn_type": "mongo", "host": "h0:27017,h1:27017", "schema": "db", "extra": {"tls": True}},
        ),
        (
            "mongodb+srv://me:pw@h/db",
            {"conn_type": "mongo", "login": "me", "password": "pw", "schema": "db", "extra": {"srv": True}},
        ),
        ("mongodb+srv://h:27017", {"conn_type": "mongo", "extra": {"srv": True}}),
        ("redis://:pw@h:6379/2", {"conn_type": "redis", "password": "pw", "port": 6379, "extra": {"db": 2}}),
        ("redis://pw@h", {"conn_type": "redis", "password": "pw", "port": 6379}),
        (
            "rediss://me:pw@h/0?ssl_cert_reqs=none",
            {
                "conn_type": "redis",
                "login": "me",
                "password": "pw",
                "port": 6379,
                "extra": {"ssl": True, "db": 0, "ssl_cert_reqs": "none"},
            },
        ),
        ("redis://h?ssl=false", {"conn_type": "redis", "port": 6379, "extra": {"ssl": False}}),
        ("https://h", {"conn_type": "http", "schema": "https"}),
        (
            "https://me:pw@h:8443/",
            {"conn_type": "http", "login": "me", "password": "pw", "port": 8443, "schema": "https"},
        ),
        ("http://me:pw@h:8080/v1", {"conn_type": "http", "login": "me", "password": "pw", "host": "http://h:8080/v1"}),
        ("HTTPS://h", {"conn_type": "http", "schema": "https"}),
        (" \tmysql://h\n", {"conn_type": "mysql"}),
    ],
)
def test_uri_alone(read: Read, uri: str, expected: dict[str, object]) -> None:
    assert read({"uri": uri}) == whole(**{"host": "h", **expected})


UNUSABLE = [
    "hunter2",
    "hunter2.example.com:5432",
    "jdbc:postgresql://h:5432/db?user=me&password=hunter2",
    "me:hunter2@tcp(h:3306)/db",
    "postgresql://",
    "postgresql:///db",
    "postgresql://me:hunter2@/db",
    "postgresql://me:hunter2@h:port/db",
    "postgresql://me:hunter2@h:65536/db",
    "postgresql://me:hunter2@h:0/db",
    "postgresql://me:hunter2/x@h/db",
    "postgresql://me:123/hunter2@h/db",
    "postgresql://me:123?hunter2@h/db",
    "postgresql://me:123#hunter2@h/db",
]


@pytest.mark.parametrize("uri", UNUSABLE)
def test_invalid_uri_is_ignored_if_there_is_a_host(read: Read, uri: str) -> None:
    connection = read({"uri": uri, "host": "h", "user": "me", "password": "pw"})

    assert connection == whole(conn_type="generic", host="h", login="me", password="pw")


def test_full_host_in_a_uri_takes_precedence_over_a_short_host_key(read: Read) -> None:
    data = {"uri": "postgresql://h.shop.svc:5432/db", "host": "h", "port": "1", "dbname": "other"}

    assert read(data) == whole(conn_type="postgres", host="h.shop.svc", port=5432, schema="db")


def test_keys_complete_a_uri(read: Read) -> None:
    data = {"uri": "postgresql://h.shop.svc", "port": "5432", "dbname": "db", "user": "me", "password": "pw"}

    assert read(data) == whole(
        conn_type="postgres", host="h.shop.svc", port=5432, schema="db", login="me", password="pw"
    )


@pytest.mark.parametrize(
    ("uri", "host"),
    [("mongodb+srv://h/db", "h"), ("mongodb://h0:1,h1/db", "h0:1,h1"), ("https://h/v1", "https://h/v1")],
)
def test_uris_that_ignore_a_port_key(read: Read, uri: str, host: str) -> None:
    connection = read({"uri": uri, "port": "27017"})

    assert connection is not None
    assert (connection["host"], connection["port"]) == (host, None)


def test_login_and_password_keys_take_precedence_over_a_uri(read: Read) -> None:
    data = {"uri": "postgresql://me:old@h", "username": "you", "password": "new"}

    assert read(data) == whole(conn_type="postgres", host="h", login="you", password="new")


PASSWORDS = ["pw", "p@w", "p/w", "p:w", "p#w?", "p%40w"]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    ("userinfo", "login"),
    [("{}@", {}), (":{}@", {}), ("{}@", {"login": "me"}), (":{}@", {"login": "me"}), ("me:{}@", {"login": "me"})],
)
def test_unencoded_password_in_a_uri(read: Read, userinfo: str, login: dict[str, str], password: str) -> None:
    """Bitnami's Redis chart writes the password in place of the login."""
    data = {"uri": f"redis://{userinfo.format(password)}h:6379", "password": password, **login}

    assert read(data) == whole(conn_type="redis", host="h", port=6379, password=password, **login)


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_after_a_login_that_only_the_uri_has(read: Read, password: str) -> None:
    """The end of such a login is unknown if the password has characters that end the whole part."""
    data = {"uri": f"redis://me:{password}@h:6379", "password": password}
    if {*"/#?"} & {*password}:
        with pytest.raises(MalformedSecretError, match="must be percent-encoded") as raised:
            read(data)
        assert password not in str(raised.value)
    else:
        assert read(data) == whole(conn_type="redis", host="h", port=6379, login="me", password=password)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_an_escaped_password_in_the_place_of_the_login(read: Read, scheme: str) -> None:
    connection = read({"uri": f"{scheme}://p%40w@h:5", "password": "p@w"})

    assert connection == whole(conn_type=scheme, host="h", port=5, password="p@w")


def test_an_old_password_in_the_place_of_the_login(read: Read) -> None:
    connection = read({"uri": "redis://old@h:5", "password": "new"})

    assert connection == whole(conn_type="redis", host="h", port=5, password="new")


def test_userinfo_without_a_password_is_the_login(read: Read) -> None:
    connection = read({"uri": "postgresql://me@h", "password": "pw"})

    assert connection == whole(conn_type="postgres", host="h", login="me", password="pw")


def test_web_address_is_ignored_for_a_database(read: Read) -> None:
    """The URL is the address of a web page, in a Secret of a database."""
    data = {"engine": "postgres", "host": "h", "port": "5432", "url": "https://wiki.example.com/db"}

    assert read(data) == whole(conn_type="postgres", host="h", port=5432)
    assert read({"type": "elasticsearch", "url": "https://es:9200"}) == whole(
        conn_type="elasticsearch", host="es", port=9200, schema="https"
    )


TWO = "postgresql://u:pw@{}/db"

LIBPQ: dict[str, tuple[str, dict[str, Any]]] = {
    "hosts with one port": (TWO.format("h0:5433,h1:5433"), {"host": "h0,h1", "port": 5433}),
    "hosts without ports": (TWO.format("h0,h1"), {"host": "h0,h1"}),
    "hosts with ports": (TWO.format("h0:5432,h1:5433"), {"host": "h0,h1", "extra": {"port": "5432,5433"}}),
    "a host with the default port": (TWO.format("h0:5433,h1"), {"host": "h0,h1", "extra": {"port": "5433,5432"}}),
    "addresses": (TWO.format("[fd00::1]:1,10.0.0.1:1"), {"host": "fd00::1,10.0.0.1", "port": 1}),
    "hosts and a parameter": (
        TWO.format("h0:1,h1:1") + "?target_session_attrs=read-write",
        {"host": "h0,h1", "port": 1, "extra": {"target_session_attrs": "read-write"}},
    ),
    "a socket": ("postgresql://u:pw@/db?host=/cloudsql/p:r:i", {"host": "/cloudsql/p:r:i"}),
    "a socket that is encoded": ("postgresql://u:pw@/db?host=%2Fcloudsql%2Fp%3Ar%3Ai", {"host": "/cloudsql/p:r:i"}),
    "a socket as the host": ("postgresql://u:pw@%2Fcloudsql%2Fp%3Ar%3Ai/db", {"host": "/cloudsql/p:r:i"}),
    "a socket and a port": ("postgresql://u:pw@/db?host=/s&port=5433", {"host": "/s", "port": 5433}),
    "a port before the path": ("postgresql://u:pw@:5433/db?host=/s", {"host": "/s", "port": 5433}),
    "sockets": (TWO.format("%2Fa%3Ab:1,%2Fc%3Ad:1"), {"host": "/a:b,/c:d", "port": 1}),
    "all of it in the query": ("postgresql:///?host=h&port=1&user=u&password=pw&dbname=db", {"host": "h", "port": 1}),
    "only a query": ("postgres://?host=h&user=u&password=pw&dbname=db", {"host": "h"}),
    "the query has priority": ("postgresql://x:y@z:2/d?host=h&user=u&password=pw&dbname=db", {"host": "h", "port": 2}),
    "a login with an @": (
        "postgresql:///db?host=/s&user=sa@proj.iam&password=pw",
        {"host": "/s", "login": "sa@proj.iam"},
    ),
    "a plus": ("postgresql://u:x@h/db?password=pw&options=a+b%20c", {"host": "h", "extra": {"options": "a+b c"}}),
    "a word that is no boolean": ("postgresql://u:x@h/db?password=pw&dbname=true", {"host": "h", "schema": "true"}),
    "hosts in the query": ("postgresql://u:pw@/db?host=a,b&port=1,2", {"host": "a,b", "extra": {"port": "1,2"}}),
    "hosts in the query, one port": ("postgresql://u:pw@/db?host=a,b&port=1", {"host": "a,b", "port": 1}),
    "an address without a host": (
        "postgresql://u:pw@/db?hostaddr=10.0.0.1",
        {"host": None, "extra": {"hostaddr": "10.0.0.1"}},
    ),
    "ssl": ("postgresql://u:pw@h/db?ssl=true", {"host": "h", "extra": {"sslmode": "require"}}),
    "a driver": ("postgresql+psycopg2://u:pw@h0:1,h1:1/db", {"host": "h0,h1", "port": 1}),
}


@pytest.mark.parametrize("case", LIBPQ)
def test_uris_are_read_like_libpq(read: Read, case: str) -> None:
    uri, expected = LIBPQ[case]

    assert read({"uri": uri}) == whole(
        **{"conn_type": "postgres", "login": "u", "password": "pw", "schema": "db", **expected}
    )


def test_port_key_applies_to_every_host(read: Read) -> None:
    connection = read({"uri": "postgresql://h0,h1/db", "port": "5433"})

    assert connection == whole(conn_type="postgres", host="h0,h1", port=5433, schema="db")


@pytest.mark.parametrize("port", ["x", "0", "65536", "1,x", ","])
def test_invalid_port_in_the_query(read: Read, port: str) -> None:
    with pytest.raises(MalformedSecretError, match="the port in its query is not a number from 1 to 65535"):
        read({"uri": f"postgresql://u:pw@h/db?port={port}"})


@pytest.mark.parametrize("uri", ["postgresql:///db", "postgresql://u:hunter2@:5432/db?sslmode=x", "mysql:///db?host=h"])
def test_a_uri_without_a_host(read: Read, uri: str) -> None:
    with pytest.raises(MalformedSecretError, match="it is a URI without a host"):
        read({"uri": uri})


def test_one_invalid_host_among_several(read: Read) -> None:
    with pytest.raises(MalformedSecretError, match="must be percent-encoded") as raised:
        read({"uri": "postgresql://h0:hunter2,h1/db"})

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mysql://u:pw@/db?unix_socket=/cloudsql/p:r:i", {"extra": {"unix_socket": "/cloudsql/p:r:i"}}),
        ("mysql+pymysql://u:pw@/db?unix_socket=%2Fs", {"extra": {"unix_socket": "/s"}}),
        ("mysql://u:pw@%2Fcloudsql%2Fp%3Ar%3Ai/db", {"extra": {"unix_socket": "/cloudsql/p:r:i"}}),
        ("mysql://u:pw@localhost/db?unix_socket=/s", {"host": "localhost", "extra": {"unix_socket": "/s"}}),
    ],
)
def test_a_socket_of_mysql(read: Read, uri: str, expected: dict[str, object]) -> None:
    assert read({"uri": uri}) == whole(conn_type="mysql", login="u", password="pw", schema="db", **expected)


TAGS = ["dc:ny,rack:r1", "dc:ny", ""]


def test_repeated_parameter_of_mongodb_is_a_list(read: Read) -> None:
    tags = "&".join(f"readPreferenceTags={each}" for each in TAGS)
    connection = read({"uri": f"mongodb://u:pw@h0,h1/?readPreference=secondary&{tags}&w=1&w=2"})

    extra = {"readPreference": "secondary", "readPreferenceTags": TAGS, "w": "2"}
    assert connection == whole(conn_type="mongo", host="h0,h1", login="u", password="pw", extra=extra)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mongodb://[fd00::1]:27017/db", {"conn_type": "mongo", "host": "[fd00::1]", "port": 27017}),
        ("mongodb://%2Ftmp%2Fmongodb.sock/db", {"conn_type": "mongo", "host": "%2Ftmp%2Fmongodb.sock"}),
        ("https://[fd00::1]:8443/db", {"conn_type": "http", "host": "https://[fd00::1]:8443/db", "schema": None}),
        ("https://[fd00::1]:8443", {"conn_type": "http", "host": "[fd00::1]", "port": 8443, "schema": "https"}),
        ("redis://[fd00::1]", {"conn_type": "redis", "host": "fd00::1", "port": 6379, "schema": None}),
        ("valkey://h/2", {"conn_type": "redis", "host": "h", "port": 6379, "extra": {"db": 2}, "schema": None}),
        ("valkeys://:pw@h:1", {"conn_type": "redis", "host": "h", "port": 1, "password": "pw", "extra": {"ssl": True}}),
        ("valkey://pw@h:1", {"conn_type": "redis", "host": "h", "port": 1, "password": "pw"}),
        (
            "kafka://h0:9092,h1:9092",
            {"conn_type": "kafka", "host": "h0:9092,h1:9092", "extra": {"bootstrap.servers": "h0:9092,h1:9092"}},
        ),
        ("mssql://h", {"conn_type": "mssql", "host": "h", "port": 1433}),
    ],
)
def test_uris_are_converted_for_the_hook(read: Read, uri: str, expected: dict[str, object]) -> None:
    schema = {"schema": "db"} if uri.endswith("/db") else {}

    assert read({"uri": uri}) == whole(**{**schema, **expected})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"type": "postgresql", "host": "h0:1,h1:1"}, {"conn_type": "postgres", "host": "h0,h1", "port": 1}),
        (
            {"type": "postgresql", "host": "h0:1,h1", "port": "2"},
            {"conn_type": "postgres", "host": "h0,h1", "extra": {"port": "1,2"}},
        ),
        ({"type": "postgresql", "host": "[fd00::1]"}, {"conn_type": "postgres", "host": "fd00::1"}),
        ({"host": "[fd00::1]", "port": "5432"}, {"conn_type": "generic", "host": "fd00::1", "port": 5432}),
        ({"type": "mysql", "host": "[fd00::1]:3306"}, {"conn_type": "mysql", "host": "fd00::1", "port": 3306}),
        (
            {"type": "mysql", "host": "/run/mysqld.sock"},
            {"conn_type": "mysql", "extra": {"unix_socket": "/run/mysqld.sock"}},
        ),
        ({"type": "mongodb", "host": "fd00::1"}, {"conn_type": "mongo", "host": "[fd00::1]"}),
        ({"type": "mongodb", "host": "h0,h1", "port": "27018"}, {"conn_type": "mongo", "host": "h0:27018,h1:27018"}),
        (
            {"type": "mongodb+srv", "host": "h", "port": "27017"},
            {"conn_type": "mongo", "host": "h", "extra": {"srv": True}},
        ),
        ({"type": "https", "host": "h"}, {"conn_type": "http", "host": "h", "schema": "https"}),
        (
            {"type": "http", "host": "h", "port": "443"},
            {"conn_type": "http", "host": "h", "port": 443, "schema": "https"},
        ),
        ({"type": "http", "host": "fd00::1"}, {"conn_type": "http", "host": "[fd00::1]"}),
        (
            {"type": "http", "host": "https://h/v1", "port": "8443"},
            {"conn_type": "http", "host": "https://h:8443/v1"},
        ),
        ({"type": "https", "host": "h/v1", "port": "8443"}, {"conn_type": "http", "host": "https://h:8443/v1"}),
        ({"type": "http", "host": "h:8080/v1", "port": "8443"}, {"conn_type": "http", "host": "http://h:8080/v1"}),
        ({"type": "rediss", "host": "h"}, {"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": True}}),
        ({"type": "valkeys", "host": "h"}, {"conn_type": "redis", "host": "h", "port": 6379, "extra": {"ssl": True}}),
        ({"type": "sqlserver", "host": "tcp:h,1434"}, {"conn_type": "mssql", "host": "h", "port": 1434}),
        ({"type": "sqlserver", "host": "h\\express"}, {"conn_type": "mssql", "host": "h\\express"}),
        (
            {"type": "kafka", "host": "h", "port": "9092"},
            {"conn_type": "kafka", "host": "h", "port": 9092, "extra": {"bootstrap.servers": "h:9092"}},
        ),
        ({"type": "pgsql", "host": "h"}, {"conn_type": "postgres", "host": "h"}),
    ],
)
def test_keys_are_converted_for_the_hook(read: Read, data: dict[str, str | bytes], expected: dict[str, object]) -> None:
    assert read(data) == whole(**expected)


def test_type_annotation_takes_precedence_over_the_scheme(read: Read) -> None:
    connection = read({"uri": "rediss://h"}, {"connection-type": "postgres"})

    assert connection == whole(conn_type="postgres", host="h", extra={"sslmode": "require"})


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"connection-port": "5"}, {"host": "h0,h1", "port": 5}),
        ({"connection-host": "h"}, {"host": "h"}),
        ({"connection-extra": '{"port": "3,4"}'}, {"host": "h0,h1", "extra": {"port": "3,4"}}),
        ({"connection-type": "redshift"}, {"conn_type": "redshift", "host": "h0,h1", "extra": {"port": "1,2"}}),
    ],
)
def test_annotation_takes_precedence_over_the_ports_of_hosts(
    read: Read, annotations: dict[str, str], expected: dict[str, object]
) -> None:
    connection = read({"uri": "postgresql://h0:1,h1:2"}, annotations)

    assert connection == whole(**{"conn_type": "postgres", **expected})
