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


def test_a_data_key_that_an_annotation_names_counts_before_that_of_the_options(read: Read) -> None:
    data = {"value": "mysql://h/d", "other": "mysql://other", "host": "third"}

    assert read(data) == whole(conn_type="mysql", host="h", schema="d")
    assert read(data, {"data-key": "other"}) == whole(conn_type="mysql", host="other", schema="")


MORE = '{"a": 3, "c": []}'
WHOLE = {
    "a URI": "mysql://me:p%40w@h:1/d?a=1",
    "JSON": json.dumps(
        {"conn_type": "mysql", "host": "h", "login": "me", "password": "p@w", "port": 1, "schema": "d"}
        | {"extra": {"a": "1"}}
    ),
    "extra as a text": '{"conn_type": "mysql", "host": "h", "login": "me", "password": "p@w", "port": "1", '
    '"schema": "d", "extra": "{\\"a\\": \\"1\\"}"}',
    "a URI in JSON": '{"uri": "mysql://me:p%40w@h:1/d?a=1"}',
    "extra in the query": "mysql://me:p%40w@h:1/d?__extra__=%7B%22a%22%3A+%221%22%7D",
}
SAID = {"conn_type": "mysql", "host": "h", "login": "me", "password": "p@w", "port": 1, "schema": "d"}
COMPLETED: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "extra": ({"connection-extra": '{"sslmode": "verify-full"}'}, {"extra": {"a": "1", "sslmode": "verify-full"}}),
    "extra that is there": ({"connection-extra": '{"a": {"b": 2}}'}, {"extra": {"a": {"b": 2}}}),
    "a type": ({"connection-type": "redshift"}, {"conn_type": "redshift"}),
    "a host": ({"connection-host": "h2"}, {"host": "h2"}),
    "a host with a port": ({"connection-host": "h2:5"}, {"host": "h2", "port": 5}),
    "a port": ({"connection-port": "2"}, {"port": 2}),
    "a schema": ({"connection-schema": "d2"}, {"schema": "d2"}),
    "a login": ({"connection-login": "you"}, {"login": "you"}),
    "a key for the password": ({"field-password": "new"}, {"password": " new\n"}),
    "a key for the host": ({"field-host": "new"}, {"host": "new"}),
    "a key for the type": ({"field-conn_type": "engine"}, {"conn_type": "postgres"}),
    "a key for the port": ({"field-port": "number"}, {"port": 7}),
    "a key for extra": ({"field-extra": "more"}, {"extra": {"a": 3, "c": []}}),
    "a key for an empty extra": ({"field-extra": "none"}, {"extra": {}}),
    "a key for extra, and more": (
        {"field-extra": "more", "connection-extra": '{"d": 1}'},
        {"extra": {"a": 3, "c": [], "d": 1}},
    ),
    "a key in extra": ({"extra-key.pem": "new"}, {"extra": {"a": "1", "key.pem": " new\n"}}),
    "keys without a name": (
        {"other-keys": "extra"},
        {"extra": {"a": "1", "new": " new\n", "number": "7", "more": MORE}},
    ),
    "a key that is blank": ({"field-host": "blank"}, {}),
}


class TestBesideAWhole:
    """Annotations complete, and overrule, what one key holds whole."""

    @pytest.mark.parametrize("data_key", ["value", "AIRFLOW"])
    @pytest.mark.parametrize("stored", WHOLE.values(), ids=WHOLE)
    @pytest.mark.parametrize(("described", "expected"), COMPLETED.values(), ids=COMPLETED)
    def test_completed(
        self, read: Read, data_key: str, stored: str, described: dict[str, str], expected: dict[str, object]
    ) -> None:
        # Those with names of fields are not read: nobody has named them.
        others = {
            "new": " new\n",
            "engine": "postgresql",
            "number": "7",
            "more": MORE,
            "none": "{}",
            "blank": " ",
            "user": "x",
        }
        named = {} if data_key == "value" else {"data-key": data_key}
        if "other-keys" in described:
            del others["blank"], others["none"]

        connection = read({data_key: stored, **others}, {**named, **described})

        assert connection == whole(**{**SAID, "extra": {"a": "1"}, **expected})

    @pytest.mark.parametrize(
        ("described", "expected"),
        [
            ({"field-password": "value", "connection-host": "h"}, {"host": "h", "password": "dapi\n"}),
            ({"extra-kube_config": "value"}, {"extra": {"kube_config": "dapi\n"}}),
        ],
    )
    def test_the_data_key_of_the_options_can_be_a_field(
        self, read: Read, described: dict[str, str], expected: dict[str, object]
    ) -> None:
        connection = read({"value": "dapi\n"}, {"connection-type": "mine", **described})

        assert connection == whole(conn_type="mine", **expected)

    def test_a_data_key_in_place_of_that_of_the_options(self, read: Read) -> None:
        data = {"value": "dapi", "AIRFLOW": "mysql://h"}

        connection = read(data, {"data-key": "AIRFLOW", "extra-token": "value"})

        assert connection == whole(conn_type="mysql", host="h", schema="", extra={"token": "dapi"})

    @pytest.mark.parametrize("described", [{}, {"connection-extra": "{}"}, {"connection-id": "app"}, {"unknown": "x"}])
    def test_what_says_nothing_leaves_it_as_it_is(self, tmp_path: Path, described: dict[str, str]) -> None:
        stored = " mysql://h:1/?a=1 "
        (tmp_path / "app.json").write_text(json.dumps(secret_manifest("shop", "app", {"value": stored}, described)))

        assert KubernetesSecretsBackend(path=str(tmp_path)).get_conn_value("app") == stored

    def test_what_only_an_annotation_mends_is_no_problem(self, read: Read, caplog: pytest.LogCaptureFixture) -> None:
        """A part of Airflow loses a connection without a type."""
        described = {"connection-type": "x"}

        assert read({"value": '{"host": "h"}'}, described) == whole(conn_type="x", host="h")
        assert said(caplog) == []

    def test_extra_that_nothing_can_be_added_to(self, read: Read) -> None:
        stored = '{"conn_type": "x", "host": "h", "extra": "hunter2"}'

        with pytest.raises(MalformedSecretError, match=r"key 'value': .*not a JSON object.*cannot add") as raised:
            read({"value": stored}, {"connection-extra": '{"a": 1}'})

        assert "hunter2" not in str(raised.value)

    @pytest.mark.parametrize(
        ("field", "wrong", "described", "expected"),
        [
            ("port", "abc", {"connection-port": "5"}, {"port": 5}),
            ("password", 12345, {"field-password": "new"}, {"password": "new"}),
            ("host", ["h"], {"connection-host": "h"}, {"host": "h"}),
            ("extra", "no JSON", {"field-extra": "more"}, {"extra": {"a": 3, "c": []}}),
            ("conn_type", 5, {"connection-type": "x"}, {"conn_type": "x"}),
        ],
    )
    def test_an_annotation_takes_the_place_of_what_airflow_cannot_use(
        self, read: Read, field: str, wrong: object, described: dict[str, str], expected: dict[str, object]
    ) -> None:
        stored = json.dumps({"conn_type": "x", field: wrong})

        assert read({"value": stored, "new": "new", "more": MORE}, described) == whole(**{"conn_type": "x", **expected})

    def test_an_annotation_that_is_a_label_too(self, tmp_path: Path) -> None:
        manifest = secret_manifest("shop", "app", {"value": "mysql://h", "ro": "mysql://h2"}, {"data-key": "ro"})
        manifest["metadata"]["labels"][f"{PREFIX}data-key"] = "ro"
        (tmp_path / "app.json").write_text(json.dumps(manifest))

        assert KubernetesSecretsBackend(path=str(tmp_path)).get_conn_value("app") == "mysql://h2"

    def test_a_key_that_is_named_counts_before_one_of_that_name(self, read: Read) -> None:
        data = {"value": "mysql://h", "good": "G", "token": "T"}

        connection = read(data, {"extra-token": "good", "other-keys": "extra"})

        assert connection == whole(conn_type="mysql", host="h", schema="", extra={"token": "G"})

    @pytest.mark.parametrize("stored", ["hunter2", '{"conn_type": "x", "password": 5}'])
    def test_a_whole_that_cannot_be_used(self, read: Read, stored: str) -> None:
        with pytest.raises(MalformedSecretError, match="key 'value': the connection"):
            read({"value": stored}, {"connection-host": "h"})


@pytest.mark.parametrize(("label", "get"), [(VARIABLE, "get_variable"), (CONFIG, "get_config")])
def test_the_data_key_of_a_variable_or_an_option(tmp_path: Path, label: str, get: str) -> None:
    manifest = secret_manifest("shop", "app", {"API_TOKEN": "x", "other": "y"}, {"data-key": "API_TOKEN"})
    manifest["metadata"]["labels"] = {label: "token"}
    (tmp_path / "app.json").write_text(json.dumps(manifest))

    assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), get)("token") == "x"


@pytest.mark.parametrize(("label", "get"), [(VARIABLE, "get_variable"), (CONFIG, "get_config")])
def test_what_is_said_of_a_connection_does_not_concern_a_value(tmp_path: Path, label: str, get: str) -> None:
    """One Secret can be both; what is wrong with the connection loses no variable."""
    described = {"field-host": "nowhere", "connection-extra": "no JSON"}
    manifest = secret_manifest("shop", "app", {"value": "x", "other": "y"}, described)
    manifest["metadata"]["labels"] = {label: "token"}
    (tmp_path / "app.json").write_text(json.dumps(manifest))

    assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), get)("token") == "x"

    manifest["metadata"]["annotations"][f"{PREFIX}data-key"] = "other"
    (tmp_path / "app.json").write_text(json.dumps(manifest))
    assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), get)("token") == "y"


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
    "whole, and a field": ({"data-key": "host", "field-host": "host"}, "field-host", "'airflow.apache.org/data-key'"),
    "whole, and in extra": ({"data-key": "host", "extra-a": "host"}, "extra-a", "'airflow.apache.org/data-key'"),
    "whole, and a URI": ({"data-key": "host", "field-uri": "password"}, "field-uri", "'host' contains the whole"),
    "two types": ({"connection-type": "x", "field-conn_type": "host"}, "connection-type", "field-conn_type'"),
    "two hosts": ({"connection-host": "h", "field-host": "host"}, "connection-host", "field-host'"),
    "a port in the host that is no number": ({"connection-host": "h:99999"}, "connection-host", "not a number from"),
    "a port that is no number": ({"connection-port": "hunter2"}, "connection-port", "not a number from 1 to 65535"),
    "extra twice": ({"connection-extra": '{"a": 1}', "extra-a": "host"}, "extra-a", "connection-extra'"),
}


# Beside the data key of the options.
BESIDE_A_WHOLE = {
    "a URI": ({"field-uri": "uri"}, f"annotation '{PREFIX}field-uri': ", "'value' contains the whole connection"),
    "a key that is not there": ({"field-host": "x"}, f"annotation '{PREFIX}field-host': ", "no such key"),
    "no JSON": ({"connection-extra": "hunter2"}, f"annotation '{PREFIX}connection-extra': ", "not a JSON object"),
    "a port": ({"connection-port": "0"}, f"annotation '{PREFIX}connection-port': ", "not a number from 1"),
    "a key with a port": ({"field-port": "port"}, "key 'port': ", "not a number from 1"),
    "a key with extra": ({"field-extra": "port"}, "key 'port': ", "not a JSON object"),
    "a field there is not": ({"field-hots": "uri"}, f"annotation '{PREFIX}field-hots': ", "no such field"),
    "two hosts": ({"field-host": "uri", "connection-host": "h"}, f"annotation '{PREFIX}connection-host", "Leave one"),
}


@pytest.mark.parametrize(("annotations", "named", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_used_is_named(read: Read, annotations: dict[str, str], named: str, problem: str) -> None:
    with pytest.raises(MalformedSecretError, match=problem) as raised:
        read({"host": "h", "password": "hunter2"}, annotations)

    assert str(raised.value).startswith(f"Secret shop/app, annotation '{PREFIX}{named}': ")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(("annotations", "named", "problem"), BESIDE_A_WHOLE.values(), ids=BESIDE_A_WHOLE)
def test_what_cannot_be_used_beside_a_whole(read: Read, annotations: dict[str, str], named: str, problem: str) -> None:
    with pytest.raises(MalformedSecretError, match=problem) as raised:
        read({"value": "mysql://me:hunter2@h", "uri": "mysql://h2", "port": "hunter2"}, annotations)

    assert str(raised.value).startswith(f"Secret shop/app, {named}")
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
