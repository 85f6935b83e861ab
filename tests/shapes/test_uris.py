"""What comes of a URI, alone and beside keys that say the same or something else."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.shapes import Read, whole


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
        ("redis://pw@h", {"conn_type": "redis", "password": "pw"}),
        (
            "rediss://me:pw@h/0?ssl_cert_reqs=none",
            {
                "conn_type": "redis",
                "login": "me",
                "password": "pw",
                "extra": {"ssl": True, "db": 0, "ssl_cert_reqs": "none"},
            },
        ),
        ("redis://h?ssl=false", {"conn_type": "redis", "extra": {"ssl": False}}),
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
def test_alone(read: Read, uri: str, expected: dict[str, object]) -> None:
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
def test_what_is_no_uri_is_not_missed_where_there_is_a_host(read: Read, uri: str) -> None:
    connection = read({"uri": uri, "host": "h", "user": "me", "password": "pw"})

    assert connection == whole(conn_type="generic", host="h", login="me", password="pw")


def test_the_host_in_a_uri_counts_before_the_short_one_of_a_key(read: Read) -> None:
    data = {"uri": "postgresql://h.shop.svc:5432/db", "host": "h", "port": "1", "dbname": "other"}

    assert read(data) == whole(conn_type="postgres", host="h.shop.svc", port=5432, schema="db")


def test_keys_complete_a_uri(read: Read) -> None:
    data = {"uri": "postgresql://h.shop.svc", "port": "5432", "dbname": "db", "user": "me", "password": "pw"}

    assert read(data) == whole(
        conn_type="postgres", host="h.shop.svc", port=5432, schema="db", login="me", password="pw"
    )


@pytest.mark.parametrize("uri", ["mongodb+srv://h/db", "mongodb://h0:1,h1:2/db", "https://h/v1"])
def test_some_uris_take_no_port(read: Read, uri: str) -> None:
    connection = read({"uri": uri, "port": "27017"})

    assert connection is not None
    assert connection["port"] is None


def test_login_and_password_in_keys_of_their_own_count_before_those_in_a_uri(read: Read) -> None:
    data = {"uri": "postgresql://me:old@h", "username": "you", "password": "new"}

    assert read(data) == whole(conn_type="postgres", host="h", login="you", password="new")


PASSWORDS = ["pw", "p@w", "p/w", "p:w", "p#w?", "p%40w"]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    ("userinfo", "login"),
    [("{}@", {}), (":{}@", {}), ("{}@", {"login": "me"}), (":{}@", {"login": "me"}), ("me:{}@", {"login": "me"})],
)
def test_a_password_in_a_uri_as_it_is(read: Read, userinfo: str, login: dict[str, str], password: str) -> None:
    """Bitnami's Redis chart has it there in the place of the login."""
    data = {"uri": f"redis://{userinfo.format(password)}h:6379", "password": password, **login}

    assert read(data) == whole(conn_type="redis", host="h", port=6379, password=password, **login)


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_after_a_login_that_only_the_uri_has(read: Read, password: str) -> None:
    """Nobody can tell where such a login ends if the password has characters that end the whole part."""
    data = {"uri": f"redis://me:{password}@h:6379", "password": password}
    if {*"/#?"} & {*password}:
        with pytest.raises(MalformedSecretError, match="must be percent-encoded") as raised:
            read(data)
        assert password not in str(raised.value)
    else:
        assert read(data) == whole(conn_type="redis", host="h", port=6379, login="me", password=password)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_an_escaped_password_in_the_place_of_the_login(read: Read, scheme: str) -> None:
    connection = read({"uri": f"{scheme}://p%40w@h", "password": "p@w"})

    assert connection == whole(conn_type=scheme, host="h", password="p@w")


def test_an_old_password_in_the_place_of_the_login(read: Read) -> None:
    connection = read({"uri": "redis://old@h", "password": "new"})

    assert connection == whole(conn_type="redis", host="h", password="new")


def test_a_login_alone_stays_one(read: Read) -> None:
    connection = read({"uri": "postgresql://me@h", "password": "pw"})

    assert connection == whole(conn_type="postgres", host="h", login="me", password="pw")


def test_a_uri_of_something_else_is_left_alone(read: Read) -> None:
    """The address of a web page, beside a database."""
    data = {"engine": "postgres", "host": "h", "port": "5432", "url": "https://wiki.example.com/db"}

    assert read(data) == whole(conn_type="postgres", host="h", port=5432)
    assert read({"type": "elasticsearch", "url": "https://es:9200"}) == whole(
        conn_type="elasticsearch", host="es", port=9200, schema="https"
    )
