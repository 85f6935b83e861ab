"""Bundles: every key is an id with its value, on each server and on a folder of manifests."""

from __future__ import annotations

import asyncio

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.bundles import URI, backend_of, put_bundle
from support.logs import log_messages
from support.manifest_sources import ManifestSource
from support.waiting import until

pytestmark = pytest.mark.however_fresh


class TestIds:
    def test_every_key_is_an_id(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        json = '{"conn_type": "http", "host": "api.example.com", "password": "hunter2"}'
        put_bundle(any_source, "connections", {"my_db": URI, "my.api": json}, name="c")
        put_bundle(any_source, "variables", {"greeting": " hello\n", "empty": "", "my_db": "a variable"}, name="v")
        put_bundle(any_source, "config", {"airflow-db": " postgresql://airflow@db/airflow\n"}, name="o")
        backend = backend_of(any_source, freshness)

        for _ in range(2):
            assert backend.get_conn_value("my_db") == URI
            connection = backend.get_connection("my_db")
            assert (connection.host, connection.password, connection.port) == ("db.example.com", "p@ss", 5432)
            assert backend.get_conn_value("my.api") == json
            assert asyncio.run(backend.aget_connection("my.api")).password == "hunter2"
            assert backend.get_variable("greeting") == " hello\n"
            assert backend.get_variable("empty") == ""
            assert backend.get_variable("my_db") == "a variable"
            assert backend.get_config("airflow-db") == "postgresql://airflow@db/airflow"
        assert backend.get_conn_value("greeting") is None
        assert backend.get_conn_value("MY_DB") is None
        assert backend.get_variable("my.api") is None
        assert backend.get_config("my_db") is None

    def test_names_of_environment_variables(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        """The case of the id does not matter, because Airflow derives the name from it in capitals."""
        put_bundle(
            any_source, "connections", {"AIRFLOW_CONN_MY_DB": URI, "AIRFLOW_CONN_A-B.C": "http://dots"}, name="c"
        )
        put_bundle(any_source, "variables", {"AIRFLOW_VAR_GREETING": "hello"}, name="v")
        put_bundle(
            any_source,
            "config",
            {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://db", "AIRFLOW__MY_SECTION__A__B": "with a dot"},
            name="o",
        )
        backend = backend_of(any_source, freshness)

        for identifier in ("my_db", "MY_DB", "My_Db"):
            assert backend.get_conn_value(identifier) == URI
        assert backend.get_conn_value("a-b.c") == "http://dots"
        assert backend.get_variable("greeting") == backend.get_variable("Greeting") == "hello"
        assert backend.get_config("database/sql_alchemy_conn") == "postgresql://db"
        assert backend.get_config("my.section/a__b") == "with a dot"
        assert backend.get_config("sql_alchemy_conn") is None
        assert backend.get_conn_value("my-db") is None
        assert backend.get_variable("my_db") is None

    @pytest.mark.parametrize(
        "key",
        [
            "AIRFLOW_CONN_x",
            "airflow_conn_X",
            "AIRFLOW_VAR_X",
            "AIRFLOW__X__Y",
            "AIRFLOW_CONN_",
            "AIRFLOW_CONN__SALES___X",
        ],
    )
    def test_names_that_airflow_does_not_derive(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture, key: str
    ) -> None:
        """The name for a team is not derived, because the team of a bundle is in its label."""
        put_bundle(any_source, "connections", {key: "http://wrong", "other": "http://other"})
        backend = backend_of(any_source, freshness)

        for identifier in ("x", "X", "x/y", "", "_sales___x", "_SALES___X"):
            assert backend.get_conn_value(identifier) is None
        assert backend.get_conn_value("other") == "http://other"
        assert log_messages(caplog) == []

    def test_lookup_pattern_and_null_label_exclude_keys_of_bundles(
        self, any_source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        put_bundle(any_source, "variables", {"a_x": "one", "b_x": "two"}, name="v")
        put_bundle(any_source, "connections", {"a_x": URI}, name="c")
        backend = backend_of(any_source, freshness, variables_lookup_pattern="a_", connections_label=None)

        assert (backend.get_variable("a_x"), backend.get_variable("b_x")) == ("one", None)
        assert backend.get_conn_value("a_x") is None


class TestValues:
    def test_invalid_value_does_not_affect_other_keys(
        self, any_source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        data: dict[str, str | bytes] = {"bytes": b"\xff\xfehunter2", "blank": " ", "AIRFLOW_CONN_TEXT": "hunter2"}
        put_bundle(any_source, "connections", {**data, "good": URI}, name="c")
        put_bundle(any_source, "config", {"blank": " ", "good": "option"}, name="o")
        backend = backend_of(any_source, freshness)

        for _ in range(2):
            for identifier, key in (("bytes", "bytes"), ("blank", "blank"), ("text", "AIRFLOW_CONN_TEXT")):
                with pytest.raises(
                    MalformedSecretError, match=f"Secret {any_source.namespace}/c, key '{key}'"
                ) as raised:
                    backend.get_connection(identifier)
                assert "hunter2" not in str(raised.value)
            with pytest.raises(MalformedSecretError, match="/o, key 'blank': the configuration option is blank"):
                backend.get_config("blank")
            assert backend.get_conn_value("good") == URI
            assert backend.get_config("good") == "option"

    def test_changes_take_effect(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 2}
        put_bundle(any_source, "variables", {"x": "one", "y": "y"})
        backend = backend_of(any_source, freshness)
        assert backend.get_variable("x") == "one"

        put_bundle(any_source, "variables", {"x": "two", "y": "y"})
        until(lambda: backend.get_variable("x") == "two")
        put_bundle(any_source, "variables", {"AIRFLOW_VAR_X": "three", "y": "y"})
        until(lambda: backend.get_variable("x") == "three")
        put_bundle(any_source, "connections", {"x": URI})
        until(lambda: backend.get_variable("x") is None)
        assert backend.get_variable("y") is None
        until(lambda: backend.get_conn_value("x") == URI)
        any_source.delete("bundle")
        until(lambda: backend.get_conn_value("x") is None)

    def test_a_large_bundle(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        data: dict[str, str | bytes] = {f"key-{number}": "v" * 400 for number in range(2000)}
        put_bundle(any_source, "variables", {**data, "last": "found"})
        backend = backend_of(any_source, freshness, timeout=20)

        assert [backend.get_variable(each) for each in ("last", "key-1999", "key-2000")] == ["found", "v" * 400, None]
