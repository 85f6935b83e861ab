"""Which lookups may send a request to an unavailable API server, and for how long."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.sources import api_server_state
from airflow_kubernetes_secrets.sources.api_server_state import ApiServerState
from support.clock import Clock

LONG = 1000.0
SHORTEST_PAUSE, LONGEST_PAUSE = api_server_state._PAUSE_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(api_server_state, "monotonic", clock)
    return clock


@pytest.fixture
def state(clock: Clock) -> ApiServerState:
    return ApiServerState()


def failure(*, lasting: bool = True, retry_after: float | None = None) -> ApiUnavailableError:
    return ApiUnavailableError("server", "no response in time", 1, 4.0, "", lasting=lasting, retry_after=retry_after)


def begun(state: ApiServerState, clock: Clock, **how: Any) -> None:
    state.record_failure(failure(**how), clock.now)


def pause(state: ApiServerState, clock: Clock) -> float:
    """Return the seconds from now on for which no request may be sent, to a hundredth."""
    began = clock.now
    while clock.now < began + LONG:
        try:
            state.seconds_for(LONG)
        except ApiUnavailableError:
            clock.now += 0.01
        else:
            return clock.now - began
    raise AssertionError("no request may be sent any more")


def test_without_an_outage_every_request_has_all_its_time(state: ApiServerState) -> None:
    assert state.error is None
    assert [state.seconds_for(4), state.seconds_for(4)] == [4, 4]


def test_in_an_outage_the_others_fail_with_its_error(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)

    for _ in range(2):
        with pytest.raises(ApiUnavailableError, match="no response in time"):
            state.seconds_for(4)


@pytest.mark.parametrize("before", [0.0, 1.0])
def test_a_request_that_fails_while_others_are_answered_is_no_outage(
    state: ApiServerState, clock: Clock, before: float
) -> None:
    """A single connection may hang."""
    requested_at = clock.now
    clock.now += before
    state.record_response()
    clock.now += 10

    state.record_failure(failure(), requested_at)

    assert state.error is None
    assert state.seconds_for(4) == 4


def test_a_request_that_was_sent_after_the_last_answer_begins_one(state: ApiServerState, clock: Clock) -> None:
    state.record_response()
    clock.now += 0.01
    began = clock.now

    state.record_failure(failure(), began)

    assert state.error is not None
    assert state.since == began


def test_nor_does_it_prolong_one_that_has_ended(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)
    requested_at = clock.now
    clock.now += 1
    assert state.record_response() is not None
    clock.now += 1

    state.record_failure(failure(), requested_at)

    assert state.error is None


def test_the_first_pause_does_not_depend_on_how_long_it_took_to_fail(state: ApiServerState, clock: Clock) -> None:
    requested_at = clock.now
    clock.now += 20
    state.record_failure(failure(), requested_at)

    assert SHORTEST_PAUSE <= pause(state, clock) <= LONGEST_PAUSE + 0.01


@pytest.mark.parametrize("took", [7.0, 15.0])
def test_after_a_probe_there_is_none_for_as_long_as_it_took(state: ApiServerState, clock: Clock, took: float) -> None:
    """So lookups wait for at most half of the time."""
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


def test_pauses_differ_so_that_processes_do_not_come_back_together(clock: Clock) -> None:
    pauses = set()
    for _ in range(20):
        state = ApiServerState()
        begun(state, clock)
        pauses.add(round(pause(state, clock), 2))

    assert len(pauses) > 5


@pytest.mark.parametrize(("asked_for", "kept"), [(10.0, 10.0), (29.0, 29.0), (3600.0, 30.0)])
def test_the_pause_that_the_server_asks_for(state: ApiServerState, clock: Clock, asked_for: float, kept: float) -> None:
    """The pause is limited: after a restart the server may no longer need it."""
    begun(state, clock, retry_after=asked_for)

    assert kept <= pause(state, clock) <= kept + 0.02


def test_a_pause_that_is_shorter_than_ours_changes_nothing(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock, retry_after=0.1)

    assert pause(state, clock) >= SHORTEST_PAUSE


def test_a_probe_that_took_very_long_does_not_stop_the_others_for_as_long(state: ApiServerState, clock: Clock) -> None:
    """A process that was frozen has such a probe."""
    begun(state, clock)
    requested_at = clock.now
    clock.now += 500
    state.record_failure(failure(), requested_at)

    assert pause(state, clock) <= 30.02


def test_what_a_person_can_fix_at_once_is_looked_at_again_at_once(state: ApiServerState, clock: Clock) -> None:
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


def test_a_probe_is_short_at_first_and_then_twice_as_long_each_time(state: ApiServerState, clock: Clock) -> None:
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


def test_while_one_probes_the_others_do_not(state: ApiServerState, clock: Clock) -> None:
    begun(state, clock)
    pause(state, clock)  # it ends with a probe of a second
    with pytest.raises(ApiUnavailableError):
        state.seconds_for(4)


def test_a_probe_that_was_interrupted_does_not_keep_others_away(state: ApiServerState, clock: Clock) -> None:
    """The time of a probe ends, whatever has happened to the probe."""
    begun(state, clock, lasting=False)
    assert state.seconds_for(0.2) == 0.2
    with pytest.raises(ApiUnavailableError):
        state.seconds_for(0.2)

    clock.now += 0.2

    assert state.seconds_for(0.2) == 0.2


def test_what_was_long_ago_says_nothing(state: ApiServerState, clock: Clock) -> None:
    """The next lookup, and those at the same time, then have their whole timeout."""
    begun(state, clock)
    clock.now += LONGEST_PAUSE + 30.01

    assert [state.seconds_for(4), state.seconds_for(4)] == [4, 4]


def test_it_ends_once(state: ApiServerState, clock: Clock) -> None:
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
