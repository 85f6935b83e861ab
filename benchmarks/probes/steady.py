"""Consecutive lookups that each query the API server: what they cost both sides."""

from __future__ import annotations

import statistics
import time

from probes.api_server import CpuMeter
from probes.subjects import make, other_ids

_SECONDS = 3.0
_LEAST = 20
_IDS = 100


def steady(who: str, secrets: int) -> dict[str, float]:
    """Measure hits without a cache, for some seconds."""
    backend = make(who)
    ids = other_ids(secrets, _IDS)
    for conn_id in ids[:3]:
        assert backend.get_conn_value(conn_id) is not None
    latencies: list[float] = []
    meter, began = CpuMeter(), time.perf_counter()
    while len(latencies) < _LEAST or time.perf_counter() - began < _SECONDS:
        conn_id = ids[len(latencies) % _IDS]
        started = time.perf_counter()
        backend.get_conn_value(conn_id)
        latencies.append(time.perf_counter() - started)
    server_cpu = meter.used() / len(latencies)
    return {
        "latency_ms": statistics.median(latencies) * 1000,
        "server_cpu_ms": server_cpu * 1000,
        "lookups": len(latencies),
    }
