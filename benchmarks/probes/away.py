"""Lookups while the API server is unavailable: the connection is accepted, and nothing is ever sent over it."""

from __future__ import annotations

import logging
import os
import socket
import time

from probes.subjects import make, missing_ids

TIMEOUT = 2.0
_LOOKUPS = 50


def away(who: str, _secrets: int) -> dict[str, float]:
    """Measure fifty lookups that all fail."""
    logging.disable()
    # The kernel accepts connections for a listener that does not.
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        os.environ["KUBERNETES_SERVICE_PORT"] = str(listener.getsockname()[1])
        backend = make(who, timeout=TIMEOUT, cache_ttl=60)
        failed, started = 0, time.perf_counter()
        for conn_id in missing_ids(_LOOKUPS):
            try:
                backend.get_conn_value(conn_id)
            except Exception:  # of any type
                failed += 1
        wall = time.perf_counter() - started
    assert failed == _LOOKUPS
    return {"wall_s": wall}
