"""What the API server spends on its clients: CPU time, and the requests and bytes that it counts itself."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from harness.cluster import Cluster

# Those of a namespace: the API server itself lists and watches the Secrets of the whole cluster.
_REQUESTS = re.compile(
    r'^apiserver_request_total\{(?=.*resource="secrets")(?=.*verb="(?:GET|LIST|WATCH)")(?!.*scope="cluster")'
    r".*\} (\S+)$",
    re.MULTILINE,
)
# It measures the bodies of GET and LIST as they are sent (compressed, if they are), and each event of a watch.
_BYTES = re.compile(
    r'^(?:apiserver_response_sizes_sum\{(?=.*resource="secrets")(?!.*scope="cluster").*\}'
    r'|apiserver_watch_events_sizes_sum\{(?=.*(?:kind="Secret"|resource="secrets")).*\}) (\S+)$',
    re.MULTILINE,
)
# An answer is counted after it was sent.
_SETTLING_SECONDS = 0.5


class Spent(NamedTuple):
    """What the API server has spent.

    Attributes:
        seconds: the time in which it did.
        cpu_s: CPU time beyond what it uses while no client sends a request.
    """

    seconds: float
    cpu_s: float
    requests: float
    bytes: float


class Spending:
    """What the API server spends from now on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        # Before the CPU time, because the API server needs some to answer this.
        self._counts = _counts(cluster)
        self._cpu, self._began = cluster.cpu_seconds(), time.monotonic()

    def spent(self) -> Spent:
        """What it has spent until now."""
        asked = time.monotonic()
        time.sleep(_SETTLING_SECONDS)
        cpu, now = self._cluster.cpu_seconds(), time.monotonic()
        requests, sizes = (after - before for after, before in zip(_counts(self._cluster), self._counts, strict=True))
        beyond_idle = cpu - self._cpu - self._cluster.idle_cpu * (now - self._began)
        return Spent(asked - self._began, beyond_idle, requests, sizes)


def _counts(cluster: Cluster) -> tuple[float, float]:
    metrics = cluster.admin.get("/metrics").raise_for_status().text
    return sum(map(float, _REQUESTS.findall(metrics))), sum(map(float, _BYTES.findall(metrics)))
