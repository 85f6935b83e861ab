"""The total cost of a process's first lookups: with single requests, with a LIST at once, and with the defaults."""

from __future__ import annotations

import time
from typing import Any

from airflow_kubernetes_secrets.process import restart
from probes.api_server import CpuMeter
from probes.steps import use_thresholds
from probes.subjects import make, other_ids

LOOKUPS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100)
_SECONDS = 0.8
_LEAST = 5


def thresholds(who: str, secrets: int) -> dict[str, Any]:
    """Return the caller's milliseconds and the API server's CPU milliseconds, for each number of lookups."""
    figures: dict[str, Any] = {"lookups": LOOKUPS}
    figures |= _costs("one_by_one", who, secrets, cache_ttl=0)
    figures |= _costs("as_built", who, secrets, cache_ttl=3600)
    use_thresholds(queries_first=0)
    figures |= _costs("at_once", who, secrets, cache_ttl=3600)
    return figures


def _costs(name: str, who: str, secrets: int, **options: object) -> dict[str, list[float]]:
    ids = other_ids(secrets, max(LOOKUPS))
    _cost(who, ids[:3], options)  # the first call also loads modules
    costs = [_cost(who, ids[:count], options) for count in LOOKUPS]
    return {
        f"{name}_ms": [wall * 1000 for wall, _server_cpu in costs],
        f"{name}_server_cpu_ms": [server_cpu * 1000 for _wall, server_cpu in costs],
    }


def _cost(who: str, ids: list[str], options: dict[str, object]) -> tuple[float, float]:
    """Return the seconds for looking up these ids on a new connection: of the process, and of the API server's CPU."""
    processes = 0
    meter, began = CpuMeter(), time.perf_counter()
    while processes < _LEAST or time.perf_counter() - began < _SECONDS:
        restart()
        backend = make(who, **options)
        for each in ids:
            assert backend.get_conn_value(each) is not None
        processes += 1
    return (time.perf_counter() - began) / processes, meter.used() / processes
