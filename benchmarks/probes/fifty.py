"""The lookups of a process that reads many ids and finds few of them here, as a DAG file does."""

from __future__ import annotations

import time

from probes.cold import find_no_bytecode
from probes.subjects import make, missing_ids, other_ids

HITS, MISSES = 10, 40


def fifty(who: str, secrets: int) -> dict[str, float]:
    """Measure import, construction and fifty lookups of connections: four misses after each hit."""
    hits, misses = other_ids(secrets, HITS), missing_ids(MISSES)
    ids = [each for number, hit in enumerate(hits) for each in (hit, *misses[4 * number : 4 * number + 4])]
    started, began = time.perf_counter(), time.process_time()
    backend = make(who, cache_ttl=60)
    found = sum(backend.get_conn_value(each) is not None for each in ids)
    cpu, wall = time.process_time() - began, time.perf_counter() - started
    assert found == HITS
    return {"cpu_ms": cpu * 1000, "wall_ms": wall * 1000}


def fifty_uncompiled(who: str, secrets: int) -> dict[str, float]:
    """Measure :func:`fifty` without bytecode."""
    find_no_bytecode()
    return fifty(who, secrets)
