"""What this process costs the API server."""

from __future__ import annotations

import os
import time

import psutil

_API_SERVER = psutil.Process(int(os.environ["BENCH_API_SERVER_PID"]))
_IDLE_CPU = float(os.environ["BENCH_API_SERVER_IDLE_CPU"])


class CpuMeter:
    """The CPU time of the API server from now on, beyond what it uses without requests. Exact to 10 ms."""

    def __init__(self) -> None:
        self._cpu, self._began = _cpu_seconds(), time.perf_counter()

    def used(self) -> float:
        """Return the CPU seconds used so far."""
        return _cpu_seconds() - self._cpu - _IDLE_CPU * (time.perf_counter() - self._began)


def _cpu_seconds() -> float:
    times = _API_SERVER.cpu_times()
    return float(times.user + times.system)
