"""What watches cost the API server while nothing changes."""

from __future__ import annotations

import time
from threading import active_count

from airflow_kubernetes_secrets.process import start_anew
from probes.api_server import CpuMeter
from probes.steps import climb_after
from probes.subjects import make

# One by itself could not be seen.
_WATCHES = 128
_CACHE_TTL = 2.0
_SECONDS = 12.0


def watching(who: str, _secrets: int) -> dict[str, float]:
    """CPU time of the API server for one watch in one second, with the shortest ``cache_ttl`` that has a watch.

    It ends and begins anew every second, which is the most that a watch can cost. What is watched is a label that no
    Secret has: an API server sends a watch what changes, and that is nothing here in either case.
    """
    idle = CpuMeter()
    time.sleep(_SECONDS)
    beyond_idle = idle.used()
    # The first lookup lists everything and starts the watch.
    climb_after(asked_first=0, indexes_first=0)
    for number in range(_WATCHES):
        # Different options, so that each has a watch of its own.
        backend = make(who, cache_ttl=_CACHE_TTL, timeout=10 + number, connections_label="example.com/none")
        backend.get_conn_value("missing")
    time.sleep(1)
    assert active_count() > _WATCHES
    meter = CpuMeter()
    time.sleep(_SECONDS)
    server_cpu = meter.used() - beyond_idle
    start_anew()
    return {"server_cpu_ms": server_cpu * 1000 / (_WATCHES * _SECONDS), "beyond_idle_ms": beyond_idle * 1000 / _SECONDS}
