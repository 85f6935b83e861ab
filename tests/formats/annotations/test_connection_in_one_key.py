"""Annotations of a connection in one key, and annotations that name the data key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.connection_secrets import PREFIX, Read, secret_manifest, whole
from support.logs import log_messages
from support.secrets import CONFIG, VARIABLE

MORE = '{"a": 3, "c": []}'
WHOLE = {
    "a URI": "mysql://me:p%40w@h:1/d?a=1",
    "JSON": json.dumps(
        {"conn_type": "mysql", "host": "h", "login": "me", "password": "p@w", "port": 1, "schema": "d"}
        | {"extra": {"a": "1"}}
    ),
    "extra as a string": '{"conn_type": "mysql", "host": "h", "login": "me", "password": "p@w", "port": "1", '
    '"schema": "d", "extra": "{\\"a\\": \\"1\\"}"}',
    "a URI in JSON": '{"uri": "mysql://me:p%40w@h:1/d?a=1"}',
    "extra in the query": "mysql://me:p%40w@h:1/d?__extra__=%7B%22a%22%3A+%221%22%7D",
}
STORED_PARTS = {"conn_type": "mysql", "host": "h", "login": "me", "password": "p@w", "port": 1, "schema": "d"}
COMPLETED: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "extra": ({"connection-extra": '{"sslmode": "verify-full"}'}, {"extra": {"a": "1", "sslmode": "verify-full"}}),
    "extra with an existing entry": ({"connection-extra": '{"a": {"b": 2}}'}, {"extra": {"a": {"b": 2}}}),
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


class TestConnectionInOneKey:
    """Annotations complete and override a connection in one key."""

    @pytest.mark.parametrize("data_key", ["value", "AIRFLOW"])
    @pytest.mark.parametrize("stored", WHOLE.values(), ids=WHOLE)
    @pytest.mark.parametrize(("annotations", "expected"), COMPLETED.values(), ids=COMPLETED)
    def test_completed(
        self, read: Read, data_key: str, stored: str, annotations: dict[str, str], expected: dict[str, object]
    ) -> None:
        # Keys with names of fields are not read, because no annotation names them.
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
        if "other-keys" in annotations:
            del others["blank"], others["none"]

        connection = read({data_key: stored, **others}, {**named, **annotations})

        assert connection == whole(**{**STORED_PARTS, "extra": {"a": "1"}, **expected})

    @pytest.mark.parametrize(
        ("annotations", "expected"),
        [
            ({"field-password": "value", "connection-host": "h"}, {"host": "h", "password": "dapi\n"}),
            ({"extra-kube_config": "value"}, {"extra": {"kube_config": "dapi\n"}}),
        ],
    )
    def test_the_data_key_of_the_options_can_be_a_field(
        self, read: Read, annotations: dict[str, str], expected: dict[str, object]
    ) -> None:
        connection = read({"value": "dapi\n"}, {"connection-type": "mine", **annotations})

        assert connection == whole(conn_type="mine", **expected)

    def test_annotation_replaces_the_data_key_of_the_options(self, read: Read) -> None:
        data = {"value": "dapi", "AIRFLOW": "mysql://h"}

        connection = read(data, {"data-key": "AIRFLOW", "extra-token": "value"})

        assert connection == whole(conn_type="mysql", host="h", schema="", extra={"token": "dapi"})

    @pytest.mark.parametrize(
        "annotations", [{}, {"connection-extra": "{}"}, {"connection-id": "app"}, {"unknown": "x"}]
    )
    def test_annotations_without_effect_leave_the_value_unchanged(
        self, tmp_path: Path, annotations: dict[str, str]
    ) -> None:
        stored = " mysql://h:1/?a=1 "
        (tmp_path / "app.json").write_text(json.dumps(secret_manifest("shop", "app", {"value": stored}, annotations)))

        assert KubernetesSecretsBackend(path=str(tmp_path)).get_conn_value("app") == stored

    def test_missing_type_that_an_annotation_adds_is_not_reported(
        self, read: Read, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A part of Airflow loses a connection without a type."""
        annotations = {"connection-type": "x"}

        assert read({"value": '{"host": "h"}'}, annotations) == whole(conn_type="x", host="h")
        assert log_messages(caplog) == []

    def test_extra_that_is_not_an_object_cannot_be_completed(self, read: Read) -> None:
        stored = '{"conn_type": "x", "host": "h", "extra": "hunter2"}'

        with pytest.raises(MalformedSecretError, match=r"key 'value': .*not a JSON object.*cannot add") as raised:
            read({"value": stored}, {"connection-extra": '{"a": 1}'})

        assert "hunter2" not in str(raised.value)

    @pytest.mark.parametrize(
        ("field", "wrong", "annotations", "expected"),
        [
            ("port", "abc", {"connection-port": "5"}, {"port": 5}),
            ("password", 12345, {"field-password": "new"}, {"password": "new"}),
            ("host", ["h"], {"connection-host": "h"}, {"host": "h"}),
            ("extra", "no JSON", {"field-extra": "more"}, {"extra": {"a": 3, "c": []}}),
            ("conn_type", 5, {"connection-type": "x"}, {"conn_type": "x"}),
        ],
    )
    def test_annotation_replaces_an_invalid_field(
        self, read: Read, field: str, wrong: object, annotations: dict[str, str], expected: dict[str, object]
    ) -> None:
        stored = json.dumps({"conn_type": "x", field: wrong})

        assert read({"value": stored, "new": "new", "more": MORE}, annotations) == whole(
            **{"conn_type": "x", **expected}
        )

    def test_annotation_with_the_same_key_as_a_label(self, tmp_path: Path) -> None:
        manifest = secret_manifest("shop", "app", {"value": "mysql://h", "ro": "mysql://h2"}, {"data-key": "ro"})
        manifest["metadata"]["labels"][f"{PREFIX}data-key"] = "ro"
        (tmp_path / "app.json").write_text(json.dumps(manifest))

        assert KubernetesSecretsBackend(path=str(tmp_path)).get_conn_value("app") == "mysql://h2"

    def test_key_named_by_an_annotation_precedes_a_key_of_that_name(self, read: Read) -> None:
        data = {"value": "mysql://h", "good": "G", "token": "T"}

        connection = read(data, {"extra-token": "good", "other-keys": "extra"})

        assert connection == whole(conn_type="mysql", host="h", schema="", extra={"token": "G"})

    @pytest.mark.parametrize("stored", ["hunter2", '{"conn_type": "x", "password": 5}'])
    def test_invalid_connection_in_one_key(self, read: Read, stored: str) -> None:
        with pytest.raises(MalformedSecretError, match="key 'value': the connection"):
            read({"value": stored}, {"connection-host": "h"})


@pytest.mark.parametrize(("label", "get"), [(VARIABLE, "get_variable"), (CONFIG, "get_config")])
def test_the_data_key_of_a_variable_or_an_option(tmp_path: Path, label: str, get: str) -> None:
    manifest = secret_manifest("shop", "app", {"API_TOKEN": "x", "other": "y"}, {"data-key": "API_TOKEN"})
    manifest["metadata"]["labels"] = {label: "token"}
    (tmp_path / "app.json").write_text(json.dumps(manifest))

    assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), get)("token") == "x"


@pytest.mark.parametrize(("label", "get"), [(VARIABLE, "get_variable"), (CONFIG, "get_config")])
def test_connection_annotations_do_not_affect_variables_and_options(tmp_path: Path, label: str, get: str) -> None:
    """One Secret can be both. A problem of the connection does not affect the variable."""
    annotations = {"field-host": "nowhere", "connection-extra": "no JSON"}
    manifest = secret_manifest("shop", "app", {"value": "x", "other": "y"}, annotations)
    manifest["metadata"]["labels"] = {label: "token"}
    (tmp_path / "app.json").write_text(json.dumps(manifest))

    assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), get)("token") == "x"

    manifest["metadata"]["annotations"][f"{PREFIX}data-key"] = "other"
    (tmp_path / "app.json").write_text(json.dumps(manifest))
    assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), get)("token") == "y"
