"""The LIST of everything with the label, stored as an index: its time and memory."""

from __future__ import annotations

import time

from probes.bare import BareSocket
from probes.resident import forget_peak, peak_bytes, resident_bytes
from probes.subjects import make, other_ids


def index(who: str, secrets: int) -> dict[str, float]:
    """Measure this backend's third lookup, which builds the index, or the same LIST on an open bare TLS socket."""
    if who == "bare":
        return _bare()
    backend = make(who, cache_ttl=3600)
    for _ in range(2):
        assert backend.get_conn_value("my_db") is not None
    conn_id = other_ids(secrets, 1)[0]
    resident_bytes()  # the first call takes memory of its own
    memory = resident_bytes()
    forget_peak()
    began, started = time.process_time(), time.perf_counter()
    found = backend.get_conn_value(conn_id)
    wall, cpu = time.perf_counter() - started, time.process_time() - began
    assert found is not None
    peak = peak_bytes()
    kept = resident_bytes()
    return {
        "wall_ms": wall * 1000,
        "cpu_ms": cpu * 1000,
        "kept_mib": (kept - memory) / 2**20,
        "peak_mib": (peak - memory) / 2**20,
    }


def _bare() -> dict[str, float]:
    server = BareSocket()
    for _ in range(2):
        server.get_conn_value("my_db")
    began, started = time.process_time(), time.perf_counter()
    received = server.list_all()
    wall, cpu = time.perf_counter() - started, time.process_time() - began
    return {"wall_ms": wall * 1000, "cpu_ms": cpu * 1000, "received_mib": received / 2**20}
