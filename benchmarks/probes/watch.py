"""How soon a lookup returns a change in Kubernetes."""

from __future__ import annotations

import random
import time

from probes.served import CONNECTIONS_LABEL
from probes.subjects import Subject, make
from probes.writer import Writer

# The shortest cache_ttl that has a watch. With it the API server ends the watch every second, so the changes between
# two watches are measured too.
_CACHE_TTL = 2.0
_CHANGES = 100
_LONGEST_PAUSE = 0.05
_POLLED_EVERY = 0.0001
_PATIENCE = 5.0


def watch(who: str, _secrets: int) -> dict[str, list[float]]:
    """Return the milliseconds from the API server's response to a write until a lookup returns the new value.

    The lookups are a tenth of a millisecond apart, which is also the precision of the figures.
    """
    backend = make(who, cache_ttl=_CACHE_TTL)
    for _ in range(3):
        backend.get_conn_value("my_db")
    time.sleep(_CACHE_TTL + 0.1)
    # The index has expired: this lookup lists again and starts the watch.
    backend.get_conn_value("my_db")
    writer = Writer()
    time.sleep(0.5)
    pauses = random.Random(_CHANGES)  # the changes must not be synchronous with the watches
    latencies = []
    for number in range(_CHANGES):
        value = f"postgres://user:password@db.example.com:5432/{number}"
        writer.write("app-db", {CONNECTIONS_LABEL: "my_db"}, {"value": value})
        latencies.append(_until(backend, value) * 1000)
        time.sleep(pauses.uniform(0, _LONGEST_PAUSE))
    return {"latencies_ms": latencies}


def _until(backend: Subject, value: str) -> float:
    began = time.perf_counter()
    while backend.get_conn_value("my_db") != value:
        if time.perf_counter() - began > _PATIENCE:
            raise TimeoutError(f"a change was not seen within {_PATIENCE:g} s")
        time.sleep(_POLLED_EVERY)
    return time.perf_counter() - began
