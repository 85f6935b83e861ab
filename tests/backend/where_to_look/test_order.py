"""The order of namespaces and teams, on each server and on a folder of manifests."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from airflow_kubernetes_secrets.errors import NotConfiguredError
from support.cluster import Cluster
from support.logs import log_messages
from support.manifest_sources import FolderSource, ManifestSource, ObservedSource
from support.secrets import CONFIG, CONNECTION, TEAM, VARIABLE
from support.waiting import until

pytestmark = pytest.mark.however_fresh


class TestNamespaces:
    def test_one_namespace(self, source: ManifestSource, freshness: dict[str, object]) -> None:
        source.put({VARIABLE: "x"}, "at home")
        source.put({VARIABLE: "x"}, "elsewhere", namespace=source.other("b"))

        assert source.make_backend(namespace=source.namespace, **freshness).get_variable("x") == "at home"
        assert source.make_backend(namespace=source.other("b"), **freshness).get_variable("x") == "elsewhere"

    @pytest.mark.parametrize("form", ["list", "commas"])
    def test_first_namespace_with_a_matching_secret_is_used(
        self, source: ManifestSource, freshness: dict[str, object], form: str
    ) -> None:
        b, a = source.other("b"), source.other("a")
        for kind, name in ((VARIABLE, "a-get-variable"), (CONNECTION, "a-get-conn-value"), (CONFIG, "a-get-config")):
            # The second namespace has the older Secret, whose name comes first.
            source.put({kind: "both"}, "http://a", namespace=a, name=name)
            source.put({kind: "both"}, "http://b", namespace=b)
            source.put({kind: "second"}, "http://a", namespace=a)
            source.put({kind: "neither"}, "http://elsewhere")
        backend = source.make_backend(namespace=[b, a] if form == "list" else f"{b} , {a}", **freshness)

        reads: tuple[Callable[[str], str | None], ...] = (
            backend.get_variable,
            backend.get_conn_value,
            backend.get_config,
        )
        for read in reads:
            assert read("both") == "http://b"
            assert read("second") == "http://a"
            assert read("neither") is None
        assert backend.get_connection("both").host == "b"

    def test_secret_without_the_data_key_is_skipped_for_the_next_namespace(
        self, source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        source.put({VARIABLE: "x"}, data={"other": "hunter2"}, name="broken")
        source.put({VARIABLE: "x"}, "readable", namespace=source.other("b"))
        backend = source.make_backend(namespace=[source.namespace, source.other("b")], **freshness)

        for _ in range(2):
            assert backend.get_variable("x") == "readable"

        [warning] = log_messages(caplog)
        assert f"Secret {source.namespace}/broken, key 'value': there is no such key in its data" in warning
        assert "hunter2" not in warning

    def test_changes_in_each_namespace_take_effect(self, source: ManifestSource, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 2}
        a, b = source.namespace, source.other("b")
        source.put({VARIABLE: "x"}, "b", namespace=b, name="x")
        backend = source.make_backend(namespace=[a, b], **freshness)
        assert backend.get_variable("x") == "b"

        source.put({VARIABLE: "x"}, "c", namespace=b, name="x")
        until(lambda: backend.get_variable("x") == "c")
        source.put({VARIABLE: "x"}, "a", namespace=a, name="x")
        until(lambda: backend.get_variable("x") == "a")
        source.delete("x", a)
        until(lambda: backend.get_variable("x") == "c")
        source.delete("x", b)
        until(lambda: backend.get_variable("x") is None)


# Where a Secret for one id can be, in the order of preference.
OF_THE_TEAM = ("its own namespace", "team, first", "team, second")


OF_NO_TEAM = ("reference", "global, first", "global, second")


EVERYWHERE = OF_THE_TEAM + OF_NO_TEAM


COMBINATIONS = {
    f"x{number}": [where for where, is_there in zip(EVERYWHERE, exists, strict=True) if is_there]
    for number, exists in enumerate(itertools.product([False, True], repeat=len(EVERYWHERE)))
}


@pytest.fixture(scope="module")
def filled_places() -> dict[str | None, ManifestSource]:
    """Return the places that already contain all combinations, by server."""
    return {}


@pytest.fixture
def combinations(
    source: ManifestSource, cluster: Cluster | None, filled_places: dict[str | None, ManifestSource]
) -> ManifestSource:
    """Return a place with a Secret in every combination. It is filled once for all tests of a server."""
    server = cluster.name if cluster is not None else None
    if server in filled_places:
        source.namespace = filled_places[server].namespace
        if isinstance(source, FolderSource):
            return filled_places[server]
        return source
    put = {
        "its own namespace": (source.other("blue"), {}),
        "team, first": (source.namespace, {TEAM: "blue"}),
        "team, second": (source.other("second"), {TEAM: "blue"}),
        "global, first": (source.namespace, {}),
        "global, second": (source.other("second"), {}),
    }
    for key, present in COMBINATIONS.items():
        for where in present:
            if where == "reference":
                # The label is for another id: this Secret is found by its name.
                source.put({VARIABLE: "other"}, where, name=f"ref-{key}")
            else:
                namespace, labels = put[where]
                source.put({VARIABLE: key, **labels}, where, namespace=namespace)
    filled_places[server] = source
    return source


@pytest.mark.parametrize(
    ("team", "fallback", "order"),
    [
        ("blue", True, OF_THE_TEAM + OF_NO_TEAM),
        ("blue", False, OF_THE_TEAM),
        ("green", True, OF_NO_TEAM),
        ("green", False, ()),
        (None, True, OF_NO_TEAM),
        (None, False, OF_NO_TEAM),
    ],
    ids=["team", "team alone", "another team", "another team alone", "no team", "no team, no fallback"],
)
def test_order_of_namespaces_teams_and_references(
    combinations: ManifestSource, freshness: dict[str, object], team: str | None, fallback: bool, order: tuple[str, ...]
) -> None:
    """The order holds for every combination of existing Secrets."""
    source = combinations
    expected = {
        key: next((where for where in order if where in present), None) for key, present in COMBINATIONS.items()
    }
    backend = source.make_backend(
        namespace=[source.namespace, source.other("second")],
        team_namespaces={"blue": source.other("blue"), "red": source.other("red")},
        team_fallback=fallback,
        references={"variables": {key: f"ref-{key}" for key in COMBINATIONS if "reference" in COMBINATIONS[key]}},
        **freshness,
    )

    assert {key: backend.get_variable(key, team_name=team) for key in expected} == expected


@pytest.mark.parametrize("cluster", ["folder"], indirect=True)
def test_missing_folder_is_an_error_and_not_a_miss(
    observed_source: ObservedSource, freshness: dict[str, object]
) -> None:
    observed_source.put({VARIABLE: "x"}, "x")
    backend = observed_source.make_backend(**freshness)
    assert backend.get_variable("x") == "x"
    observed_source.leave()

    with pytest.raises(NotConfiguredError, match="the folder of 'path' in backend_kwargs cannot be read"):
        backend.get_variable("x")
