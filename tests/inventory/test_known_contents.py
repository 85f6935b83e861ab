"""An inventory that reuses an earlier one is identical to a new inventory, whatever has changed in between."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from types import ModuleType

import pytest

from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.inventory.entries import Inventory, inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.call_counts import calls_of
from support.cluster import Cluster
from support.team_secrets import SECRET, TeamSecrets, team_secrets_on

BUNDLED = {"AIRFLOW_CONN_ONE": f"http://u:{SECRET}@one", "AIRFLOW_CONN_TWO": f"http://u:{SECRET}@two"}


@pytest.fixture
def team_secrets(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> TeamSecrets:
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)
    team_secrets = team_secrets_on(cluster)
    team_secrets.put("db", {"connection-id": "db"}, {"value": f"postgres://u:{SECRET}@first/x"})
    team_secrets.put("fields", {"connection-id": "fields"}, {"host": "first", "password": SECRET})
    team_secrets.put("variable", {"variable-key": "x"}, {"value": f"{SECRET}\n"})
    team_secrets.put("bundle", {"bundle": "connections"}, BUNDLED)
    return team_secrets


def options_of(team_secrets: TeamSecrets) -> Options:
    # The reference has another host than the Secret itself.
    named = {"secret": f"{team_secrets.home}/fields", "annotations": {"airflow.apache.org/connection-host": "named"}}
    return Options.parse({**team_secrets.kwargs, "bundles": True, "references": {"connections": {"by_name": named}}})


def taken(options: Options, earlier: Inventory | None = None) -> Inventory:
    with closing(location_of(options)) as location:
        return inventory_of(location, options, known={} if earlier is None else earlier.contents)


def comparable(inventory: Inventory) -> Inventory:
    """Return an inventory without its objects, which equal only themselves."""
    return replace(inventory, labelled=None)


CHANGES: dict[str, Callable[[TeamSecrets], None]] = {
    "nothing": lambda _team_secrets: None,
    "a value": lambda team_secrets: team_secrets.put(
        "db", {"connection-id": "db"}, {"value": f"mysql://u:{SECRET}@second/x"}
    ),
    "an annotation": lambda team_secrets: team_secrets.put(
        "db",
        {"connection-id": "db"},
        {"value": f"postgres://u:{SECRET}@first/x"},
        annotations={"connection-host": "second"},
    ),
    "an id": lambda team_secrets: team_secrets.put(
        "fields", {"connection-id": "db"}, {"host": "first", "password": SECRET}
    ),
    "a kind": lambda team_secrets: team_secrets.put(
        "variable", {"connection-id": "x"}, {"value": f"http://u:{SECRET}@second"}
    ),
    "a key of a bundle": lambda team_secrets: team_secrets.put(
        "bundle", {"bundle": "connections"}, {**BUNDLED, "AIRFLOW_CONN_TWO": "neither a URI nor JSON"}
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_reused_inventory_after_a_change(team_secrets: TeamSecrets, change: Callable[[TeamSecrets], None]) -> None:
    options = options_of(team_secrets)
    earlier = taken(options)
    assert comparable(taken(options, earlier)) == comparable(earlier)

    change(team_secrets)

    new = taken(options, earlier)
    assert comparable(new) == comparable(taken(options))
    assert len(new.entries) == 6


def test_another_secret_with_the_name_of_a_deleted_one(team_secrets: TeamSecrets) -> None:
    options = options_of(team_secrets)
    earlier = taken(options)
    team_secrets.cluster.delete(f"/api/v1/namespaces/{team_secrets.home}/secrets/db")
    without = taken(options, earlier)
    team_secrets.put("db", {"connection-id": "db"}, {"value": f"mysql://u:{SECRET}@second/x"})

    assert "db" not in {entry.id for entry in without.entries}
    assert len(without.contents) < len(earlier.contents)
    assert comparable(taken(options, earlier)) == comparable(taken(options))


def test_unchanged_secrets_are_not_read_again(team_secrets: TeamSecrets) -> None:
    options = options_of(team_secrets)
    earlier = taken(options)
    team_secrets.put("variable", {"variable-key": "x"}, {"value": "second"})

    with calls_of(content_of) as read:
        taken(options, earlier)

    # A reference has annotations of its own, so it is read each time.
    assert sorted(each["secret"].name for each in read) == ["fields", "variable"]


def test_inventory_stores_no_value(team_secrets: TeamSecrets) -> None:
    earlier = taken(options_of(team_secrets))
    assert len(earlier.contents) == 5
    # Nothing in the contents refers to a Secret either.
    found: dict[int, object] = {}
    pending: list[object] = [earlier.contents]
    while pending:
        each = pending.pop()
        if id(each) not in found and not isinstance(each, type | ModuleType):
            found[id(each)] = each
            pending += gc.get_referents(each)
    assert len(found) > 50
    assert not any(isinstance(each, Secret) for each in found.values())
    assert not any(isinstance(each, str) and SECRET in each for each in found.values())
