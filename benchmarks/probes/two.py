"""A process that looks up two ids and ends, as most tasks do: its cost for the API server."""

from __future__ import annotations

from probes.api_server import CpuMeter
from probes.subjects import make

_PROCESSES = 300


def two(who: str, _secrets: int) -> dict[str, float]:
    """Measure the API server's CPU time for a new connection, a hit and a miss.

    The cost of one process is too small to measure, and hundreds of processes take minutes to start. So this process
    starts from scratch each time.
    """
    backend = make(who)
    backend.get_conn_value("my_db")
    meter = CpuMeter()
    for _ in range(_PROCESSES):
        _forget_everything(who)
        backend = make(who, cache_ttl=60)
        assert backend.get_conn_value("my_db") is not None
        assert backend.get_conn_value("missing-0") is None
    return {"server_cpu_ms": meter.used() * 1000 / _PROCESSES}


def _forget_everything(who: str) -> None:
    """Forget connections and cached values. The peer stores them in the backend object."""
    if who == "ours":
        from airflow_kubernetes_secrets.process import restart

        restart()
