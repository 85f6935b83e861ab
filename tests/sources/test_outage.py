"""Which lookups may send a request to an unavailable API server, and for how long."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.sources import outage
from airflow_kubernetes_secrets.sources.outage import ApiServerState
from support.clock import Clock

LONG = 1000.0
SHORTEST_PAUSE, LONGEST_PAUSE = outage._PAUSE_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outage, "monotonic", clock)
    return clock


@pytest.fixture
def state(clock: Clock) -> ApiServerState:
    return ApiServerState()


def failure(*, lasting: bool = True, retry_after: float | None = None) -> ApiUnavailableError:
    return ApiUnavailableError("server", "no response in time", 1, 4.0, "", lasting=lasting, retry_after=retry_after)


def begun(state: ApiServerState, clock: Clock, **how: Any) -> None:
    state.record_failure(failure(**how), clock.now)


def pause(state: ApiServerState, clock: Clock) -> float:
    """Return how many seconds from now no request is allowed, to a hundredth."""
    began = clock.now
    while clock.now < began + LONG:
        try:
            state.seconds_for(LONG)
        except ApiUnavailableError:
            clock.now += 0.01
        else:
            return clock.now - began
    raise AssertionError("no request may be sent any more")


def test_without_an_outage_every_request_has_its_whole_timeout(state: ApiServerState) -> None:
    assert state.error is None
    assert [state.seconds_for(4), state.seconds_for(4)] == [4, 4]


def test_other_lookups_in_an_outage_fail_with_its_error(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)

    for _ in range(2):
        with pytest.raises(ApiUnavailableError, match="no response in time"):
            state.seconds_for(4)


@pytest.mark.parametrize("before", [0.0, 1.0])
def test_failure_while_other_requests_succeed_is_no_outage(state: ApiServerState, clock: Clock, before: float) -> None:
    """A single connection may hang."""
    requested_at = clock.now
    clock.now += before
    state.record_response()
    clock.now += 10

    state.record_failure(failure(), requested_at)

    assert state.error is None
    assert state.seconds_for(4) == 4


def test_failure_after_the_last_response_begins_an_outage(state: ApiServerState, clock: Clock) -> None:
    state.record_response()
    clock.now += 0.01
    began = clock.now

    state.record_failure(failure(), began)

    assert state.error is not None
    assert state.since == began


def test_failure_of_an_earlier_request_does_not_resume_an_ended_outage(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)
    requested_at = clock.now
    clock.now += 1
    assert state.record_response() is not None
    clock.now += 1

    state.record_failure(failure(), requested_at)

    assert state.error is None


def test_first_pause_does_not_depend_on_the_duration_of_the_request(state: ApiServerState, clock: Clock) -> None:
    requested_at = clock.now
    clock.now += 20
    state.record_failure(failure(), requested_at)

    assert SHORTEST_PAUSE <= pause(state, clock) <= LONGEST_PAUSE + 0.01


@pytest.mark.parametrize("took", [7.0, 15.0])
def test_pause_after_a_probe_is_as_long_as_the_probe(state: ApiServerState, clock: Clock, took: float) -> None:
    """Lookups therefore wait for at most half of the time."""
    begun(state, clock)
    pause(state, clock)
    requested_at = clock.now
    clock.now += took
    state.record_failure(failure(), requested_at)

    assert took <= pause(state, clock) <= took + 0.02


def test_a_short_probe_is_followed_by_the_usual_pause(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)
    pause(state, clock)
    begun(state, clock)

    assert SHORTEST_PAUSE <= pause(state, clock) <= LONGEST_PAUSE + 0.01


def test_pauses_are_random(clock: Clock) -> None:
    pauses = set()
    for _ in range(20):
        state = ApiServerState()
        begun(state, clock)
        pauses.add(round(pause(state, clock), 2))

    assert len(pauses) > 5


@pytest.mark.parametrize(("asked_for", "kept"), [(10.0, 10.0), (29.0, 29.0), (3600.0, 30.0)])
def test_pause_follows_retry_after_up_to_a_limit(
    state: ApiServerState, clock: Clock, asked_for: float, kept: float
) -> None:
    """The pause is limited: after a restart the server may no longer need it."""
    begun(state, clock, retry_after=asked_for)

    assert kept <= pause(state, clock) <= kept + 0.02


def test_short_retry_after_does_not_shorten_the_pause(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock, retry_after=0.1)

    assert pause(state, clock) >= SHORTEST_PAUSE


def test_pause_after_a_very_long_probe_is_limited(state: ApiServerState, clock: Clock) -> None:
    """A process that was frozen has such a probe."""
    begun(state, clock)
    requested_at = clock.now
    clock.now += 500
    state.record_failure(failure(), requested_at)

    assert pause(state, clock) <= 30.02


def test_error_that_a_person_can_fix_causes_no_pause(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock, lasting=False)

    assert pause(state, clock) == 0


def probes(state: ApiServerState, clock: Clock, timeout: float, count: int) -> list[float]:
    """Return how long the next probes may take, in seconds."""
    found = []
    for _ in range(count):
        while True:
            try:
                found.append(state.seconds_for(timeout))
                break
            except ApiUnavailableError:
                clock.now += 0.1
        begun(state, clock)
    return found


def test_timeout_of_probes_doubles_from_one_second(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)

    assert probes(state, clock, 20, 7) == [1, 2, 4, 8, 16, 20, 20]


def test_the_first_probe_of_the_next_outage_is_short_again(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)
    probes(state, clock, 20, 4)
    state.record_response()
    clock.now += 1
    begun(state, clock)

    assert probes(state, clock, 20, 2) == [1, 2]


def test_an_outage_of_days(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)
    found = probes(state, clock, 1e6, 40)

    assert all(later >= earlier for earlier, later in pairwise(found))
    assert found[-1] == 2**16


def test_only_one_lookup_probes_at_a_time(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)
    pause(state, clock)  # it ends with a probe of a second
    with pytest.raises(ApiUnavailableError):
        state.seconds_for(4)


def test_interrupted_probe_does_not_block_later_lookups(state: ApiServerState, clock: Clock) -> None:
    """The time of a probe ends, whatever has happened to the probe."""
    begun(state, clock, lasting=False)
    assert state.seconds_for(0.2) == 0.2
    with pytest.raises(ApiUnavailableError):
        state.seconds_for(0.2)

    clock.now += 0.2

    assert state.seconds_for(0.2) == 0.2


def test_outage_of_long_ago_is_ignored(state: ApiServerState, clock: Clock) -> None:
    """The next lookup, and those at the same time, then have their whole timeout."""
    begun(state, clock)
    clock.now += LONGEST_PAUSE + 30.01

    assert [state.seconds_for(4), state.seconds_for(4)] == [4, 4]


def test_outage_ends_once(state: ApiServerState, clock: Clock) -> None:
    began = clock.now
    begun(state, clock)
    clock.now += 5
    # The beginning of the outage stays that of the first failure.
    begun(state, clock)

    error = state.record_response()

    assert isinstance(error, ApiUnavailableError)
    assert state.since == began
    assert state.record_response() is None
    assert state.seconds_for(4) == 4
