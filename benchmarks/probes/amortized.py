"""The lookups of a process with an index: two single requests, the LIST, and the rest from memory."""

from __future__ import annotations

import time

from airflow_kubernetes_secrets.process import restart
from probes.api_server import CpuMeter
from probes.memory import each_us
from probes.subjects import make, other_ids

LOOKUPS = 50
_SECONDS = 3.0
_LEAST = 3
# A LIST of 100,000 Secrets takes seconds.
_TIMEOUT = 60.0


def amortized(who: str, secrets: int) -> dict[str, float]:
    """Measure one of fifty lookups, with its share of the connection and the LIST, and a lookup from memory alone."""
    ids = other_ids(secrets, LOOKUPS)
    processes = 0
    meter, began = CpuMeter(), time.perf_counter()
    while processes < _LEAST or time.perf_counter() - began < _SECONDS:
        restart()
        backend = make(who, cache_ttl=3600, timeout=_TIMEOUT)
        for conn_id in ids:
            assert backend.get_conn_value(conn_id) is not None
        processes += 1
    wall, server_cpu = time.perf_counter() - began, meter.used()
    return {
        "latency_ms": wall * 1000 / (processes * LOOKUPS),
        "server_cpu_ms": server_cpu * 1000 / (processes * LOOKUPS),
        "memory_ms": each_us(backend.get_conn_value, ids) / 1000,
        "processes": processes,
    }
