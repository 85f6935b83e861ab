"""Lookups of variables from memory with bundles and ConfigMaps: in a Secret, in a ConfigMap, in its bundle, nowhere."""

from __future__ import annotations

from probes.memory import each_us
from probes.subjects import missing_ids, ours
from probes.writer import Writer

_LOOKUPS = 100  # of different ids, in each batch
_ENTRIES = 1_000
_LABEL = "airflow.apache.org/variable-key"


def config_maps(_who: str, _secrets: int) -> dict[str, float]:
    """Measure lookups with both options on, and a hit without them for comparison."""
    writer = Writer()
    in_secrets = [f"in-secret-{number}" for number in range(_LOOKUPS)]
    for each in in_secrets:
        writer.write(each, {_LABEL: each}, {"value": each})
    in_config_maps = [f"in-config-map-{number}" for number in range(_LOOKUPS)]
    for each in in_config_maps:
        writer.write_config_map(each, {_LABEL: each}, {"value": each})
    entries = {f"bundled-{number}": "value" for number in range(_ENTRIES)}
    writer.write_config_map("bundle", {"airflow.apache.org/bundle": "variables"}, entries)
    bundled, missing = list(entries)[:_LOOKUPS], missing_ids(_LOOKUPS)
    off, on = ours(cache_ttl=3600), ours(cache_ttl=3600, bundles=True, config_maps=True)
    # The third lookup of each label lists everything, and all later ones use that list.
    for _ in range(3):
        assert None not in map(off.get_variable, in_secrets)
        assert None not in map(on.get_variable, (*in_secrets, *in_config_maps, *bundled))
    return {
        "off_us": each_us(off.get_variable, in_secrets),
        "secret_us": each_us(on.get_variable, in_secrets),
        "hit_us": each_us(on.get_variable, in_config_maps),
        "bundled_us": each_us(on.get_variable, bundled),
        "miss_us": each_us(on.get_variable, missing),
    }
