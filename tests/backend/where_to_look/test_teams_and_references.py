"""Secrets of teams, and Secrets by name, on each server and on a folder of manifests."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError, MissingSecretError
from support.logs import log_messages
from support.manifest_sources import ManifestSource
from support.secrets import CONNECTION, TEAM, VARIABLE
from support.waiting import until

NO_LABELS = {"connections_label": None, "variables_label": None, "config_label": None}


pytestmark = pytest.mark.however_fresh


class TestTeams:
    def test_namespace_of_a_team_is_used_only_for_that_team(
        self, source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        blue = source.other("blue")
        source.put({CONNECTION: "x"}, "http://unlabelled", namespace=blue)
        source.put({CONNECTION: "y", TEAM: "green"}, "http://green", namespace=blue)
        backend = source.make_backend(namespace=source.namespace, team_namespaces={"blue": blue}, **freshness)

        assert backend.get_conn_value("x", team_name="blue") == "http://unlabelled"
        assert backend.get_conn_value("x", team_name="green") is None
        assert backend.get_conn_value("x") is None
        # This Secret belongs to another team, although it is in this namespace.
        for team in ("blue", "green", None):
            assert backend.get_conn_value("y", team_name=team) is None

    def test_unusable_secret_of_the_team_has_no_fallback(
        self, source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        blue = source.other("blue")
        source.put({VARIABLE: "x"}, data={"other": "hunter2"}, namespace=blue, name="broken")
        source.put({VARIABLE: "x", TEAM: "blue"}, "of the team too")
        source.put({VARIABLE: "x"}, "global")
        backend = source.make_backend(namespace=source.namespace, team_namespaces={"blue": blue}, **freshness)

        with pytest.raises(MalformedSecretError, match=f"Secret {blue}/broken, key 'value'") as raised:
            backend.get_variable("x", team_name="blue")
        assert "hunter2" not in str(raised.value)
        assert backend.get_variable("x") == "global"

    def test_without_a_fallback(self, source: ManifestSource, freshness: dict[str, object]) -> None:
        source.put({VARIABLE: "x"}, "global")
        backend = source.make_backend(team_fallback="false", **freshness)

        assert backend.get_variable("x", team_name="blue") is None
        assert backend.get_variable("x") == "global"

    def test_namespace_of_a_team_without_team_labels(
        self, source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        blue = source.other("blue")
        source.put({VARIABLE: "x", TEAM: "green"}, "in the namespace of blue", namespace=blue)
        source.put({VARIABLE: "x", TEAM: "blue"}, "global")
        backend = source.make_backend(
            namespace=source.namespace, team_namespaces={"blue": blue}, team_label=None, **freshness
        )

        assert backend.get_variable("x", team_name="blue") == "in the namespace of blue"
        assert backend.get_variable("x", team_name="green") == "global"
        assert backend.get_variable("x") == "global"


class TestReferences:
    @pytest.mark.parametrize("labels", [{}, NO_LABELS], ids=["labels too", "no labels"])
    def test_unlabelled_secrets_of_all_kinds(
        self, source: ManifestSource, freshness: dict[str, object], labels: dict[str, None]
    ) -> None:
        app = source.other("app")
        source.put({}, name="app-db-app", data={"host": "db", "user": "app", "password": b"\xc3\xa4"}, namespace=app)
        source.put({}, "a variable", name="settings")
        source.put({}, " an option\n", name="settings.options")
        backend = source.make_backend(
            references={
                "connections": {"my_db": f"{app}/app-db-app"},
                "variables": {"any id: ä": "settings"},
                "config": {"option": f"{source.namespace}/settings.options"},
            },
            **labels,
            **freshness,
        )

        for _ in range(2):
            connection = backend.get_connection("my_db")
            assert (connection.host, connection.login, connection.password) == ("db", "app", "ä")
            assert backend.get_variable("any id: ä") == "a variable"
            assert backend.get_config("option") == "an option"
        # A reference applies to one kind only.
        assert backend.get_variable("my_db") is None
        assert backend.get_conn_value("option") is None

    def test_reference_without_a_namespace_uses_the_first_namespace(
        self, source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        source.put({}, "second", name="x", namespace=source.namespace)
        source.put({}, "first", name="x", namespace=source.other("first"))
        backend = source.make_backend(
            namespace=[source.other("first"), source.namespace], references={"variables": {"x": "x"}}, **freshness
        )

        assert backend.get_variable("x") == "first"

    def test_reference_to_a_missing_secret(
        self, source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        source.put({VARIABLE: "x"}, "must not stand in")
        source.put({}, "another namespace's", name="gone", namespace=source.other("b"))
        backend = source.make_backend(
            namespace=source.namespace, references={"variables": {"x": f"{source.namespace}/gone"}}, **freshness
        )

        for _ in range(2):
            with pytest.raises(MissingSecretError) as raised:
                backend.get_variable("x")

        folder = getattr(source, "folder", None)
        remedy = "Create it" if folder is None else f"Mount it at {folder}/secrets/gone, add a manifest of it"
        assert str(raised.value) == (
            f"'references' in backend_kwargs names Secret {source.namespace}/gone, which does not exist. {remedy}, "
            "or correct the reference"
        )
        assert len(log_messages(caplog)) == 1
        # The remedy takes effect within cache_ttl.
        source.put({}, "here", name="gone")
        if not freshness:
            until(lambda: backend.get_variable("x") == "here")

    @pytest.mark.parametrize("broken", [{"other": "hunter2"}, {"value": b"\xffhunter2"}], ids=["no key", "not UTF-8"])
    def test_unusable_secret_of_a_reference_has_no_fallback(
        self, source: ManifestSource, freshness: dict[str, object], broken: dict[str, str | bytes]
    ) -> None:
        source.put({VARIABLE: "x"}, "must not stand in")
        source.put({}, name="broken", data=broken)
        backend = source.make_backend(references={"variables": {"x": "broken"}}, **freshness)

        for team in (None, "blue"):
            with pytest.raises(MalformedSecretError, match=f"Secret {source.namespace}/broken, key 'value'") as raised:
                backend.get_variable("x", team_name=team)
            assert "hunter2" not in str(raised.value)

    def test_change_takes_effect(self, source: ManifestSource, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 1}
        source.put({}, "old", name="x")
        backend = source.make_backend(references={"variables": {"x": "x"}}, **freshness)
        assert backend.get_variable("x") == "old"

        source.put({}, "new", name="x")
        until(lambda: backend.get_variable("x") == "new")
