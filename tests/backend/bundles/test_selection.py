"""Which bundle or labelled Secret is used, on each server and on a folder of manifests."""

from __future__ import annotations

import itertools

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.bundles import URI, backend_of, put_bundle
from support.logs import log_messages
from support.manifest_sources import ManifestSource, ObservedSource
from support.secrets import BUNDLE, CONNECTION, TEAM, VARIABLE

pytestmark = pytest.mark.however_fresh


class TestSelection:
    def test_the_option_is_off_by_default(self, observed_source: ObservedSource, freshness: dict[str, object]) -> None:
        put_bundle(observed_source, "variables", {"x": "found"})
        backend = observed_source.make_backend(**freshness)

        assert backend.get_variable("x") is None
        assert not [each for each in observed_source.requests if BUNDLE in each.target]

    def test_labelled_secret_takes_precedence_over_bundles(
        self, any_source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        """This holds across namespaces: switching the option on does not change an id that has a Secret of its own."""
        second = any_source.other("second")
        put_bundle(any_source, "variables", {"here": "bundle", "there": "bundle", "bundled": "bundle"})
        any_source.put({VARIABLE: "here"}, "own")
        any_source.put({VARIABLE: "there"}, "own", namespace=second)
        put_bundle(any_source, "variables", {"bundled": "second", "second": "second"}, namespace=second)
        backend = backend_of(any_source, freshness, namespace=[any_source.namespace, second])

        found = [backend.get_variable(each) for each in ("here", "there", "bundled", "second", "neither")]

        assert found == ["own", "own", "bundle", "second", None]

    def test_oldest_bundle_is_used(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        put_bundle(any_source, "variables", {"x": "a", "AIRFLOW_VAR_X": "a, derived", "y": "y"}, name="a")
        put_bundle(any_source, "variables", {"x": "b", "z": "z"}, name="b")
        backend = backend_of(any_source, freshness)

        for _ in range(2):
            assert [backend.get_variable(each) for each in ("x", "y", "z")] == ["a", "y", "z"]

        [warning] = log_messages(caplog)
        space = any_source.namespace
        assert warning == (
            f"variable 'x': 3 keys of bundles match; the first by age and name is used: {space}/a, key 'x'. Not used: "
            f"{space}/a, key 'AIRFLOW_VAR_X', {space}/b, key 'x'. Remove the keys that should not match"
        )

    def test_warning_about_several_labelled_secrets_names_their_query(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A lookup for a team searches the bundles of the team after the first query."""
        for name in ("a", "b"):
            any_source.put({VARIABLE: "x"}, name, name=name)

        assert backend_of(any_source, freshness, team_label=TEAM).get_variable("x", team_name="blue") == "a"

        [warning] = log_messages(caplog)
        assert f"2 Secrets match {VARIABLE}=x; " in warning

    def test_labelled_secret_that_cannot_be_used(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        """As in several namespaces: without the key it is skipped, and an invalid annotation ends the search."""
        put_bundle(any_source, "variables", {"x": "bundle", "y": "bundle"})
        any_source.put({VARIABLE: "x"}, data={"other": "hunter2"}, name="broken")
        wrong = {"airflow.apache.org/data-key": "missing"}
        any_source.put({VARIABLE: "y"}, data={"other": "hunter2"}, name="wrong", annotations=wrong)
        backend = backend_of(any_source, freshness)

        assert backend.get_variable("x") == "bundle"
        assert "/broken, key 'value': there is no such key in its data" in log_messages(caplog)[0]
        with pytest.raises(MalformedSecretError, match=r"/wrong, annotation 'airflow\.apache\.org/data-key'"):
            backend.get_variable("y")

    def test_secret_with_the_label_of_an_id_is_not_a_bundle(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its keys are the fields of one connection, and must not become connections."""
        fields: dict[str, str | bytes] = {"host": "db", "password": "http://hunter2", "x": "http://x"}
        put_bundle(any_source, "connections", fields, labels={CONNECTION: "my_db"})
        put_bundle(any_source, "connections", {"x": URI}, name="real")
        backend = backend_of(any_source, freshness)

        assert backend.get_connection("my_db").host == "db"
        assert backend.get_conn_value("x") == URI
        assert backend.get_conn_value("password") is None

        space = any_source.namespace
        problem = (
            f"Secret {space}/bundle, label '{BUNDLE}': the Secret also has the label '{CONNECTION}' of one id, so its "
            "keys are not ids. Remove one of the labels. This Secret is skipped"
        )
        assert log_messages(caplog) == [f"connection 'x': {problem}"]

    def test_bundle_with_an_unknown_kind_has_no_ids(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        put_bundle(any_source, "connection", {"x": URI}, name="a")
        put_bundle(any_source, "Variables", {"x": "found"}, name="b")
        put_bundle(any_source, "variables", {}, name="c")
        backend = backend_of(any_source, freshness)

        assert (backend.get_conn_value("x"), backend.get_variable("x"), backend.get_config("x")) == (None, None, None)
        assert log_messages(caplog) == []

    def test_annotations_of_a_bundle_have_no_effect(
        self, any_source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        prefix = "airflow.apache.org/"
        annotations = {f"{prefix}connection-type": "mysql", f"{prefix}data-key": "missing", f"{prefix}extra-a": "b"}
        any_source.put({BUNDLE: "connections"}, data={"x": URI, "value": "http://value"}, annotations=annotations)
        backend = backend_of(any_source, freshness)

        assert backend.get_conn_value("x") == URI
        assert backend.get_conn_value("value") == "http://value"


# Where an id can be, in the order of preference.
OF_THE_TEAM = ("own, team", "bundle at home", "bundle of the team")


OF_NO_TEAM = ("own, second", "bundle, first", "bundle, second")


COMBINATIONS = {
    f"x{number}": [where for where, is_there in zip(OF_THE_TEAM + OF_NO_TEAM, exists, strict=True) if is_there]
    for number, exists in enumerate(itertools.product([False, True], repeat=len(OF_THE_TEAM + OF_NO_TEAM)))
}


def test_order_of_labelled_secrets_and_bundles(any_source: ManifestSource, freshness: dict[str, object]) -> None:
    """The order holds for every combination of places where an id is."""
    first, second, home = any_source.namespace, any_source.other("second"), any_source.other("blue")
    bundles: dict[str, tuple[str, dict[str, str]]] = {
        "bundle at home": (home, {}),
        "bundle of the team": (second, {TEAM: "blue"}),
        "bundle, first": (first, {}),
        "bundle, second": (second, {}),
    }
    for where, (namespace, labels) in bundles.items():
        data: dict[str, str | bytes] = {key: where for key, present in COMBINATIONS.items() if where in present}
        put_bundle(any_source, "variables", data, namespace=namespace, labels=labels, name=f"b-{len(labels)}")
    own: dict[str, tuple[str, dict[str, str]]] = {"own, team": (first, {TEAM: "blue"}), "own, second": (second, {})}
    for where, (namespace, labels) in own.items():
        for key, present in COMBINATIONS.items():
            if where in present:
                any_source.put({VARIABLE: key, **labels}, where, namespace=namespace)

    for team, fallback, order in (
        ("blue", True, OF_THE_TEAM + OF_NO_TEAM),
        ("blue", False, OF_THE_TEAM),
        ("green", True, OF_NO_TEAM),
        ("green", False, ()),
        (None, True, OF_NO_TEAM),
    ):
        backend = backend_of(
            any_source,
            freshness,
            namespace=[first, second],
            team_namespaces={"blue": home},
            team_fallback=fallback,
        )
        expected = {key: next((where for where in order if where in p), None) for key, p in COMBINATIONS.items()}
        assert {key: backend.get_variable(key, team_name=team) for key in expected} == expected, (team, fallback)


def test_reference_takes_precedence_over_bundles(any_source: ManifestSource, freshness: dict[str, object]) -> None:
    put_bundle(any_source, "variables", {"x": "bundle", "y": "bundle"})
    any_source.put({}, "referred to", name="x")
    backend = backend_of(any_source, freshness, references={"variables": {"x": "x"}})

    assert (backend.get_variable("x"), backend.get_variable("y")) == ("referred to", "bundle")
