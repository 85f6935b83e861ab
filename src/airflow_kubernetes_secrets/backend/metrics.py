"""Sends what happens in lookups to Airflow's metrics (StatsD or OpenTelemetry), if the option ``metrics`` is on.

A lookup with a request to the API server takes milliseconds, so the counts are sent at its end. The counts of lookups
from memory are collected, and sent every ten seconds. No name contains an id, a Secret or a team.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.backend.airflow_versions import stats
from airflow_kubernetes_secrets.counters import counters
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.process import on_new_process

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.sources.source import Source

PREFIX = "kubernetes_secrets"

HIT, MISS, ERROR = "hit", "miss", "error"

# Airflow sends its own gauges equally often.
_INTERVAL_SECONDS = 10.0

# If so many events are collected, they are sent early. This limits the memory of a process with very many lookups.
_MOST_COLLECTED = 10_000

_LOOKUPS = {
    (kind, outcome): f"lookups.{kind.name.lower()}.{outcome}" for kind in Kind for outcome in (HIT, MISS, ERROR)
}


class _Clock:
    """When this process last sent something, in seconds on the monotonic clock."""

    def __init__(self) -> None:
        self.sent_at = monotonic()

    def reset(self) -> None:
        """Start a new interval, in a forked child."""
        self.sent_at = monotonic()


_clock = _Clock()
on_new_process(_clock.reset)


def switch_on() -> None:
    """Start counting."""
    counters.is_on = True


def note(kind: Kind, outcome: str, source: Source | None) -> None:
    """Count a lookup, and send the counts if they are due. A failure is logged once and never raised.

    Args:
        outcome: :data:`HIT`, :data:`MISS` or :data:`ERROR`.
        source: the source of the Secrets, whose state is sent too; ``None`` if the process has none yet.
    """
    counters.count_in_memory(_LOOKUPS[kind, outcome])
    # Airflow looks up its options before it can send metrics, so such a lookup sends nothing.
    if kind is Kind.CONFIG:
        return
    now = monotonic()
    if counters.is_urgent or now - _clock.sent_at >= _INTERVAL_SECONDS or len(counters) >= _MOST_COLLECTED:
        _clock.sent_at = now
        try:
            _send(source)
        except Exception as error:  # a client of Airflow's metrics may raise anything
            problem = type(error).__name__
            notices.once(
                logging.WARNING,
                ("metrics", problem),
                f"metrics: Airflow's metrics did not accept a value ({problem}). Check the section [metrics] of "
                "Airflow's configuration",
            )


def _send(source: Source | None) -> None:
    events, durations = counters.take()
    client = stats()
    if client is None:
        return
    for name, number in events.items():
        client.incr(f"{PREFIX}.{name}", number)
    for name, seconds in durations:
        client.timing(f"{PREFIX}.{name}", timedelta(seconds=seconds))
    for name, value in source.measurements().items() if source is not None else ():
        client.gauge(f"{PREFIX}.{name}", value)
