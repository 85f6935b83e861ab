"""Lookups from memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from probes.subjects import make, missing_ids, other_ids

_BATCHES = 200
_LOOKUPS = 100  # of different ids, in each batch


def memory(who: str, secrets: int) -> dict[str, float]:
    """Measure a hit and a miss."""
    backend = make(who, cache_ttl=3600)
    # The third lookup lists everything, and all later ones use that list.
    for _ in range(3):
        assert backend.get_conn_value("my_db") is not None
    hits, misses = other_ids(secrets, _LOOKUPS), missing_ids(_LOOKUPS)
    assert None not in map(backend.get_conn_value, hits)
    return {"hit_us": each_us(backend.get_conn_value, hits), "miss_us": each_us(backend.get_conn_value, misses)}


def each_us(look_up: Callable[[str], Any], ids: list[str]) -> float:
    """Return microseconds per lookup of these ids: the median of many batches, each timed as a whole."""
    batches = []
    for _ in range(_BATCHES):
        started = time.perf_counter()
        for each in ids:
            look_up(each)
        batches.append(time.perf_counter() - started)
    return statistics.median(batches) / len(ids) * 1e6
