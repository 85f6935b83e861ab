"""Which bundle or labelled Secret is used, on each server and on a folder of manifests."""

from __future__ import annotations

import itertools

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.bundles import URI, backend_of, put_bundle
from support.logs import said
from support.places import Place
from support.secrets import BUNDLE, CONNECTION, TEAM, VARIABLE

pytestmark = pytest.mark.however_fresh


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
            "keys are not ids. Remove one of the labels. It is skipped"
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
