"""Sends what happens in lookups to Airflow's metrics (StatsD or OpenTelemetry), if the option ``metrics`` is on.

A lookup with a request to the API server takes milliseconds, so the counts are sent at its end. The counts of lookups
from memory are collected, and sent every ten seconds. The rest is sent when the process ends. No name contains an id, a
Secret or a team.
"""

from __future__ import annotations

import atexit
import logging
from datetime import timedelta
from threading import get_ident
from time import monotonic
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.backend.airflow_versions import created_stats, stats
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


class _State:
    """What this process has sent.

    Attributes:
        sent_at: when it last sent something, in seconds on the monotonic clock.
        senders: the threads that are sending now. The client of such a thread can look up an option.
        is_registered_at_exit: whether :func:`_send_at_exit` is registered for the end of this process.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start a new interval, in a forked child."""
        self.sent_at = monotonic()
        self.senders: set[int] = set()
        # Airflow forks the process of a task, and clears the functions that its parent has registered for the exit.
        self.is_registered_at_exit = False


_state = _State()
on_new_process(_state.reset)


def switch_on() -> None:
    """Start counting."""
    counters.is_on = True


def note(kind: Kind, outcome: str, source: Source | None) -> None:
    """Count a lookup, and send the counts if they are due. A failure is logged once and never raised.

    Args:
        outcome: :data:`HIT`, :data:`MISS` or :data:`ERROR`.
        source: the source of the Secrets, whose state is sent too; ``None`` if the lookup ended before it had one.
    """
    counters.count(_LOOKUPS[kind, outcome])
    if not _state.is_registered_at_exit:
        _register_at_exit()
    now = monotonic()
    if counters.should_send_soon or now - _state.sent_at >= _INTERVAL_SECONDS or len(counters) >= _MOST_COLLECTED:
        # Airflow looks up options before it can send metrics. It can also do so during an import, when a client must
        # not be created. The counts are then sent later.
        if get_ident() in _state.senders or (kind is Kind.CONFIG and created_stats() is None):
            return
        _state.sent_at = now
        _try_to_send(source)
        # This can have created a client that sends its own rest at the end, which must come after this module's.
        _register_at_exit()


def _register_at_exit() -> None:
    """Register :func:`_send_at_exit`, before which no function runs that was registered earlier.

    So the counts are sent before Airflow's client sends its own rest and closes.
    """
    _state.is_registered_at_exit = True
    # A forked child can have the function of its parent.
    atexit.unregister(_send_at_exit)
    atexit.register(_send_at_exit)


def _send_at_exit() -> None:
    """Send the counts at the end of the process, if Airflow has sent metrics."""
    if len(counters) and created_stats() is not None:
        _try_to_send(None)


def _try_to_send(source: Source | None) -> None:
    sender = get_ident()
    _state.senders.add(sender)
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
    finally:
        _state.senders.discard(sender)


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
