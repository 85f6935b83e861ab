"""Who may ask an API server that is away."""

from __future__ import annotations

import time

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.sources import outage


def test_a_probe_that_was_interrupted_does_not_keep_others_away() -> None:
    """The time of a probe is over at some time, whatever has become of it."""
    state = outage.Outage()
    state.begin(
        ApiUnavailableError("server", "its certificate is not trusted", 1, 0.0, "", lasting=False), time.monotonic()
    )
    assert state.seconds_for(0.2) == 0.2
    with pytest.raises(ApiUnavailableError):
        state.seconds_for(0.2)

    time.sleep(0.2)

    assert state.seconds_for(0.2) == 0.2
