"""What annotations say of a Secret counts before the names of its keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.process import start_anew
from airflow_kubernetes_secrets.shapes import fields_of
from airflow_kubernetes_secrets.shapes.aliases import ALIASES
from support.logs import said
from support.secrets import CONFIG, CONNECTION, VARIABLE
from support.shapes import PREFIX, Read, secret_manifest, whole
from support.work import calls

# A value for each field, and what aliases say that an annotation overrules.
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
def test_a_field_that_no_key_holds(read: Read, field: str) -> None:
    """Zalando's operator, KubeDB, RDS's master users: login and password are all there is."""
    stored, expected = FIELDS[field]

    connection = read({"username": "u", "password": "p"}, {f"connection-{field}": stored})

    assert connection == whole(**{"conn_type": "generic", "login": "u", "password": "p", **expected})


@pytest.mark.parametrize("field", ["host", "login", "port", "schema"])
def test_what_an_annotation_says_counts_before_every_key(read: Read, field: str) -> None:
    stored, expected = FIELDS[field]
    said = {"conn_type": "mysql", "host": "h", "login": "u", "password": "p", "schema": "d"}
    port = {} if field == "host" else {"port": 1}

    for data in (OTHERS, {"uri": "mysql://u:p@h:1/d"}):
        extra = {"extra": {"a": 1}} if data is OTHERS else {}
        keeps_port = {"port": 1} if data is OTHERS else port
        assert read(data, {f"connection-{field}": stored}) == whole(**{**said, **keeps_port, **extra, **expected})


@pytest.mark.parametrize("field", ["host", "login", "password", "port", "schema"])
def test_a_field_counts_before_a_uri(read: Read, field: str) -> None:
    """Before one that an annotation names too."""
    stored, expected = FIELDS[field]
    in_uri = {"conn_type": "mysql", "host": "h3", "login": "u", "password": "p", "schema": "d"}
    data = {"uri": "mysql://u:p@h3:1/d", "x": stored}
    port = {} if field == "host" else {"port": 1}

    for more in ({}, {"field-uri": "uri"}):
        assert read(data, {f"field-{field}": "x", **more}) == whole(**{**in_uri, **port, **expected})


def test_a_uri_that_an_annotation_names_counts_before_keys_that_none_does(read: Read) -> None:
    data = {"username": "admin", "password": "of admin", "uri": "mysql://h0/d0", "app": "mysql://me:pw@h/d"}

    connection = read(data, {"field-uri": "app"})

    assert connection == whole(conn_type="mysql", host="h", login="me", password="pw", schema="d")


def test_an_empty_key_that_an_annotation_names_says_nothing(read: Read) -> None:
    connection = read({"uri": "mysql://h/d", "x": " \n"}, {"field-host": "x"})

    assert connection == whole(conn_type="mysql", host="h", schema="d")


def test_the_connection_type(read: Read) -> None:
    """It is taken as it is, and counts before that of a key or a URI."""
    assert read({"host": "h", "engine": "mysql"}, {"connection-type": "redshift"}) == whole(
        conn_type="redshift", host="h"
    )
    assert read({"uri": "mysql://h"}, {"connection-type": "my_own"}) == whole(conn_type="my_own", host="h")


@pytest.mark.parametrize("data", [{}, {"ca.crt": "x", "ca.key": "y"}], ids=["no keys", "certificates"])
def test_annotations_alone_make_no_connection(read: Read, data: dict[str, str]) -> None:
    """CloudNativePG hands them on to other Secrets too, and External Secrets Operator can leave a Secret empty."""
    described = {"connection-type": "postgres", "connection-extra": '{"sslmode": "require"}', "connection-port": "1"}

    assert read(data, described) is None


def test_a_key_that_goes_to_extra_makes_one(read: Read) -> None:
    expected = whole(conn_type="slack", extra={"token": "x"})

    assert read({"token": "x"}, {"connection-type": "slack", "extra-token": "token"}) == expected
    assert read({"token": "x"}, {"connection-type": "slack", "other-keys": "extra"}) == expected


def test_a_blank_key_does_not_hide_another(read: Read) -> None:
    assert read({"host": "\n", "hostname": "h", "user": "", "username": "me"}) == whole(
        conn_type="generic", host="h", login="me"
    )


@pytest.mark.parametrize("described", [{}, {"connection-type": "postgres"}])
def test_the_address_of_a_page_is_not_that_of_a_database(read: Read, described: dict[str, str]) -> None:
    data = {"host": "h", "port": "1", "url": "https://console.example.com/db/1"}

    assert read(data, described) == whole(conn_type=described.get("connection-type", "generic"), host="h", port=1)


def test_the_address_of_a_page_where_one_is_meant(read: Read) -> None:
    data = {"host": "h", "url": "https://hooks.example.com"}
    expected = whole(conn_type="http", host="hooks.example.com", schema="https")

    assert read(data, {"connection-type": "http"}) == expected
    assert read(data, {"field-uri": "url"}) == expected
    assert read({"url": "https://hooks.example.com"}) == expected


def test_a_misspelt_annotation_is_named(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    assert read({"host": "h"}, {"conection-type": "postgres"}) == whole(conn_type="generic", host="h")

    [warning] = said(caplog)
    assert f"Secret shop/app, annotation '{PREFIX}conection-type': it is not known" in warning
    assert f"did you mean '{PREFIX}connection-type'?" in warning


def test_extra(read: Read) -> None:
    """Of what is there twice: the annotation, then a key of its own, then the key extra, then the URI."""
    data = {"uri": "mysql://h?a=1&b=1&c=1&d=1", "extra": '{"b": 2, "c": 2, "d": 2}', "x": "3"}
    annotations = {"extra-c": "x", "extra-ca.pem": "x", "connection-extra": '{"d": 4, "deep": {"e": [null]}}'}

    connection = read(data, annotations)

    extra = {"a": "1", "b": 2, "c": "3", "ca.pem": "3", "d": 4, "deep": {"e": [None]}}
    assert connection == whole(conn_type="mysql", host="h", extra=extra)


def test_other_keys_in_extra(read: Read) -> None:
    """Only what is no name of a field, taken or not, and as it is."""
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
    """What is in it is Airflow's own form."""
    data = {"AIRFLOW": "my-type://me:p%40w@h:1/d?__extra__=%7B%22a%22%3A+1%7D", "host": "other"}

    assert read(data, {"data-key": "AIRFLOW"}) == whole(
        conn_type="my_type", host="h", login="me", password="p@w", port=1, schema="d", extra={"a": 1}
    )
    assert read({"json": '{"conn_type": "x", "host": "h"}'}, {"data-key": "json"}) == whole(conn_type="x", host="h")


def test_the_data_key_of_the_options_counts_first(read: Read) -> None:
    data = {"value": "mysql://h/d", "other": "mysql://other", "host": "other"}

    for described in ({}, {"data-key": "other"}, {"field-host": "host"}):
        assert read(data, described) == whole(conn_type="mysql", host="h", schema="d")


@pytest.mark.parametrize(("label", "get"), [(VARIABLE, "get_variable"), (CONFIG, "get_config")])
def test_the_data_key_of_a_variable_or_an_option(tmp_path: Path, label: str, get: str) -> None:
    manifest = secret_manifest("shop", "app", {"API_TOKEN": "x", "other": "y"}, {"data-key": "API_TOKEN"})
    manifest["metadata"]["labels"] = {label: "token"}
    (tmp_path / "app.json").write_text(json.dumps(manifest))

    assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), get)("token") == "x"


PROBLEMS = {
    "a key that is not there": ({"field-host": "hunter2"}, "field-host", "no such key .* 'host', 'password'"),
    "an extra key that is not there": ({"extra-a": "hunter2"}, "extra-a", "no such key"),
    "a data key that is not there": ({"data-key": "hunter2"}, "data-key", "no such key"),
    "a field that does not exist": (
        {"field-user": "host"},
        "field-user",
        "no such field; there are uri, conn_type, host",
    ),
    "extra that is no JSON": ({"connection-extra": "hunter2"}, "connection-extra", "not a JSON object"),
    "extra that is no object": ({"connection-extra": '["hunter2"]'}, "connection-extra", "not a JSON object"),
    "extra of many digits": (
        {"connection-extra": '{"a": ' + "9" * 5000 + "}"},
        "connection-extra",
        "not a JSON object",
    ),
    "other keys elsewhere": ({"other-keys": "yes"}, "other-keys", "can only be 'extra'"),
    "whole and a field": ({"data-key": "host", "field-host": "host"}, "data-key", "'airflow.apache.org/field-host'"),
    "whole and a type": ({"data-key": "host", "connection-type": "x"}, "data-key", "connection-type'"),
    "whole and extra": ({"data-key": "host", "connection-extra": "{}"}, "data-key", "connection-extra'"),
    "whole and an extra field": ({"data-key": "host", "extra-a": "host"}, "data-key", "extra-a'"),
    "whole and others": ({"data-key": "host", "other-keys": "extra"}, "data-key", "other-keys'"),
    "two types": ({"connection-type": "x", "field-conn_type": "host"}, "connection-type", "field-conn_type'"),
    "two hosts": ({"connection-host": "h", "field-host": "host"}, "connection-host", "field-host'"),
    "a port in the host that is no number": ({"connection-host": "h:99999"}, "connection-host", "not a number from"),
    "a port that is no number": ({"connection-port": "hunter2"}, "connection-port", "not a number from 1 to 65535"),
    "whole and a host": ({"data-key": "host", "connection-host": "h"}, "data-key", "connection-host'"),
    "extra twice": ({"connection-extra": '{"a": 1}', "extra-a": "host"}, "extra-a", "connection-extra'"),
}


@pytest.mark.parametrize(("annotations", "named", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_used_is_named(read: Read, annotations: dict[str, str], named: str, problem: str) -> None:
    with pytest.raises(MalformedSecretError, match=problem) as raised:
        read({"host": "h", "password": "hunter2"}, annotations)

    assert str(raised.value).startswith(f"Secret shop/app, annotation '{PREFIX}{named}': ")
    assert "hunter2" not in str(raised.value)


def test_another_secret_that_can_be_read_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Instead of one whose annotations cannot be used, as long as they are in one namespace."""
    for name, described in (("a", {"field-host": "nowhere"}), ("b", {})):
        manifest = secret_manifest("shop", name, {"host": f"of-{name}"}, described)
        manifest["metadata"]["labels"] = {CONNECTION: "app"}
        (tmp_path / f"{name}.json").write_text(json.dumps(manifest))

    assert KubernetesSecretsBackend(path=str(tmp_path)).get_connection("app").host == "of-b"

    [warning] = said(caplog)
    assert f"Secret shop/a, annotation '{PREFIX}field-host'" in warning
    assert "It is passed over" in warning


class TestThousands:
    """A Secret can have as many keys and annotations as fit into 1.5 MiB, by whoever may write it."""

    def test_the_first_misspelt_annotations_are_named_and_the_others_counted(
        self, read: Read, caplog: pytest.LogCaptureFixture
    ) -> None:
        """None of the Secret's own names is suggested, however near."""
        known = {f"extra-a{number:03}": "host" for number in range(400)}
        misspelt = {f"exta-a{number:03}": "" for number in range(399)} | {"connection-typ": "x"}

        assert read({"host": "h"}, {**known, **misspelt}) is not None

        warnings = said(caplog)
        assert len(warnings) == 5
        assert warnings[0] == f"Secret shop/app, annotation '{PREFIX}exta-a000': it is not known, and says nothing"
        assert f"annotation '{PREFIX}exta-a004' and 395 more: it is not known" in warnings[4]

    @pytest.mark.parametrize(
        ("data", "annotations"),
        [
            ("host-{}", ["extra-a{}", "exta-b{}"]),
            ("host-{}", ["connection-hos{}", "connection-host{}"]),
            ("HOST{}", ["field-host{}"]),
            ("a{}", ["{}"]),
        ],
    )
    def test_the_work_grows_as_the_secret_does(self, data: str, annotations: list[str]) -> None:
        def read(count: int) -> None:
            start_anew()
            keys = {data.format(number): "aA==" for number in range(count)}
            named = {
                PREFIX + each.format(number): data.format(number) for each in annotations for number in range(count)
            }
            with suppress(MalformedSecretError):
                assert fields_of(Secret("shop", "app", "", {}, {"host": "aA==", **keys}, annotations=named)).keys

        read(100)  # What is loaded the first time.
        assert calls(lambda: read(1_000)) < 6 * calls(lambda: read(250))

    @pytest.mark.parametrize("described", [{}, {"field-host": "nowhere"}], ids=["it can be read", "it cannot"])
    def test_a_secret_in_memory_is_looked_through_once(self, tmp_path: Path, described: dict[str, str]) -> None:
        """Also where that ends with an error, which is the same each time and holds no frames of another."""
        annotations = {**described, **{f"exta-b{number}": "" for number in range(2_000)}}
        manifest = secret_manifest("shop", "app", {"host": "h", "login": "me"}, annotations)
        (tmp_path / "app.json").write_text(json.dumps(manifest))
        backend = KubernetesSecretsBackend(path=str(tmp_path))
        texts = []

        def look_up() -> None:
            try:
                texts.append(backend.get_conn_value("app"))
            except MalformedSecretError as error:
                texts.append(str(error))
                frames.append(len(list(frames_of(error))))

        frames: list[int] = []
        look_up()
        assert calls(look_up) < 1_000
        assert texts[0] == texts[1]
        assert len(set(frames)) <= 1

    def test_an_error_names_the_first_keys_and_counts_the_others(self, read: Read) -> None:
        data = {f"key-{number:04}": "x" for number in range(5_000)}

        with pytest.raises(MalformedSecretError, match=r"the keys are 'key-0000', .*'key-0009' and 4990 more$"):
            read(data, {"field-host": "nowhere"})


def frames_of(error: BaseException) -> Iterator[object]:
    step = error.__traceback__
    while step is not None:
        yield step
        step = step.tb_next
