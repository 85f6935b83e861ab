"""Variables in ConfigMaps, with the same tests on each server and on a folder of manifests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
    ForbiddenError,
    MalformedSecretError,
    MissingSecretError,
)
from support.logs import log_messages
from support.manifest_sources import ManifestSource, ObservedSource, ServerSource
from support.memory import fork, join
from support.secrets import BUNDLE, CONFIG, CONNECTION, TEAM, VARIABLE
from support.servers import on_the_devserver
from support.waiting import until

pytestmark = pytest.mark.however_fresh

CONFIG_MAP = "ConfigMap"
DATA_KEY = "airflow.apache.org/data-key"


def put(source: ManifestSource, labels: Mapping[str, str], value: str | bytes | None = None, **more: Any) -> None:
    """Create or replace a ConfigMap; see :meth:`Place.put`."""
    source.put(labels, value, kind=CONFIG_MAP, **more)


def backend_of(source: ManifestSource, freshness: dict[str, object], **options: object) -> KubernetesSecretsBackend:
    """Return a backend that reads ConfigMaps."""
    return source.make_backend(config_maps=True, **freshness, **options)


def config_map_requests(source: ObservedSource) -> list[str]:
    """Return the requests for ConfigMaps that the API server has received."""
    return [each.target for each in source.requests if "/configmaps" in each.target]


class TestValues:
    def test_text_and_bytes(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        put(any_source, {VARIABLE: "text"}, " hello\n")
        put(any_source, {VARIABLE: "accents"}, "h\u00e9\u4e16")
        put(any_source, {VARIABLE: "looks-encoded"}, "aGVsbG8=")
        put(any_source, {VARIABLE: "binary"}, b"from bytes")
        put(any_source, {VARIABLE: "empty"}, "")
        put(any_source, {VARIABLE: "named"}, data={"a": "one", "b": b"two"}, annotations={DATA_KEY: "b"})
        backend = backend_of(any_source, freshness)

        for _ in range(2):
            assert backend.get_variable("text") == " hello\n"
            assert backend.get_variable("accents") == "h\u00e9\u4e16"
            assert backend.get_variable("looks-encoded") == "aGVsbG8="
            assert backend.get_variable("binary") == "from bytes"
            assert backend.get_variable("empty") == ""
            assert backend.get_variable("named") == "two"
            assert backend.get_variable("missing") is None

    def test_id_that_is_not_a_valid_label_value(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value

        identifier = "reports/daily cron"
        put(any_source, {VARIABLE: label_value(identifier)}, "found", annotations={VARIABLE: identifier})

        assert backend_of(any_source, freshness).get_variable(identifier) == "found"

    def test_a_bundle(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        put(any_source, {BUNDLE: "variables"}, data={"a": "one", "AIRFLOW_VAR_B": b"two", "value": "three"})
        backend = backend_of(any_source, freshness, bundles=True)

        for _ in range(2):
            found = [backend.get_variable(each) for each in ("a", "b", "B", "value", "AIRFLOW_VAR_A")]
            assert found == ["one", "two", "two", "three", None]

    def test_error_names_an_unusable_config_map(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        put(any_source, {VARIABLE: "bytes"}, b"\xff\xfehunter2", name="bytes")
        put(any_source, {VARIABLE: "no-key"}, data={"other": "hunter2"}, name="no-key")
        put(any_source, {VARIABLE: "wrong"}, "hunter2", name="wrong", annotations={DATA_KEY: "missing"})
        put(any_source, {BUNDLE: "variables"}, data={"in-a-bundle": b"\xffhunter2"}, name="bundle")
        backend = backend_of(any_source, freshness, bundles=True)
        space = any_source.namespace

        for key, named in (
            ("bytes", "bytes, key 'value'"),
            ("wrong", f"wrong, annotation '{DATA_KEY}'"),
            ("in-a-bundle", "bundle, key 'in-a-bundle'"),
        ):
            with pytest.raises(MalformedSecretError) as raised:
                backend.get_variable(key)
            assert str(raised.value).startswith(f"ConfigMap {space}/{named}: ")
            assert "hunter2" not in str(raised.value)
        assert backend.get_variable("no-key") is None
        assert f"ConfigMap {space}/no-key, key 'value': there is no such key in its data" in log_messages(caplog)[-1]


class TestSelection:
    def test_the_option_is_off_by_default(self, observed_source: ObservedSource, freshness: dict[str, object]) -> None:
        put(observed_source, {VARIABLE: "x"}, "config map")
        put(observed_source, {BUNDLE: "variables"}, data={"other-id": "config map"})
        backend = observed_source.make_backend(bundles=True, **freshness)

        assert (backend.get_variable("x"), backend.get_variable("other-id")) == (None, None)
        assert config_map_requests(observed_source) == []

    def test_only_variables_are_read(self, observed_source: ObservedSource, freshness: dict[str, object]) -> None:
        put(observed_source, {CONNECTION: "x", CONFIG: "x"}, "http://example.com")
        put(observed_source, {BUNDLE: "connections"}, data={"x": "http://example.com"})
        put(observed_source, {BUNDLE: "config"}, data={"x": "option"})
        backend = backend_of(observed_source, freshness, bundles=True)

        assert (backend.get_conn_value("x"), backend.get_config("x")) == (None, None)
        assert config_map_requests(observed_source) == []
        assert backend.get_variable("x") is None

    def test_null_label_reads_no_config_map(
        self, observed_source: ObservedSource, freshness: dict[str, object]
    ) -> None:
        put(observed_source, {VARIABLE: "x"}, "config map")
        backend = backend_of(observed_source, freshness, variables_label=None, bundles=True)

        assert backend.get_variable("x") is None
        assert config_map_requests(observed_source) == []

    def test_oldest_config_map_is_used(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("a", "b"):
            put(any_source, {VARIABLE: "x"}, name, name=name)
        backend = backend_of(any_source, freshness)

        for _ in range(2):
            assert backend.get_variable("x") == "a"

        [warning] = log_messages(caplog)
        space = any_source.namespace
        assert warning == (
            f"variable 'x': 2 ConfigMaps match {VARIABLE}=x,!{TEAM}; the first by age and name is used: {space}/a. Not "
            f"used: {space}/b. Delete or relabel the ConfigMaps that should not match"
        )

    def test_a_secret_of_the_same_name(self, any_source: ManifestSource, freshness: dict[str, object]) -> None:
        any_source.put({VARIABLE: "x"}, "secret", name="same")
        put(any_source, {VARIABLE: "other-id"}, "config map", name="same")
        backend = backend_of(any_source, freshness)

        for _ in range(2):
            assert (backend.get_variable("x"), backend.get_variable("other-id")) == ("secret", "config map")

    def test_config_map_with_the_label_of_an_id_is_not_a_bundle(
        self, any_source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        put(any_source, {BUNDLE: "variables", VARIABLE: "other-id"}, "other-id", data={"x": "hunter2"}, name="both")

        assert backend_of(any_source, freshness, bundles=True).get_variable("x") is None

        space = any_source.namespace
        assert log_messages(caplog) == [
            f"variable 'x': ConfigMap {space}/both, label '{BUNDLE}': the ConfigMap also has the label '{VARIABLE}' of "
            "one id, so its keys are not ids. Remove one of the labels. This ConfigMap is skipped"
        ]

    def test_reference_does_not_find_a_config_map(
        self, any_source: ManifestSource, freshness: dict[str, object]
    ) -> None:
        put(any_source, {VARIABLE: "x"}, "config map", name="x")
        backend = backend_of(any_source, freshness, references={"variables": {"x": "x"}})

        with pytest.raises(MissingSecretError):
            backend.get_variable("x")


# Where a variable can be, in the order of preference.
OF_THE_TEAM = ("secret, team", "bundle, team", "config map, team", "config map bundle, team")
OF_NO_TEAM = ("secret, second", "bundle, second", "config map, first", "config map, second", "config map bundle, first")
PLACES = OF_THE_TEAM + OF_NO_TEAM
COMBINATIONS = {
    f"x{number}": [where for where, is_there in zip(PLACES, exists, strict=True) if is_there]
    for number, exists in enumerate(itertools.product([False, True], repeat=len(PLACES)))
    if sum(exists) <= 2 or number % 7 == 0
}


def test_order_of_secrets_and_config_maps(any_source: ManifestSource, freshness: dict[str, object]) -> None:
    """A ConfigMap is never used if a Secret in any of the namespaces matches."""
    first, second = any_source.namespace, any_source.other("second")
    own: Sequence[tuple[str, str, str, dict[str, str]]] = (
        ("secret, team", "Secret", second, {TEAM: "blue"}),
        ("config map, team", CONFIG_MAP, first, {TEAM: "blue"}),
        ("secret, second", "Secret", second, {}),
        ("config map, first", CONFIG_MAP, first, {}),
        ("config map, second", CONFIG_MAP, second, {}),
    )
    for where, kind, namespace, labels in own:
        for key, present in COMBINATIONS.items():
            if where in present:
                any_source.put({VARIABLE: key, **labels}, where, namespace=namespace, kind=kind)
    bundles: Sequence[tuple[str, str, str, dict[str, str]]] = (
        ("bundle, team", "Secret", second, {TEAM: "blue"}),
        ("config map bundle, team", CONFIG_MAP, first, {TEAM: "blue"}),
        ("bundle, second", "Secret", second, {}),
        ("config map bundle, first", CONFIG_MAP, first, {}),
    )
    for where, kind, namespace, labels in bundles:
        data: dict[str, str | bytes] = {key: where for key, present in COMBINATIONS.items() if where in present}
        any_source.put(
            {BUNDLE: "variables", **labels}, namespace=namespace, name=f"b-{len(labels)}", data=data, kind=kind
        )
    backend = backend_of(any_source, freshness, bundles=True, namespace=[first, second])

    for team, order in (("blue", PLACES), ("green", OF_NO_TEAM), (None, OF_NO_TEAM)):
        expected = {key: next((where for where in order if where in p), None) for key, p in COMBINATIONS.items()}
        assert {key: backend.get_variable(key, team_name=team) for key in expected} == expected, team


def test_a_namespace_of_a_team(any_source: ManifestSource, freshness: dict[str, object]) -> None:
    home = any_source.other("blue")
    put(any_source, {VARIABLE: "x"}, "of blue", namespace=home)
    put(any_source, {VARIABLE: "x"}, "of all")
    put(any_source, {VARIABLE: "other-id", TEAM: "blue"}, "labelled")
    backend = backend_of(any_source, freshness, namespace=any_source.namespace, team_namespaces={"blue": home})

    for team, expected in (("blue", ("of blue", "labelled")), ("green", ("of all", None)), (None, ("of all", None))):
        assert (backend.get_variable("x", team), backend.get_variable("other-id", team)) == expected


def test_changes_take_effect(any_source: ManifestSource, freshness: dict[str, object]) -> None:
    if freshness:
        freshness = {"cache_ttl": 2}
    put(any_source, {VARIABLE: "x"}, "one", name="x")
    backend = backend_of(any_source, freshness)
    assert backend.get_variable("x") == "one"

    put(any_source, {VARIABLE: "x"}, "two", name="x")
    until(lambda: backend.get_variable("x") == "two")
    any_source.put({VARIABLE: "x"}, "secret", name="x")
    until(lambda: backend.get_variable("x") == "secret")
    any_source.delete("x")
    until(lambda: backend.get_variable("x") == "two")
    any_source.delete("x", kind=CONFIG_MAP)
    until(lambda: backend.get_variable("x") is None)


@pytest.mark.however_fresh("queried")
class TestCost:
    def test_requests_of_a_lookup(self, source: ServerSource, freshness: dict[str, object]) -> None:
        put(source, {VARIABLE: "x"}, "config map")
        source.put({VARIABLE: "other-id"}, "secret")
        put(source, {BUNDLE: "variables"}, data={"z": "bundle"})

        for options, expected in (
            ({}, {"x": 1, "other-id": 1, "z": 1, "missing": 1}),
            ({"config_maps": True}, {"x": 2, "other-id": 1, "z": 2, "missing": 2}),
            ({"config_maps": True, "bundles": True}, {"x": 3, "other-id": 1, "z": 4, "missing": 4}),
        ):
            backend = source.make_backend(**options)
            spent = {}
            for key in expected:
                before = len(source.requests)
                backend.get_variable(key)
                spent[key] = len(source.requests) - before
            assert spent == expected, options

    def test_connections_and_options_send_no_additional_request(
        self, source: ServerSource, freshness: dict[str, object]
    ) -> None:
        backend = backend_of(source, freshness)

        assert backend.get_conn_value("x") is None
        assert backend.get_config("x") is None
        assert len(source.requests) == 2


# The tested code is on the client's side, so the devserver is enough.
@on_the_devserver
@pytest.mark.however_fresh("watched")
class TestMemory:
    def test_hits_and_misses_come_from_memory(self, source: ServerSource, freshness: dict[str, object]) -> None:
        put(source, {VARIABLE: "x"}, "config map")
        put(source, {BUNDLE: "variables"}, data={"other-id": "bundle"})
        backend = backend_of(source, freshness, bundles=True)

        def read() -> list[str | None]:
            return [backend.get_variable(each) for each in ("x", "other-id", "missing")]

        expected = ["config map", "bundle", None]
        assert read() == expected
        until(lambda: sum("watch=true" in each for each in config_map_requests(source)) == 2)
        requests = len(source.requests)

        for _ in range(3):
            assert read() == expected
        # A child uses the memory of its parent.
        join(fork(lambda: read() == expected))
        assert len(source.requests) == requests
        # One list and one watch for the label, and for bundles.
        assert len(config_map_requests(source)) == 4

    def test_an_outage(self, source: ServerSource, freshness: dict[str, object]) -> None:
        put(source, {VARIABLE: "x"}, "config map")
        backend = backend_of(source, freshness, timeout=2)
        assert backend.get_variable("x") == "config map"

        source.leave()

        assert backend.get_variable("x") == "config map"
        assert backend.get_variable("missing") is None


@on_the_devserver
@pytest.mark.however_fresh("queried")
class TestRefusals:
    def test_the_last_result_covers_an_outage(self, source: ServerSource, freshness: dict[str, object]) -> None:
        put(source, {VARIABLE: "x"}, "config map")
        backend = backend_of(source, freshness, timeout=2)
        assert backend.get_variable("x") == "config map"

        source.leave()

        assert backend.get_variable("x") == "config map"
        # It is unknown whether a Secret has this id.
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("other-id")

    def test_remedy_of_a_403_grants_secrets_and_config_maps(
        self, source: ServerSource, freshness: dict[str, object], refusals_confirmed_at_once: None
    ) -> None:
        source.put({VARIABLE: "x"}, "secret")
        put(source, {VARIABLE: "other-id"}, "config map")
        backend = source.backend_of({source.namespace: ["list"]}, {}, config_maps=True)

        assert backend.get_variable("x") == "secret"
        with pytest.raises(ForbiddenError) as raised:
            backend.get_variable("other-id")
        problem, role, binding = str(raised.value).splitlines()
        assert problem.endswith(f"may not list configmaps in namespace '{source.namespace}'. Grant it:")
        assert " --verb=list --resource=secrets,configmaps " in role
        assert "kubectl create rolebinding" in binding
        assert backend.get_variable("x") == "secret"

    def test_a_403_in_a_namespace_named_secrets(
        self, source: ServerSource, freshness: dict[str, object], refusals_confirmed_at_once: None
    ) -> None:
        backend = source.backend_of({"secrets": ["list"]}, {}, config_maps=True, namespace="secrets")

        with pytest.raises(ForbiddenError, match="may not list configmaps in namespace 'secrets'"):
            backend.get_variable("x")

    def test_403_for_config_maps_does_not_discard_cached_secrets(
        self, source: ServerSource, watched_at_once: None, refusals_confirmed_at_once: None
    ) -> None:
        source.put({VARIABLE: "x"}, "secret")
        backend = source.backend_of({source.namespace: ["list", "watch"]}, {}, config_maps=True, cache_ttl=60)
        assert backend.get_variable("x") == "secret"
        with pytest.raises(ForbiddenError):
            backend.get_variable("other-id")
        requests = len(source.requests)

        assert backend.get_variable("x") == "secret"
        assert len(source.requests) == requests
