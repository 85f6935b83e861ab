"""Changes, for a measurement, when this process moves from single requests to an index to a watch."""

from __future__ import annotations

from functools import partial

from airflow_kubernetes_secrets.sources import cache_policy


def climb_after(**thresholds: int) -> None:
    """Make new sources use these thresholds in place of the defaults."""
    cache_policy.CachePolicy = partial(  # type: ignore[misc,assignment]
        cache_policy.CachePolicy, thresholds=cache_policy.Thresholds(**thresholds)
    )
