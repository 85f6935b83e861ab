"""How long a revoked permission is still cached: the real routes and a real auth manager, with a fake clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.ui import snapshot_cache as module
from airflow_kubernetes_secrets.ui.row import Row
from airflow_kubernetes_secrets.ui.snapshot_cache import PageSnapshot, SnapshotCache
from support.waiting import PATIENCE

# Each process of a test run imports this module, and the import of Airflow's routes takes more than a second.
if TYPE_CHECKING:
    from support.auth_manager import ChangingPermissions

SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: %s, labels: {airflow.apache.org/connection-id: %s}}
stringData: {value: "postgres://db"}
---
"""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Page:
    """The routes, as a logged-in user calls them.

    Attributes:
        lists: cleared while a LIST takes longer than any request waits.
        listing: whether a LIST has begun.
        failure: the error with which a LIST fails, if it does.
    """

    def __init__(self, folder: Path, manager: ChangingPermissions) -> None:
        from airflow_kubernetes_secrets.ui.app import create_app

        self.manager = manager
        self.lists, self.listing = threading.Event(), threading.Event()
        self.lists.set()
        self.failure: KubernetesSecretsError | None = None
        self._options = Options.parse({"path": str(folder)})
        self._app = create_app()
        self._app.state.snapshot_cache = SnapshotCache(self._take)

    def ids(self, user: str = "somebody") -> list[str]:
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
        from airflow.api_fastapi.core_api.security import get_user
        from fastapi.testclient import TestClient

        self._app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username=user, role="admin")
        answer = TestClient(self._app).get("/api/entries").raise_for_status().json()
        return [entry["id"] for entry in answer["entries"]]

    @contextmanager
    def slow_list(self) -> Iterator[None]:
        """Keep a LIST for a new snapshot in progress inside the block."""
        self.lists.clear()
        self.listing.clear()
        first = threading.Thread(target=self.ids)
        first.start()
        try:
            assert self.listing.wait(PATIENCE)
            yield
        finally:
            self.lists.set()
            first.join(PATIENCE)

    def _take(self, _last: PageSnapshot | None) -> PageSnapshot:
        self.listing.set()
        assert self.lists.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        with closing(location_of(self._options)) as location:
            inventory = inventory_of(location, self._options)
        rows = [Row(entry) for entry in inventory.entries]
        return PageSnapshot(location.text, datetime.now(timezone.utc), {}, rows, inventory.failures)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    from airflow.api_fastapi.app import create_auth_manager

    from support.auth_manager import ChangingPermissions

    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "support.auth_manager.ChangingPermissions")
    manager = create_auth_manager()
    assert isinstance(manager, ChangingPermissions)
    # Airflow creates one for each process.
    manager.taken_away = set()
    (tmp_path / "secrets.yaml").write_text("".join(SECRET % (name, name) for name in ("a", "b")))
    return Page(tmp_path, manager)


def test_revoked_permission_is_cached_for_30_seconds(clock: Clock, page: Page) -> None:
    assert page.ids() == ["a", "b"]
    checks = page.manager.checks
    page.manager.taken_away = {"b"}

    clock.now += 29
    assert page.ids() == ["a", "b"]
    assert page.manager.checks == checks
    clock.now += 1
    assert page.ids() == ["a"]


def test_cached_permission_expires_while_a_snapshot_is_taken(clock: Clock, page: Page) -> None:
    assert page.ids() == ["a", "b"]
    page.manager.taken_away = {"b"}
    clock.now += 30

    with page.slow_list():
        assert page.ids() == ["a"]
        page.manager.taken_away = {"a"}
        clock.now += 29
        assert page.ids() == ["a"]
        clock.now += 1
        assert page.ids() == ["b"]


def test_permission_of_another_user_expires_while_a_snapshot_is_taken(clock: Clock, page: Page) -> None:
    assert page.ids() == ["a", "b"]
    clock.now += 30

    with page.slow_list():
        assert page.ids("another") == ["a", "b"]
        page.manager.taken_away = {"b"}
        clock.now += 30
        assert page.ids("another") == ["a"]


def test_cached_permission_expires_while_snapshots_fail(clock: Clock, page: Page) -> None:
    assert page.ids() == ["a", "b"]
    page.failure = KubernetesSecretsError("the API server is unavailable")
    page.manager.taken_away = {"b"}

    clock.now += 30
    assert page.ids() == ["a"]
    page.manager.taken_away = {"a"}
    clock.now += 30
    assert page.ids() == ["b"]


def test_permissions_are_cached_while_snapshots_fail(clock: Clock, page: Page) -> None:
    """An outage may last for hours, and there may be thousands of ids."""
    assert page.ids() == ["a", "b"]
    page.failure = KubernetesSecretsError("the API server is unavailable")
    clock.now += 30
    page.ids()
    checks = page.manager.checks

    clock.now += 29
    page.ids()

    assert page.manager.checks == checks


def test_permissions_of_each_user_are_cached_separately(clock: Clock, page: Page) -> None:
    assert page.ids("first") == ["a", "b"]
    clock.now += 10
    page.ids("second")
    checks = page.manager.checks

    clock.now += 10
    assert page.ids("first") == page.ids("second") == ["a", "b"]
    assert page.manager.checks == checks


def test_expired_permissions_are_removed_from_the_cache(clock: Clock, page: Page) -> None:
    """During a long outage many users can open the page, and the cache must not grow."""
    page.ids("first")
    page.failure = KubernetesSecretsError("the API server is unavailable")
    for number in range(5):
        clock.now += 30
        page.ids(f"user {number}")

    assert len(page._app.state.snapshot_cache.snapshot().visible) == 1
