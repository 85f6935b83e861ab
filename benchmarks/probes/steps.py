"""Changes, for a measurement, when this process moves from single requests to an index to a watch."""

from __future__ import annotations

from airflow_kubernetes_secrets.sources import cache_policy


def use_thresholds(**thresholds: int) -> None:
    """Make new sources use these thresholds in place of the defaults."""
    cache_policy.THRESHOLDS = cache_policy.Thresholds(**thresholds)
