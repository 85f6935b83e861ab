"""When this process goes from asking to an index to a watch, changed for a measurement."""

from __future__ import annotations

from functools import partial

from airflow_kubernetes_secrets.sources import ladder


def climb_after(**thresholds: int) -> None:
    """From here on, new sources go by these in place of the thresholds that users have."""
    ladder.Ladder = partial(  # type: ignore[misc,assignment]
        ladder.Ladder, thresholds=ladder.Thresholds(**thresholds)
    )
