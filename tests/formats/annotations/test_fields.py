"""Annotations that contain a field, and annotations that name its key."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.formats.aliases import ALIASES
from support.connection_secrets import PREFIX, Read, whole
from support.logs import log_messages

# A value for each field, from aliases that an annotation overrules.
OTHERS = {"type": "mysql", "host": "h", "user": "u", "password": "p", "port": "1", "database": "d", "extra": '{"a": 1}'}
FIELDS: dict[str, tuple[str, dict[str, object]]] = {
    "conn_type": ("postgresql", {"conn_type": "postgres"}),
    "host": ("h.example.com", {"host": "h.example.com"}),
    "login": ("me", {"login": "me"}),
    "password": ("pw", {"password": "pw"}),
    "port": ("5432", {"port": 5432}),
    "schema": ("orders", {"schema": "orders"}),
    "extra": ('{"b": 2}', {"extra": {"b": 2}}),
    "uri": (
        "mysql://me:pw@h2:5432/orders",
        {"host": "h2", "login": "me", "password": "pw", "port": 5432, "schema": "orders"},
    ),
}


@pytest.mark.parametrize("field", ALIASES)
def test_a_field(read: Read, field: str) -> None:
    stored, expected = FIELDS[field]
    from_aliases = {
        "conn_type": "mysql", "host": "h", "login": "u", "password": "p", "port": 1, "schema": "d", "extra": {"a": 1}
    }  # fmt: skip

    connection = read({**OTHERS, "x.Y-z": stored}, {f"field-{field}": "x.Y-z"})

    assert connection == whole(**{**from_aliases, **expected})


@pytest.mark.parametrize("field", ["host", "login", "port", "schema"])
def test_field_only_from_an_annotation(read: Read, field: str) -> None:
    """Zalando's operator, KubeDB and RDS's master users write only login and password."""
    stored, expected = FIELDS[field]

    connection = read({"username": "u", "password": "p"}, {f"connection-{field}": stored})

    assert connection == whole(**{"conn_type": "generic", "login": "u", "password": "p", **expected})


@pytest.mark.parametrize("field", ["host", "login", "port", "schema"])
def test_annotation_takes_precedence_over_every_key(read: Read, field: str) -> None:
    stored, expected = FIELDS[field]
    log_messages = {"conn_type": "mysql", "host": "h", "login": "u", "password": "p", "schema": "d"}
    port = {} if field == "host" else {"port": 1}

    for data in (OTHERS, {"uri": "mysql://u:p@h:1/d"}):
        extra = {"extra": {"a": 1}} if data is OTHERS else {}
        keeps_port = {"port": 1} if data is OTHERS else port
        assert read(data, {f"connection-{field}": stored}) == whole(
            **{**log_messages, **keeps_port, **extra, **expected}
        )


@pytest.mark.parametrize("field", ["host", "login", "password", "port", "schema"])
def test_named_key_takes_precedence_over_a_uri(read: Read, field: str) -> None:
    """This includes a URI that an annotation names."""
    stored, expected = FIELDS[field]
    in_uri = {"conn_type": "mysql", "host": "h3", "login": "u", "password": "p", "schema": "d"}
    data = {"uri": "mysql://u:p@h3:1/d", "x": stored}
    port = {} if field == "host" else {"port": 1}

    for more in ({}, {"field-uri": "uri"}):
        assert read(data, {f"field-{field}": "x", **more}) == whole(**{**in_uri, **port, **expected})


def test_named_uri_takes_precedence_over_unnamed_keys(read: Read) -> None:
    data = {"username": "admin", "password": "of admin", "uri": "mysql://h0/d0", "app": "mysql://me:pw@h/d"}

    connection = read(data, {"field-uri": "app"})

    assert connection == whole(conn_type="mysql", host="h", login="me", password="pw", schema="d")


def test_named_key_that_is_empty_is_ignored(read: Read) -> None:
    connection = read({"uri": "mysql://h/d", "x": " \n"}, {"field-host": "x"})

    assert connection == whole(conn_type="mysql", host="h", schema="d")


def test_the_connection_type(read: Read) -> None:
    """The type is used unchanged, and takes precedence over that of a key or a URI."""
    assert read({"host": "h", "engine": "mysql"}, {"connection-type": "redshift"}) == whole(
        conn_type="redshift", host="h"
    )
    assert read({"uri": "mysql://h"}, {"connection-type": "my_own"}) == whole(conn_type="my_own", host="h")


@pytest.mark.parametrize("data", [{}, {"ca.crt": "x", "ca.key": "y"}], ids=["no keys", "certificates"])
def test_annotations_alone_make_no_connection(read: Read, data: dict[str, str]) -> None:
    """CloudNativePG copies annotations to other Secrets too, and External Secrets Operator can leave a Secret empty."""
    annotations = {"connection-type": "postgres", "connection-extra": '{"sslmode": "require"}', "connection-port": "1"}

    assert read(data, annotations) is None


def test_key_for_extra_makes_a_connection(read: Read) -> None:
    expected = whole(conn_type="slack", extra={"token": "x"})

    assert read({"token": "x"}, {"connection-type": "slack", "extra-token": "token"}) == expected
    assert read({"token": "x"}, {"connection-type": "slack", "other-keys": "extra"}) == expected


def test_a_blank_key_does_not_hide_another(read: Read) -> None:
    assert read({"host": "\n", "hostname": "h", "user": "", "username": "me"}) == whole(
        conn_type="generic", host="h", login="me"
    )


@pytest.mark.parametrize("annotations", [{}, {"connection-type": "postgres"}])
def test_url_of_a_web_page_is_not_the_host_of_a_database(read: Read, annotations: dict[str, str]) -> None:
    data = {"host": "h", "port": "1", "url": "https://console.example.com/db/1"}

    assert read(data, annotations) == whole(conn_type=annotations.get("connection-type", "generic"), host="h", port=1)


def test_url_of_a_web_page_for_an_http_connection(read: Read) -> None:
    data = {"host": "h", "url": "https://hooks.example.com"}
    expected = whole(conn_type="http", host="hooks.example.com", schema="https")

    assert read(data, {"connection-type": "http"}) == expected
    assert read(data, {"field-uri": "url"}) == expected
    assert read({"url": "https://hooks.example.com"}) == expected


def test_misspelt_annotation_is_reported(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    assert read({"host": "h"}, {"conection-type": "postgres"}) == whole(conn_type="generic", host="h")

    [warning] = log_messages(caplog)
    assert f"Secret shop/app, annotation '{PREFIX}conection-type': it is unknown" in warning
    assert f"did you mean '{PREFIX}connection-type'?" in warning


def test_extra(read: Read) -> None:
    """The order of precedence: the annotation, a key of its own, the key extra, the URI."""
    data = {"uri": "mysql://h?a=1&b=1&c=1&d=1", "extra": '{"b": 2, "c": 2, "d": 2}', "x": "3"}
    annotations = {"extra-c": "x", "extra-ca.pem": "x", "connection-extra": '{"d": 4, "deep": {"e": [null]}}'}

    connection = read(data, annotations)

    extra = {"a": "1", "b": 2, "c": "3", "ca.pem": "3", "d": 4, "deep": {"e": [None]}}
    assert connection == whole(conn_type="mysql", host="h", extra=extra)


def test_other_keys_in_extra(read: Read) -> None:
    """Only keys that are not names of fields are used, with unchanged values."""
    data = {
        "host": "h",
        "endpoint": "other",
        "username": "me",
        "user": "me",
        "api_key": "k\n",
        "Region-1": "eu",
        "x": "y",
    }

    connection = read(data, {"other-keys": "extra", "extra-z": "x"})

    extra = {"api_key": "k\n", "Region-1": "eu", "z": "y"}
    assert connection == whole(conn_type="generic", host="h", login="me", extra=extra)


def test_a_data_key(read: Read) -> None:
    """The key contains Airflow's own format."""
    data = {"AIRFLOW": "my-type://me:p%40w@h:1/d?__extra__=%7B%22a%22%3A+1%7D", "host": "other"}

    assert read(data, {"data-key": "AIRFLOW"}) == whole(
        conn_type="my_type", host="h", login="me", password="p@w", port=1, schema="d", extra={"a": 1}
    )
    assert read({"json": '{"conn_type": "x", "host": "h"}'}, {"data-key": "json"}) == whole(conn_type="x", host="h")


def test_data_key_annotation_takes_precedence_over_the_options(read: Read) -> None:
    data = {"value": "mysql://h/d", "other": "mysql://other", "host": "third"}

    assert read(data) == whole(conn_type="mysql", host="h", schema="d")
    assert read(data, {"data-key": "other"}) == whole(conn_type="mysql", host="other", schema="")


PREFIXED = {"DB_HOST": "h", "DB_PORT": "1", "DB_USER": "me", "DB_PASS": "pw", "DB_NAME": "d", "host": "other"}


def test_a_prefix(read: Read) -> None:
    """Only keys with the prefix are fields, by the names of fields and of variables."""
    expected = whole(conn_type="mysql", host="h", login="me", password="pw", port=1, schema="d")

    assert read(PREFIXED, {"key-prefix": "DB_", "connection-type": "mysql"}) == expected
    lower = {key.lower().replace("_", "-"): value for key, value in PREFIXED.items()}
    assert read(lower, {"key-prefix": "db-", "connection-type": "mysql"}) == expected


def test_prefix_selects_one_of_two_connections(read: Read) -> None:
    data = {**PREFIXED, "REDIS_HOST": "r", "REDIS_PASSWORD": "rp", "value": "mysql://whole"}

    assert read(data, {"key-prefix": "REDIS_", "connection-type": "redis"}) == whole(
        conn_type="redis", host="r", password="rp", port=6379
    )


def test_a_prefix_and_other_annotations(read: Read) -> None:
    data = {"a.host": "h", "a.sslmode": "require", "a.token": "t", "secret": "pw", "other": "o"}
    annotations = {"key-prefix": "a.", "connection-type": "postgres"}

    assert read(data, annotations) == whole(conn_type="postgres", host="h", extra={"sslmode": "require"})
    assert read(data, {**annotations, "field-password": "secret"}) == whole(
        conn_type="postgres", host="h", password="pw", extra={"sslmode": "require"}
    )
    assert read(data, {**annotations, "other-keys": "extra"}) == whole(
        conn_type="postgres", host="h", extra={"sslmode": "require", "token": "t"}
    )


def test_binary_values_among_other_keys_are_skipped(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    data: dict[str, str | bytes] = {"host": "h", "user.crt": "c", "user.p12": b"\xff"}

    assert read(data, {"other-keys": "extra"}) == whole(conn_type="generic", host="h", extra={"user.crt": "c"})

    [warning] = log_messages(caplog)
    assert f"Secret shop/app, annotation '{PREFIX}other-keys': 'user.p12' cannot go to extra" in warning


@pytest.mark.parametrize("named", ["field-password", "extra-token"])
def test_invalid_url_next_to_a_token_is_ignored(read: Read, named: str) -> None:
    connection = read({"url": "grafana.example.com", "token": "t"}, {named: "token"})

    expected = {"password": "t"} if named == "field-password" else {"extra": {"token": "t"}}
    assert connection == whole(conn_type="generic", **expected)


@pytest.mark.parametrize(
    "url", ["ssh://git@h/x/y.git", "git@h:x/y.git", "git://h/x.git", "/srv/x.git", "file:///srv/x.git"]
)
@pytest.mark.parametrize("where", ["key", "annotation", "annotation that names the key"])
def test_url_of_a_git_repository(read: Read, url: str, where: str) -> None:
    data = {"url": url} | ({"type": "git"} if where == "key" else {})
    annotations = {} if where == "key" else {"connection-type": "git"}
    if where == "annotation that names the key":
        annotations["field-uri"] = "url"

    assert read(data, annotations) == whole(conn_type="git", host=url)


def test_https_url_of_a_git_repository(read: Read) -> None:
    connection = read({"type": "git", "url": "https://me:pw@h/x.git"})

    assert connection == whole(conn_type="git", host="https://h/x.git", login="me", password="pw")


def test_host_annotation_replaces_the_url_of_a_repository(read: Read) -> None:
    assert read({"type": "git", "url": "ssh://git@h/x.git"}, {"connection-host": "ssh://other/y.git"}) == whole(
        conn_type="git", host="ssh://other/y.git"
    )
