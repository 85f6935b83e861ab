"""Many threads that read from memory at once."""

from __future__ import annotations

import statistics
import time
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from probes.subjects import make, other_ids

_THREADS = 32
_TURNS = 7
_LOOKUPS = 32_000  # of all threads together
_IDS = 100


def threads(who: str, secrets: int) -> dict[str, float]:
    """Return microseconds per lookup, with the same number of lookups in one thread and in many threads."""
    backend = make(who, cache_ttl=3600)
    for _ in range(3):
        assert backend.get_conn_value("my_db") is not None
    ids = other_ids(secrets, _IDS)
    figures = {}
    for name, look_up in (("", backend.get_conn_value), ("unshared_", _unshared)):
        one, many = [], []
        for _ in range(_TURNS):
            one.append(_each(look_up, ids, 1))
            many.append(_each(look_up, ids, _THREADS))
        figures[f"{name}one_us"] = statistics.median(one) * 1e6
        figures[f"{name}many_us"] = statistics.median(many) * 1e6
    return figures


def _unshared(conn_id: str) -> bytes:
    """Do about as much work as a hit, without shared state. A slowdown here is the cost of Python's own threads."""
    seen: dict[int, str] = {}
    for number in range(40):
        seen[number] = conn_id
    return b64decode("A" * 800)


def _each(look_up: Callable[[str], Any], ids: list[str], count: int) -> float:
    """Return the seconds per lookup, from the moment that all threads are ready until the last one ends."""
    together = Barrier(count + 1)
    rounds = _LOOKUPS // count // len(ids)

    def read() -> None:
        together.wait()
        for _ in range(rounds):
            for each in ids:
                look_up(each)

    with ThreadPoolExecutor(count) as pool:
        readers = [pool.submit(read) for _ in range(count)]
        together.wait()
        began = time.perf_counter()
        for reader in readers:
            reader.result()
        seconds = time.perf_counter() - began
    return seconds / (rounds * len(ids) * count)
