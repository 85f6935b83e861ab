"""The order of namespaces and teams, on each server and on a folder of manifests."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from airflow_kubernetes_secrets.errors import NotConfiguredError
from support.cluster import Cluster
from support.logs import said
from support.places import FolderPlace, Place
from support.secrets import CONFIG, CONNECTION, TEAM, VARIABLE
from support.waiting import until

pytestmark = pytest.mark.however_fresh


class TestNamespaces:
    def test_one(self, place: Place, freshness: dict[str, object]) -> None:
        place.put({VARIABLE: "x"}, "at home")
        place.put({VARIABLE: "x"}, "elsewhere", namespace=place.other("b"))

        assert place.make_backend(namespace=place.namespace, **freshness).get_variable("x") == "at home"
        assert place.make_backend(namespace=place.other("b"), **freshness).get_variable("x") == "elsewhere"

    @pytest.mark.parametrize("form", ["list", "commas"])
    def test_the_first_that_has_one_answers(self, place: Place, freshness: dict[str, object], form: str) -> None:
        b, a = place.other("b"), place.other("a")
        for kind, name in ((VARIABLE, "a-get-variable"), (CONNECTION, "a-get-conn-value"), (CONFIG, "a-get-config")):
            # The second namespace has the older Secret, whose name comes first.
            place.put({kind: "both"}, "http://a", namespace=a, name=name)
            place.put({kind: "both"}, "http://b", namespace=b)
            place.put({kind: "second"}, "http://a", namespace=a)
            place.put({kind: "neither"}, "http://elsewhere")
        backend = place.make_backend(namespace=[b, a] if form == "list" else f"{b} , {a}", **freshness)

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

    def test_one_that_cannot_be_read_is_passed_over_for_the_next(
        self, place: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        place.put({VARIABLE: "x"}, data={"other": "hunter2"}, name="broken")
        place.put({VARIABLE: "x"}, "readable", namespace=place.other("b"))
        backend = place.make_backend(namespace=[place.namespace, place.other("b")], **freshness)

        for _ in range(2):
            assert backend.get_variable("x") == "readable"

        [warning] = said(caplog)
        assert f"Secret {place.namespace}/broken, key 'value': there is no such key in its data" in warning
        assert "hunter2" not in warning

    def test_changes_in_each_are_followed(self, place: Place, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 2}
        a, b = place.namespace, place.other("b")
        place.put({VARIABLE: "x"}, "b", namespace=b, name="x")
        backend = place.make_backend(namespace=[a, b], **freshness)
        assert backend.get_variable("x") == "b"

        place.put({VARIABLE: "x"}, "c", namespace=b, name="x")
        until(lambda: backend.get_variable("x") == "c")
        place.put({VARIABLE: "x"}, "a", namespace=a, name="x")
        until(lambda: backend.get_variable("x") == "a")
        place.delete("x", a)
        until(lambda: backend.get_variable("x") == "c")
        place.delete("x", b)
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
def stocked() -> dict[str | None, Place]:
    """Return the places that already contain all combinations, by server."""
    return {}


@pytest.fixture
def combinations(place: Place, cluster: Cluster | None, stocked: dict[str | None, Place]) -> Place:
    """Return a place with a Secret in every combination. It is filled once for all tests of a server."""
    server = cluster.name if cluster is not None else None
    if server in stocked:
        place.namespace = stocked[server].namespace
        if isinstance(place, FolderPlace):
            return stocked[server]
        return place
    put = {
        "its own namespace": (place.other("blue"), {}),
        "team, first": (place.namespace, {TEAM: "blue"}),
        "team, second": (place.other("second"), {TEAM: "blue"}),
        "global, first": (place.namespace, {}),
        "global, second": (place.other("second"), {}),
    }
    for key, present in COMBINATIONS.items():
        for where in present:
            if where == "reference":
                # The label is for another id: this Secret is found by its name.
                place.put({VARIABLE: "other"}, where, name=f"ref-{key}")
            else:
                namespace, labels = put[where]
                place.put({VARIABLE: key, **labels}, where, namespace=namespace)
    stocked[server] = place
    return place


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
def test_the_order(
    combinations: Place, freshness: dict[str, object], team: str | None, fallback: bool, order: tuple[str, ...]
) -> None:
    """The order holds for every combination of existing Secrets."""
    place = combinations
    expected = {
        key: next((where for where in order if where in present), None) for key, present in COMBINATIONS.items()
    }
    backend = place.make_backend(
        namespace=[place.namespace, place.other("second")],
        team_namespaces={"blue": place.other("blue"), "red": place.other("red")},
        team_fallback=fallback,
        references={"variables": {key: f"ref-{key}" for key in COMBINATIONS if "reference" in COMBINATIONS[key]}},
        **freshness,
    )

    assert {key: backend.get_variable(key, team_name=team) for key in expected} == expected


@pytest.mark.parametrize("cluster", ["folder"], indirect=True)
def test_a_folder_that_is_gone_is_no_miss(place: Place, freshness: dict[str, object]) -> None:
    place.put({VARIABLE: "x"}, "x")
    backend = place.make_backend(**freshness)
    assert backend.get_variable("x") == "x"
    place.leave()

    with pytest.raises(NotConfiguredError, match="the folder of 'path' in backend_kwargs cannot be read"):
        backend.get_variable("x")
