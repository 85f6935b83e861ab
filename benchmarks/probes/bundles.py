"""Lookups from memory with bundles: of an id with a Secret of its own, in a bundle, and nowhere."""

from __future__ import annotations

from probes.memory import each_us
from probes.subjects import make, missing_ids, other_ids
from probes.writer import Writer

_LOOKUPS = 100  # of different ids, in each batch
_ENTRIES = 1_000
_VALUE = "postgres://user:password@db.example.com:5432/app"


def bundles(who: str, secrets: int) -> dict[str, float]:
    """Measure lookups with the option on, and a hit without it for comparison."""
    entries = {f"bundled-{number}": _VALUE for number in range(_ENTRIES)}
    Writer().write("bundle", {"airflow.apache.org/bundle": "connections"}, entries)
    own, bundled, missing = other_ids(secrets, _LOOKUPS), list(entries)[:_LOOKUPS], missing_ids(_LOOKUPS)
    off, on = make(who, cache_ttl=3600), make(who, cache_ttl=3600, bundles=True)
    # The third lookup of each label lists everything, and all later ones use that list.
    for _ in range(3):
        assert None not in map(off.get_conn_value, own)
        assert None not in map(on.get_conn_value, (*own, *bundled))
    return {
        "off_us": each_us(off.get_conn_value, own),
        "own_us": each_us(on.get_conn_value, own),
        "hit_us": each_us(on.get_conn_value, bundled),
        "miss_us": each_us(on.get_conn_value, missing),
    }
