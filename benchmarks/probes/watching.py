"""What watches cost the API server while nothing changes."""

from __future__ import annotations

import time
from threading import active_count

from airflow_kubernetes_secrets.process import restart
from probes.api_server import CpuMeter
from probes.steps import use_thresholds
from probes.subjects import make

# The cost of a single watch would be too small to measure.
_WATCHES = 128
_CACHE_TTL = 2.0
_SECONDS = 12.0


def watching(who: str, _secrets: int) -> dict[str, float]:
    """Return the API server's CPU time for one watch in one second, with the shortest ``cache_ttl`` that has a watch.

    The watch ends and begins again every second, which is the most that a watch can cost. It selects a label that no
    Secret has. That makes no difference, because an API server sends a watch only changes, and nothing changes here.
    """
    idle = CpuMeter()
    time.sleep(_SECONDS)
    beyond_idle = idle.used()
    # The first lookup lists everything and starts the watch.
    use_thresholds(queries_first=0, indexes_first=0)
    for number in range(_WATCHES):
        # The options differ, so that each backend has its own watch.
        backend = make(who, cache_ttl=_CACHE_TTL, timeout=10 + number, connections_label="example.com/none")
        backend.get_conn_value("missing")
    time.sleep(1)
    assert active_count() > _WATCHES
    meter = CpuMeter()
    time.sleep(_SECONDS)
    server_cpu = meter.used() - beyond_idle
    restart()
    return {"server_cpu_ms": server_cpu * 1000 / (_WATCHES * _SECONDS), "beyond_idle_ms": beyond_idle * 1000 / _SECONDS}
