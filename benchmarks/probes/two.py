"""A process that looks up two ids and ends, as most tasks do, as the API server sees it."""

from __future__ import annotations

from probes.api_server import CpuMeter
from probes.subjects import make

_PROCESSES = 300


def two(who: str, _secrets: int) -> dict[str, float]:
    """CPU time of the API server for a new connection, a hit and a miss.

    One such process is too little to be seen, and hundreds take minutes to start, so this one begins anew each time.
    """
    backend = make(who)
    backend.get_conn_value("my_db")
    meter = CpuMeter()
    for _ in range(_PROCESSES):
        _begin_anew(who)
        backend = make(who, cache_ttl=60)
        assert backend.get_conn_value("my_db") is not None
        assert backend.get_conn_value("missing-0") is None
    return {"server_cpu_ms": meter.used() * 1000 / _PROCESSES}


def _begin_anew(who: str) -> None:
    """Forget connections and answers. The peer's belong to the backend object."""
    if who == "ours":
        from airflow_kubernetes_secrets.process import start_anew

        start_anew()
