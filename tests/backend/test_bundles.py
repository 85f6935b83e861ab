"""Bundles: Secrets in which every key is an id, with the same tests on each server and on a folder of manifests."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiUnavailableError, MalformedSecretError
from airflow_kubernetes_secrets.formats import values
from airflow_kubernetes_secrets.formats.usability import Objection
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from support.logs import said
from support.places import Place
from support.proxy import Proxy
from support.secrets import BUNDLE, CONFIG, CONNECTION, TEAM, VARIABLE, MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until

pytestmark = pytest.mark.however_fresh

URI = "postgres://user:p%40ss@db.example.com:5432/app"


def put_bundle(
    place: Place,
    kind: str,
    data: dict[str, str | bytes],
    *,
    name: str = "bundle",
    namespace: str | None = None,
    labels: dict[str, str] | None = None,
) -> None:
    """Create or replace a bundle."""
    place.put({BUNDLE: kind, **(labels or {})}, name=name, namespace=namespace, data=data)


def backend_of(place: Place, freshness: dict[str, object], **options: object) -> KubernetesSecretsBackend:
    """Return a backend that reads bundles."""
    return place.make_backend(bundles=True, **freshness, **options)


class TestIds:
    def test_every_key_is_an_id(self, anywhere: Place, freshness: dict[str, object]) -> None:
        json = '{"conn_type": "http", "host": "api.example.com", "password": "hunter2"}'
        put_bundle(anywhere, "connections", {"my_db": URI, "my.api": json}, name="c")
        put_bundle(anywhere, "variables", {"greeting": " hello\n", "empty": "", "my_db": "a variable"}, name="v")
        put_bundle(anywhere, "config", {"airflow-db": " postgresql://airflow@db/airflow\n"}, name="o")
        backend = backend_of(anywhere, freshness)

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

    def test_names_of_environment_variables(self, anywhere: Place, freshness: dict[str, object]) -> None:
        """The case of the id does not matter, because Airflow derives the name from it in capitals."""
        put_bundle(anywhere, "connections", {"AIRFLOW_CONN_MY_DB": URI, "AIRFLOW_CONN_A-B.C": "http://dots"}, name="c")
        put_bundle(anywhere, "variables", {"AIRFLOW_VAR_GREETING": "hello"}, name="v")
        put_bundle(
            anywhere,
            "config",
            {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://db", "AIRFLOW__MY_SECTION__A__B": "with a dot"},
            name="o",
        )
        backend = backend_of(anywhere, freshness)

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
        self, anywhere: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture, key: str
    ) -> None:
        """The name for a team is not derived, because the team of a bundle is in its label."""
        put_bundle(anywhere, "connections", {key: "http://wrong", "other": "http://other"})
        backend = backend_of(anywhere, freshness)

        for identifier in ("x", "X", "x/y", "", "_sales___x", "_SALES___X"):
            assert backend.get_conn_value(identifier) is None
        assert backend.get_conn_value("other") == "http://other"
        assert said(caplog) == []

    def test_a_pattern_and_a_null_label_exclude_them(self, anywhere: Place, freshness: dict[str, object]) -> None:
        put_bundle(anywhere, "variables", {"a_x": "one", "b_x": "two"}, name="v")
        put_bundle(anywhere, "connections", {"a_x": URI}, name="c")
        backend = backend_of(anywhere, freshness, variables_lookup_pattern="a_", connections_label=None)

        assert (backend.get_variable("a_x"), backend.get_variable("b_x")) == ("one", None)
        assert backend.get_conn_value("a_x") is None


class TestSelection:
    def test_the_option_is_off_by_default(self, anywhere: Place, freshness: dict[str, object]) -> None:
        put_bundle(anywhere, "variables", {"x": "found"})
        backend = anywhere.make_backend(**freshness)

        assert backend.get_variable("x") is None
        assert not [each for each in anywhere.requests if BUNDLE in each.target]

    def test_a_secret_of_its_own_is_used_first(self, anywhere: Place, freshness: dict[str, object]) -> None:
        """This holds across namespaces: switching the option on does not change an id that has a Secret of its own."""
        second = anywhere.other("second")
        put_bundle(anywhere, "variables", {"here": "bundle", "there": "bundle", "bundled": "bundle"})
        anywhere.put({VARIABLE: "here"}, "own")
        anywhere.put({VARIABLE: "there"}, "own", namespace=second)
        put_bundle(anywhere, "variables", {"bundled": "second", "second": "second"}, namespace=second)
        backend = backend_of(anywhere, freshness, namespace=[anywhere.namespace, second])

        found = [backend.get_variable(each) for each in ("here", "there", "bundled", "second", "neither")]

        assert found == ["own", "own", "bundle", "second", None]

    def test_the_oldest_of_several_bundles_is_used(
        self, anywhere: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        put_bundle(anywhere, "variables", {"x": "a", "AIRFLOW_VAR_X": "a, derived", "y": "y"}, name="a")
        put_bundle(anywhere, "variables", {"x": "b", "z": "z"}, name="b")
        backend = backend_of(anywhere, freshness)

        for _ in range(2):
            assert [backend.get_variable(each) for each in ("x", "y", "z")] == ["a", "y", "z"]

        [warning] = said(caplog)
        space = anywhere.namespace
        assert warning == (
            f"variable 'x': 3 keys of bundles match; the first by age and name is used: {space}/a, key 'x'. Not used: "
            f"{space}/a, key 'AIRFLOW_VAR_X', {space}/b, key 'x'. Remove the keys that should not match"
        )

    def test_of_several_own_secrets_the_warning_names_their_query(
        self, anywhere: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A lookup for a team searches the bundles of the team after the first query."""
        for name in ("a", "b"):
            anywhere.put({VARIABLE: "x"}, name, name=name)

        assert backend_of(anywhere, freshness, team_label=TEAM).get_variable("x", team_name="blue") == "a"

        [warning] = said(caplog)
        assert f"2 Secrets match {VARIABLE}=x; " in warning

    def test_an_own_secret_that_cannot_be_read(
        self, anywhere: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        """As in several namespaces: without the key it is skipped, and an invalid annotation ends the search."""
        put_bundle(anywhere, "variables", {"x": "bundle", "y": "bundle"})
        anywhere.put({VARIABLE: "x"}, data={"other": "hunter2"}, name="broken")
        wrong = {"airflow.apache.org/data-key": "missing"}
        anywhere.put({VARIABLE: "y"}, data={"other": "hunter2"}, name="wrong", annotations=wrong)
        backend = backend_of(anywhere, freshness)

        assert backend.get_variable("x") == "bundle"
        assert "/broken, key 'value': there is no such key in its data" in said(caplog)[0]
        with pytest.raises(MalformedSecretError, match=r"/wrong, annotation 'airflow\.apache\.org/data-key'"):
            backend.get_variable("y")

    def test_a_secret_with_an_id_is_no_bundle(
        self, anywhere: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its keys are the fields of one connection, and must not become connections."""
        fields: dict[str, str | bytes] = {"host": "db", "password": "http://hunter2", "x": "http://x"}
        put_bundle(anywhere, "connections", fields, labels={CONNECTION: "my_db"})
        put_bundle(anywhere, "connections", {"x": URI}, name="real")
        backend = backend_of(anywhere, freshness)

        assert backend.get_connection("my_db").host == "db"
        assert backend.get_conn_value("x") == URI
        assert backend.get_conn_value("password") is None

        space = anywhere.namespace
        problem = (
            f"Secret {space}/bundle, label '{BUNDLE}': the Secret also has the label '{CONNECTION}' of one id, so its "
            "keys are no ids. Remove one of the labels. It is skipped"
        )
        assert said(caplog) == [f"connection 'x': {problem}"]

    def test_an_unknown_kind_of_bundle_has_no_ids(
        self, anywhere: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        put_bundle(anywhere, "connection", {"x": URI}, name="a")
        put_bundle(anywhere, "Variables", {"x": "found"}, name="b")
        put_bundle(anywhere, "variables", {}, name="c")
        backend = backend_of(anywhere, freshness)

        assert (backend.get_conn_value("x"), backend.get_variable("x"), backend.get_config("x")) == (None, None, None)
        assert said(caplog) == []

    def test_annotations_of_a_bundle_have_no_effect(self, anywhere: Place, freshness: dict[str, object]) -> None:
        prefix = "airflow.apache.org/"
        annotations = {f"{prefix}connection-type": "mysql", f"{prefix}data-key": "missing", f"{prefix}extra-a": "b"}
        anywhere.put({BUNDLE: "connections"}, data={"x": URI, "value": "http://value"}, annotations=annotations)
        backend = backend_of(anywhere, freshness)

        assert backend.get_conn_value("x") == URI
        assert backend.get_conn_value("value") == "http://value"


# Where an id can be, in the order of preference.
OF_THE_TEAM = ("own, team", "bundle at home", "bundle of the team")
OF_NO_TEAM = ("own, second", "bundle, first", "bundle, second")
COMBINATIONS = {
    f"x{number}": [where for where, is_there in zip(OF_THE_TEAM + OF_NO_TEAM, exists, strict=True) if is_there]
    for number, exists in enumerate(itertools.product([False, True], repeat=len(OF_THE_TEAM + OF_NO_TEAM)))
}


def test_the_order(anywhere: Place, freshness: dict[str, object]) -> None:
    """The order holds for every combination of places where an id is."""
    first, second, home = anywhere.namespace, anywhere.other("second"), anywhere.other("blue")
    bundles: dict[str, tuple[str, dict[str, str]]] = {
        "bundle at home": (home, {}),
        "bundle of the team": (second, {TEAM: "blue"}),
        "bundle, first": (first, {}),
        "bundle, second": (second, {}),
    }
    for where, (namespace, labels) in bundles.items():
        data: dict[str, str | bytes] = {key: where for key, present in COMBINATIONS.items() if where in present}
        put_bundle(anywhere, "variables", data, namespace=namespace, labels=labels, name=f"b-{len(labels)}")
    own: dict[str, tuple[str, dict[str, str]]] = {"own, team": (first, {TEAM: "blue"}), "own, second": (second, {})}
    for where, (namespace, labels) in own.items():
        for key, present in COMBINATIONS.items():
            if where in present:
                anywhere.put({VARIABLE: key, **labels}, where, namespace=namespace)

    for team, fallback, order in (
        ("blue", True, OF_THE_TEAM + OF_NO_TEAM),
        ("blue", False, OF_THE_TEAM),
        ("green", True, OF_NO_TEAM),
        ("green", False, ()),
        (None, True, OF_NO_TEAM),
    ):
        backend = backend_of(
            anywhere,
            freshness,
            namespace=[first, second],
            team_namespaces={"blue": home},
            team_fallback=fallback,
        )
        expected = {key: next((where for where in order if where in p), None) for key, p in COMBINATIONS.items()}
        assert {key: backend.get_variable(key, team_name=team) for key in expected} == expected, (team, fallback)


def test_a_reference_is_used_first(anywhere: Place, freshness: dict[str, object]) -> None:
    put_bundle(anywhere, "variables", {"x": "bundle", "y": "bundle"})
    anywhere.put({}, "referred to", name="x")
    backend = backend_of(anywhere, freshness, references={"variables": {"x": "x"}})

    assert (backend.get_variable("x"), backend.get_variable("y")) == ("referred to", "bundle")


class TestValues:
    def test_one_that_cannot_be_read_does_not_affect_the_others(
        self, anywhere: Place, freshness: dict[str, object]
    ) -> None:
        data: dict[str, str | bytes] = {"bytes": b"\xff\xfehunter2", "blank": " ", "AIRFLOW_CONN_TEXT": "hunter2"}
        put_bundle(anywhere, "connections", {**data, "good": URI}, name="c")
        put_bundle(anywhere, "config", {"blank": " ", "good": "option"}, name="o")
        backend = backend_of(anywhere, freshness)

        for _ in range(2):
            for identifier, key in (("bytes", "bytes"), ("blank", "blank"), ("text", "AIRFLOW_CONN_TEXT")):
                with pytest.raises(MalformedSecretError, match=f"Secret {anywhere.namespace}/c, key '{key}'") as raised:
                    backend.get_connection(identifier)
                assert "hunter2" not in str(raised.value)
            with pytest.raises(MalformedSecretError, match="/o, key 'blank': the configuration option is blank"):
                backend.get_config("blank")
            assert backend.get_conn_value("good") == URI
            assert backend.get_config("good") == "option"

    def test_a_change_is_followed(self, anywhere: Place, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 2}
        put_bundle(anywhere, "variables", {"x": "one", "y": "y"})
        backend = backend_of(anywhere, freshness)
        assert backend.get_variable("x") == "one"

        put_bundle(anywhere, "variables", {"x": "two", "y": "y"})
        until(lambda: backend.get_variable("x") == "two")
        put_bundle(anywhere, "variables", {"AIRFLOW_VAR_X": "three", "y": "y"})
        until(lambda: backend.get_variable("x") == "three")
        put_bundle(anywhere, "connections", {"x": URI})
        until(lambda: backend.get_variable("x") is None)
        assert backend.get_variable("y") is None
        until(lambda: backend.get_conn_value("x") == URI)
        anywhere.delete("bundle")
        until(lambda: backend.get_conn_value("x") is None)

    def test_a_large_bundle(self, anywhere: Place, freshness: dict[str, object]) -> None:
        data: dict[str, str | bytes] = {f"key-{number}": "v" * 400 for number in range(2000)}
        put_bundle(anywhere, "variables", {**data, "last": "found"})
        backend = backend_of(anywhere, freshness, timeout=20)

        assert [backend.get_variable(each) for each in ("last", "key-1999", "key-2000")] == ["found", "v" * 400, None]


# The tested code is on the client's side, so the devserver is enough.
@on_the_devserver
@pytest.mark.however_fresh("asked")
class TestRequests:
    def test_only_an_id_without_a_secret_of_its_own_costs_a_second_list(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("own", "found")
        put({BUNDLE: "variables"}, data={"x": "bundle"})
        put({BUNDLE: "config"}, data={"x": "option"})
        backend = proxied(bundles=True)

        assert (backend.get_variable("own"), backend.get_variable("x")) == ("found", "bundle")
        assert backend.get_variable("x", team_name="blue") == "bundle"
        assert backend.get_config("x") == "option"

        assert [request.query["labelSelector"] for request in proxy.requests] == [
            [f"{VARIABLE}=own,!{TEAM}"],
            [f"{VARIABLE}=x,!{TEAM}"],
            [f"{BUNDLE}=variables,!{TEAM}"],
            # One query covers the Secrets of the team and of no team.
            [f"{VARIABLE}=x"],
            [f"{BUNDLE}=variables"],
            [f"{CONFIG}=x,!{TEAM}"],
            [f"{BUNDLE}=config,!{TEAM}"],
        ]

    def test_memory_covers_hits_and_misses(
        self, watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put({BUNDLE: "variables"}, data={"x": "bundle"})
        put({BUNDLE: "connections"}, data={"x": URI})
        backend = proxied(bundles=True, cache_ttl=60)
        read = (backend.get_variable("x"), backend.get_conn_value("x"))
        assert read == ("bundle", URI)
        lists = len(proxy.lists)

        for _ in range(3):
            assert (backend.get_variable("x"), backend.get_conn_value("x")) == read
            assert backend.get_variable("missing") is None

        assert len(proxy.lists) == lists
        # One list for the label of each kind, and one for all bundles.
        assert lists == 3

    def test_each_entry_is_parsed_once_per_version(
        self, watched_at_once: None, proxied: MakeBackend, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []
        check_usable = values.check_usable

        def noted(secret: Secret, key: str, connection: str) -> Sequence[Objection]:
            read.append(key)
            return check_usable(secret, key, connection)

        monkeypatch.setattr(values, "check_usable", noted)
        put({BUNDLE: "connections"}, data={"x": URI, "y": URI, "z": URI}, name="bundle")
        backend = proxied(bundles=True, cache_ttl=60)
        for _ in range(3):
            assert (backend.get_conn_value("x"), backend.get_conn_value("y")) == (URI, URI)
        assert read == ["x", "y"]

        put({BUNDLE: "connections"}, data={"x": URI, "y": "http://new", "z": URI}, name="bundle")
        until(lambda: backend.get_conn_value("y") == "http://new")
        assert read == ["x", "y", "y"]

    def test_the_last_result_covers_an_outage(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put({BUNDLE: "variables"}, data={"x": "found"})
        backend = proxied(bundles=True, timeout=0.5)
        assert backend.get_variable("x") == "found"
        proxy.refuse()

        assert backend.get_variable("x") == "found"
        # It is unknown whether this id has a Secret of its own, which would be used instead.
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("y")

    def test_a_hit_is_silent(self, proxied: MakeBackend, put: Put, caplog: pytest.LogCaptureFixture) -> None:
        put({BUNDLE: "variables"}, data={"x": "found"})
        with caplog.at_level(logging.DEBUG, "airflow_kubernetes_secrets"):
            assert proxied(bundles=True).get_variable("x") == "found"

        assert [record for record in caplog.records if record.name == "airflow_kubernetes_secrets"] == []
