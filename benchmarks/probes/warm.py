"""Consecutive lookups that each query the API server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from probes.subjects import Subject, make

_LOOKUPS = 300


def warm(who: str, _secrets: int) -> dict[str, float]:
    """Measure lookups on one backend object."""
    backend = make(who)
    return _measure(lambda: backend)


def fresh(who: str, _secrets: int) -> dict[str, float]:
    """Measure lookups on new backend objects, which Airflow builds for configuration options."""
    return _measure(lambda: make(who))


def _measure(backend: Callable[[], Subject]) -> dict[str, float]:
    for _ in range(20):
        backend().get_conn_value("my_db")
    latencies = []
    began = time.process_time()
    for _ in range(_LOOKUPS):
        started = time.perf_counter()
        backend().get_conn_value("my_db")
        latencies.append(time.perf_counter() - started)
    cpu = time.process_time() - began
    return {"cpu_ms": cpu * 1000 / _LOOKUPS, "latency_ms": statistics.median(latencies) * 1000}
