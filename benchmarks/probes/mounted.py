"""Lookups of mounted Secrets, in a volume as the kubelet writes it and in plain files. It needs no API server.

``python benchmarks/probe.py ours mounted 100``
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from airflow_kubernetes_secrets import KubernetesSecretsBackend

_ROUNDS = 50

# A file system may record changes in steps of two seconds, so files that have just changed are read again until then.
_SETTLED_AFTER_SECONDS = 2.1


def mounted(_who: str, secrets: int) -> dict[str, float]:
    """Measure hits and misses with this many mounted connections, one file each."""
    with tempfile.TemporaryDirectory() as home:
        volume, plain = Path(home, "volume", "connections"), Path(home, "plain", "connections")
        (volume / "..one").mkdir(parents=True)
        plain.mkdir(parents=True)
        for number in range(secrets):
            (volume / "..one" / f"id-{number}").write_text("postgres://u:p@db/app")
            (volume / f"id-{number}").symlink_to(f"..data/id-{number}")
            (plain / f"id-{number}").write_text("postgres://u:p@db/app")
        (volume / "..data").symlink_to("..one")
        time.sleep(_SETTLED_AFTER_SECONDS)
        of_volume = KubernetesSecretsBackend(path=str(volume.parent))
        of_plain = KubernetesSecretsBackend(path=str(plain.parent))
        began = time.perf_counter()
        assert of_volume.get_conn_value("id-0") is not None
        first = time.perf_counter() - began
        ids = [f"id-{number}" for number in range(secrets)]
        return {
            "first_ms": first * 1000,
            "hit_us": _microseconds(of_volume.get_conn_value, ids),
            "miss_us": _microseconds(of_volume.get_conn_value, [f"missing-{number}" for number in range(secrets)]),
            "plain_hit_us": _microseconds(of_plain.get_conn_value, ids),
        }


def _microseconds(look: Callable[[str], object], ids: list[str]) -> float:
    """Return the median time of a lookup, after the first one of each id."""
    times = []
    for number in range(_ROUNDS):
        for each in ids:
            began = time.perf_counter()
            look(each)
            if number:
                times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6
