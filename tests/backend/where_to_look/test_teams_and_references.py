"""Secrets of teams, and Secrets by name, on each server and on a folder of manifests."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError, MissingSecretError
from support.logs import said
from support.places import Place
from support.secrets import CONNECTION, TEAM, VARIABLE
from support.waiting import until

NO_LABELS = {"connections_label": None, "variables_label": None, "config_label": None}


pytestmark = pytest.mark.however_fresh


class TestTeams:
    def test_a_namespace_of_its_own_is_of_nobody_else(self, place: Place, freshness: dict[str, object]) -> None:
        blue = place.other("blue")
        place.put({CONNECTION: "x"}, "http://unlabelled", namespace=blue)
        place.put({CONNECTION: "y", TEAM: "green"}, "http://green", namespace=blue)
        backend = place.make_backend(namespace=place.namespace, team_namespaces={"blue": blue}, **freshness)

        assert backend.get_conn_value("x", team_name="blue") == "http://unlabelled"
        assert backend.get_conn_value("x", team_name="green") is None
        assert backend.get_conn_value("x") is None
        # This Secret belongs to another team, although it is in this namespace.
        for team in ("blue", "green", None):
            assert backend.get_conn_value("y", team_name=team) is None

    def test_a_broken_one_is_not_replaced(self, place: Place, freshness: dict[str, object]) -> None:
        blue = place.other("blue")
        place.put({VARIABLE: "x"}, data={"other": "hunter2"}, namespace=blue, name="broken")
        place.put({VARIABLE: "x", TEAM: "blue"}, "of the team too")
        place.put({VARIABLE: "x"}, "global")
        backend = place.make_backend(namespace=place.namespace, team_namespaces={"blue": blue}, **freshness)

        with pytest.raises(MalformedSecretError, match=f"Secret {blue}/broken, key 'value'") as raised:
            backend.get_variable("x", team_name="blue")
        assert "hunter2" not in str(raised.value)
        assert backend.get_variable("x") == "global"

    def test_without_a_fallback(self, place: Place, freshness: dict[str, object]) -> None:
        place.put({VARIABLE: "x"}, "global")
        backend = place.make_backend(team_fallback="false", **freshness)

        assert backend.get_variable("x", team_name="blue") is None
        assert backend.get_variable("x") == "global"

    def test_a_namespace_makes_a_team_where_labels_do_not(self, place: Place, freshness: dict[str, object]) -> None:
        blue = place.other("blue")
        place.put({VARIABLE: "x", TEAM: "green"}, "in the namespace of blue", namespace=blue)
        place.put({VARIABLE: "x", TEAM: "blue"}, "global")
        backend = place.make_backend(
            namespace=place.namespace, team_namespaces={"blue": blue}, team_label=None, **freshness
        )

        assert backend.get_variable("x", team_name="blue") == "in the namespace of blue"
        assert backend.get_variable("x", team_name="green") == "global"
        assert backend.get_variable("x") == "global"


class TestReferences:
    @pytest.mark.parametrize("labels", [{}, NO_LABELS], ids=["labels too", "no labels"])
    def test_unlabelled_secrets_of_all_kinds(
        self, place: Place, freshness: dict[str, object], labels: dict[str, None]
    ) -> None:
        app = place.other("app")
        place.put({}, name="app-db-app", data={"host": "db", "user": "app", "password": b"\xc3\xa4"}, namespace=app)
        place.put({}, "a variable", name="settings")
        place.put({}, " an option\n", name="settings.options")
        backend = place.make_backend(
            references={
                "connections": {"my_db": f"{app}/app-db-app"},
                "variables": {"any id: ä": "settings"},
                "config": {"option": f"{place.namespace}/settings.options"},
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

    def test_a_name_alone_is_in_the_first_namespace(self, place: Place, freshness: dict[str, object]) -> None:
        place.put({}, "second", name="x", namespace=place.namespace)
        place.put({}, "first", name="x", namespace=place.other("first"))
        backend = place.make_backend(
            namespace=[place.other("first"), place.namespace], references={"variables": {"x": "x"}}, **freshness
        )

        assert backend.get_variable("x") == "first"

    def test_one_that_leads_nowhere(
        self, place: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        place.put({VARIABLE: "x"}, "must not stand in")
        place.put({}, "another namespace's", name="gone", namespace=place.other("b"))
        backend = place.make_backend(
            namespace=place.namespace, references={"variables": {"x": f"{place.namespace}/gone"}}, **freshness
        )

        for _ in range(2):
            with pytest.raises(MissingSecretError) as raised:
                backend.get_variable("x")

        folder = getattr(place, "folder", None)
        remedy = "Create it" if folder is None else f"Mount it at {folder}/secrets/gone, add a manifest of it"
        assert str(raised.value) == (
            f"'references' in backend_kwargs names Secret {place.namespace}/gone, which does not exist. {remedy}, "
            "or correct the reference"
        )
        assert len(said(caplog)) == 1
        # The remedy takes effect within cache_ttl.
        place.put({}, "here", name="gone")
        if not freshness:
            until(lambda: backend.get_variable("x") == "here")

    @pytest.mark.parametrize("broken", [{"other": "hunter2"}, {"value": b"\xffhunter2"}], ids=["no key", "not UTF-8"])
    def test_nothing_stands_in_for_one_that_cannot_be_read(
        self, place: Place, freshness: dict[str, object], broken: dict[str, str | bytes]
    ) -> None:
        place.put({VARIABLE: "x"}, "must not stand in")
        place.put({}, name="broken", data=broken)
        backend = place.make_backend(references={"variables": {"x": "broken"}}, **freshness)

        for team in (None, "blue"):
            with pytest.raises(MalformedSecretError, match=f"Secret {place.namespace}/broken, key 'value'") as raised:
                backend.get_variable("x", team_name=team)
            assert "hunter2" not in str(raised.value)

    def test_a_change_is_followed(self, place: Place, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 1}
        place.put({}, "old", name="x")
        backend = place.make_backend(references={"variables": {"x": "x"}}, **freshness)
        assert backend.get_variable("x") == "old"

        place.put({}, "new", name="x")
        until(lambda: backend.get_variable("x") == "new")
