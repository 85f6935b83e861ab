"""When Secrets are listed for the page, and what is shown while that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest

from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.ui import snapshot_cache as module
from airflow_kubernetes_secrets.ui.snapshot_cache import NothingListedError, PageSnapshot, SnapshotCache
from support.waiting import PATIENCE, until

UNAVAILABLE = KubernetesSecretsError("the API server is away")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    # A test decides itself for how long a request waits for a new snapshot.
    monkeypatch.setattr(module, "_PROMPT_SECONDS", PATIENCE)
    return clock


class Subject:
    """The source of snapshots for a cache: returns a new one each time, or fails."""

    def __init__(self) -> None:
        self.taken = 0
        self.failure: KubernetesSecretsError | None = None

    def __call__(self, last: PageSnapshot | None) -> PageSnapshot:
        self.taken += 1
        if self.failure is not None:
            raise self.failure
        return PageSnapshot(str(self.taken), datetime.now(timezone.utc), {}, (), ())


class SlowSubject(Subject):
    """A source that waits until the test continues it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, last: PageSnapshot | None) -> PageSnapshot:
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        return super().__call__(last)


def slow_after_the_first_snapshot() -> tuple[SlowSubject, SnapshotCache]:
    """Return a cache with one snapshot, and its source, which takes the next one only when the test lets it."""
    slow = SlowSubject()
    snapshot_cache = SnapshotCache(slow)
    slow.go_on.set()
    snapshot_cache.snapshot()
    slow.begun.clear()
    slow.go_on.clear()
    return slow, snapshot_cache


@contextmanager
def asking(snapshot_cache: SnapshotCache, slow: SlowSubject, others: int = 0) -> Iterator[list[str]]:
    """Request a snapshot in several threads during the block. At the end the list has the results."""
    given: list[str] = []
    threads = [
        threading.Thread(target=lambda: given.append(snapshot_cache.snapshot().location)) for _ in range(1 + others)
    ]
    try:
        threads[0].start()
        assert slow.begun.wait(PATIENCE)
        for thread in threads[1:]:
            thread.start()
        yield given
    finally:
        slow.go_on.set()
        for thread in threads:
            thread.join(PATIENCE)


@pytest.fixture
def subject() -> Subject:
    return Subject()


def test_snapshot_is_cached_for_30_seconds(clock: Clock, subject: Subject) -> None:
    snapshot_cache = SnapshotCache(subject)

    assert snapshot_cache.snapshot().location == "1"
    clock.now += 29
    assert snapshot_cache.snapshot().location == "1"
    clock.now += 1
    assert snapshot_cache.snapshot().location == "2"


def test_refresh_takes_a_new_snapshot_at_most_every_two_seconds(clock: Clock, subject: Subject) -> None:
    snapshot_cache = SnapshotCache(subject)
    snapshot_cache.snapshot()

    clock.now += 1
    assert snapshot_cache.snapshot(refresh=True).location == "1"
    clock.now += 1
    assert snapshot_cache.snapshot(refresh=True).location == "2"


def test_failure_is_cached_for_five_seconds(clock: Clock, subject: Subject) -> None:
    snapshot_cache = SnapshotCache(subject)
    subject.failure = UNAVAILABLE

    for refresh in (False, True):
        with pytest.raises(KubernetesSecretsError, match="is away"):
            snapshot_cache.snapshot(refresh=refresh)
    subject.failure = None
    clock.now += 4.9
    with pytest.raises(KubernetesSecretsError, match="is away"):
        snapshot_cache.snapshot(refresh=True)
    assert subject.taken == 1
    clock.now += 0.1
    assert snapshot_cache.snapshot().location == "2"


def test_last_snapshot_is_returned_while_the_server_is_unavailable(clock: Clock, subject: Subject) -> None:
    snapshot_cache = SnapshotCache(subject)
    snapshot_cache.snapshot()
    subject.failure = UNAVAILABLE
    clock.now += 30

    old = snapshot_cache.snapshot()

    assert old.location == "1"
    assert list(old.failures) == ["This snapshot is old; a new one cannot be taken: the API server is away"]
    subject.failure = None
    clock.now += 5
    new = snapshot_cache.snapshot()
    assert (new.location, list(new.failures)) == ("3", [])


def test_what_the_last_snapshot_lacks_is_said_of_the_old_one_too(clock: Clock) -> None:
    blue, reads = "blue may not be listed", ["Not all DAGs could be read"]

    def take(last: PageSnapshot | None) -> PageSnapshot:
        if last is not None:
            raise NothingListedError(["red is away", blue])
        return PageSnapshot("first", datetime.now(timezone.utc), {}, (), [blue, *reads])

    snapshot_cache = SnapshotCache(take)
    snapshot_cache.snapshot()
    clock.now += 30

    old = snapshot_cache.snapshot()

    assert list(old.failures) == [
        "This snapshot is old; a new one cannot be taken: red is away",
        blue,
        *reads,
    ]


def test_each_namespace_that_cannot_be_listed_has_its_own_message(clock: Clock, subject: Subject) -> None:
    snapshot_cache = SnapshotCache(subject)
    snapshot_cache.snapshot()
    subject.failure = NothingListedError(
        ["a: forbidden. Grant it:\n  kubectl a", "b: forbidden. Grant it:\n  kubectl b"]
    )
    clock.now += 30

    assert list(snapshot_cache.snapshot().failures) == [
        "This snapshot is old; a new one cannot be taken: a: forbidden. Grant it:\n  kubectl a",
        "b: forbidden. Grant it:\n  kubectl b",
    ]


def test_internal_error_is_logged_and_not_retried_immediately(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, logged = [], []

    def broken(_last: PageSnapshot | None) -> PageSnapshot:
        taken.append(clock.now)
        raise ZeroDivisionError

    monkeypatch.setattr(threading, "excepthook", lambda error: logged.append(error.exc_type))
    snapshot_cache = SnapshotCache(broken)
    for _ in range(2):
        with pytest.raises(KubernetesSecretsError, match="The log of Airflow's API server has its traceback"):
            snapshot_cache.snapshot()
    clock.now += 5
    with pytest.raises(KubernetesSecretsError, match="internal error"):
        snapshot_cache.snapshot()

    assert len(taken) == 2
    until(lambda: logged == [ZeroDivisionError] * 2)


def test_last_snapshot_is_returned_while_a_new_one_is_taken(clock: Clock) -> None:
    slow, snapshot_cache = slow_after_the_first_snapshot()
    clock.now += 30

    with asking(snapshot_cache, slow):
        clock.now += PATIENCE
        assert snapshot_cache.snapshot().location == "1"
    until(lambda: snapshot_cache.snapshot().location == "2")


def test_requests_wait_only_a_moment_while_the_last_snapshot_may_be_shown(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A LIST of thousands of Secrets takes seconds, and the user only wants to turn a page."""
    slow, snapshot_cache = slow_after_the_first_snapshot()
    monkeypatch.setattr(module, "_PROMPT_SECONDS", 0.01)
    clock.now += 299

    assert snapshot_cache.snapshot().location == "1"
    assert slow.begun.wait(PATIENCE)
    slow.go_on.set()
    until(lambda: snapshot_cache.snapshot().location == "2")
    assert slow.taken == 2


def test_a_snapshot_that_is_too_old_is_not_shown_while_a_new_one_is_taken(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, snapshot_cache = slow_after_the_first_snapshot()
    monkeypatch.setattr(module, "_PROMPT_SECONDS", 0.01)
    clock.now += 300

    with asking(snapshot_cache, slow) as given:
        pass

    assert given == ["2"]


def test_without_a_thread_the_request_takes_the_snapshot(
    clock: Clock, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    snapshot_cache = SnapshotCache(subject)
    snapshot_cache.snapshot()
    monkeypatch.setattr(threading.Thread, "start", refused)
    clock.now += 30

    assert snapshot_cache.snapshot().location == "2"


def test_refresh_waits_for_the_snapshot_that_is_being_taken(clock: Clock) -> None:
    slow, snapshot_cache = slow_after_the_first_snapshot()
    clock.now += 30
    given: list[str] = []
    pressed = threading.Thread(target=lambda: given.append(snapshot_cache.snapshot(refresh=True).location))

    with asking(snapshot_cache, slow):
        pressed.start()
        until(lambda: snapshot_cache._waiting._value < module._MOST_WAITING)
        assert given == []
    pressed.join(PATIENCE)

    assert given == ["2"]
    assert slow.taken == 2


def test_concurrent_requests_share_one_snapshot() -> None:
    slow = SlowSubject()

    with asking(SnapshotCache(slow), slow, others=3) as given:
        pass

    assert given == ["1"] * 4
    assert slow.taken == 1


def test_number_of_requests_that_wait_for_the_first_snapshot_is_limited() -> None:
    slow = SlowSubject()
    snapshot_cache = SnapshotCache(slow)

    with asking(snapshot_cache, slow, others=3):
        until(lambda: snapshot_cache._waiting._value == 0)
        with pytest.raises(KubernetesSecretsError, match="still being listed"):
            snapshot_cache.snapshot()
    assert slow.taken == 1


def test_request_fails_after_the_longest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_WAIT_SECONDS", 0.05)
    slow = SlowSubject()
    snapshot_cache = SnapshotCache(slow)

    with pytest.raises(KubernetesSecretsError, match="still being listed"):
        snapshot_cache.snapshot()

    slow.go_on.set()
    until(lambda: slow.taken == 1)
