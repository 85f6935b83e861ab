"""``cache_ttl``: the results of indexes are stored with them, until one of these indexes changes."""

from __future__ import annotations

import gc
import time
from functools import partial

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.selection import Decision
from airflow_kubernetes_secrets.sources import index_results
from support.label_selectors import WATCHED
from support.logs import log_messages
from support.manifest_sources import ServerSource
from support.memory import LONG, fork, join
from support.secrets import BUNDLE, CONFIG, CONNECTION, TEAM, VARIABLE
from support.waiting import until, until_equal

pytestmark = pytest.mark.usefixtures("watched_at_once")

CONFIG_MAP = "ConfigMap"


@pytest.fixture
def everywhere(source: ServerSource) -> KubernetesSecretsBackend:
    """Return a backend that searches Secrets, ConfigMaps and bundles of both, in indexes that are watched."""
    return source.make_backend(bundles=True, config_maps=True, cache_ttl=LONG, outage_ttl=0)


def in_memory(name: str) -> int:
    """Return how many objects of this process are versions, or entries, of the Secret with this name."""
    gc.collect()
    return sum(isinstance(each, Secret) and each.name == name for each in gc.get_objects())


def test_change_in_any_index_changes_the_result(source: ServerSource, everywhere: KubernetesSecretsBackend) -> None:
    """An object that is created or deleted earlier in the search order changes the result."""
    steps = [
        ({BUNDLE: "variables"}, "bundle-of-config-maps", CONFIG_MAP),
        ({VARIABLE: "x"}, "config-map", CONFIG_MAP),
        ({BUNDLE: "variables"}, "bundle-of-secrets", "Secret"),
        ({VARIABLE: "x"}, "secret", "Secret"),
    ]
    for _ in range(3):
        assert everywhere.get_variable("x") is None
    expected: list[str | None] = [None]
    for labels, name, kind in steps:
        source.put(labels, name=name, kind=kind, data={"x" if BUNDLE in labels else "value": name})
        until_equal(partial(everywhere.get_variable, "x"), name)
        assert {everywhere.get_variable("x") for _ in range(3)} == {name}
        expected.append(name)
    for _labels, name, kind in reversed(steps):
        assert expected.pop() == name
        source.delete(name, kind=kind)
        until_equal(partial(everywhere.get_variable, "x"), expected[-1])


def test_each_team_has_its_own_result(source: ServerSource) -> None:
    source.put({VARIABLE: "x"}, "for all", name="for-all")
    backend = source.make_backend(cache_ttl=LONG)
    for _ in range(3):
        assert (backend.get_variable("x"), backend.get_variable("x", "sales")) == ("for all", "for all")

    source.put({VARIABLE: "x", TEAM: "sales"}, "for sales", name="for-sales")

    until(lambda: backend.get_variable("x", "sales") == "for sales")
    assert [backend.get_variable("x", team) for team in (None, "sales", "other")] == ["for all", "for sales", "for all"]


def test_each_kind_has_its_own_result(source: ServerSource) -> None:
    source.put({VARIABLE: "x"}, "variable", name="variable")
    source.put({CONNECTION: "x"}, "http://connection", name="connection")
    source.put({CONFIG: "x"}, "option", name="option")
    backend = source.make_backend(cache_ttl=LONG)

    for _ in range(3):
        found = (backend.get_variable("x"), backend.get_conn_value("x"), backend.get_config("x"))
        assert found == ("variable", "http://connection", "option")


@pytest.mark.parametrize("kind", ["Secret", CONFIG_MAP])
@pytest.mark.parametrize("bundled", [False, True], ids=["own", "bundled"])
def test_deleted_object_leaves_memory(
    source: ServerSource, everywhere: KubernetesSecretsBackend, kind: str, bundled: bool
) -> None:
    """No lookup of this id follows the deletion, so only the deletion itself can remove the stored result."""

    def put(value: str) -> None:
        labels = {BUNDLE: "variables"} if bundled else {VARIABLE: "x"}
        source.put(labels, name="replaced", kind=kind, data={"x" if bundled else "value": value})

    put("one")
    for _ in range(3):
        assert everywhere.get_variable("x") == "one"
    assert in_memory("replaced") == 1 + bundled

    source.delete("replaced", kind=kind)

    until(lambda: in_memory("replaced") == 0)
    assert everywhere.get_variable("x") is None


def test_expired_index_is_not_used(source: ServerSource) -> None:
    """While the API server is unavailable, nothing confirms the index."""
    source.put({VARIABLE: "x"}, "found")
    backend = source.make_backend(cache_ttl=WATCHED, outage_ttl=0, timeout=3)
    for _ in range(3):
        assert backend.get_variable("x") == "found"
    source.leave()
    time.sleep(WATCHED)

    with pytest.raises(ApiUnavailableError):
        backend.get_variable("x")


def test_a_duplicate_that_comes_later_is_reported(
    source: ServerSource, everywhere: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture
) -> None:
    source.put({VARIABLE: "x"}, "value", name="a")
    for _ in range(3):
        assert everywhere.get_variable("x") == "value"
    assert log_messages(caplog) == []

    source.put({VARIABLE: "x"}, "value", name="b")

    until(lambda: bool(everywhere.get_variable("x") and log_messages(caplog)))
    assert len(log_messages(caplog)) == 1
    assert "2 Secrets match" in log_messages(caplog)[0]


def test_more_ids_than_are_stored(
    source: ServerSource, everywhere: KubernetesSecretsBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_results, "_MOST_STORED", 5)
    ids = [f"stored-{number}" for number in range(10)]
    for identifier in ids:
        source.put({VARIABLE: identifier}, f"value of {identifier}", name=identifier)

    for _ in range(3):
        assert [everywhere.get_variable(each) for each in ids] == [f"value of {each}" for each in ids]

    gc.collect()
    decisions = [each for each in gc.get_objects() if isinstance(each, Decision)]
    assert sum(each.lookup.id in ids for each in decisions) == 5


def test_in_a_forked_child(source: ServerSource, everywhere: KubernetesSecretsBackend) -> None:
    source.put({VARIABLE: "x"}, "found")
    for _ in range(3):
        assert everywhere.get_variable("x") == "found"

    def lists() -> int:
        return sum("watch=" not in request.target for request in source.requests)

    requests = lists()

    def in_the_child() -> None:
        for _ in range(3):
            assert everywhere.get_variable("x") == "found"

    join(fork(in_the_child))

    assert lists() == requests


def test_overlong_ids_are_not_stored_in_memory(source: ServerSource) -> None:
    backend = source.make_backend(cache_ttl=LONG)
    long = ["x" * 100_000 + str(number) for number in range(5)]
    for identifier in (*long, *long, *long):
        assert backend.get_variable(identifier) is None

    gc.collect()
    assert not any(isinstance(each, Decision) and len(each.lookup.id) > 250 for each in gc.get_objects())
