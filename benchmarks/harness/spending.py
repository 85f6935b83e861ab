"""What clients cost the API server: CPU time, and the requests and bytes that it counts itself."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from harness.cluster import Cluster

# Only requests for one namespace count: the API server itself lists and watches the Secrets of the whole cluster.
_REQUESTS = re.compile(
    r'^apiserver_request_total\{(?=.*resource="secrets")(?=.*verb="(?:GET|LIST|WATCH)")(?!.*scope="cluster")'
    r".*\} (\S+)$",
    re.MULTILINE,
)
# The API server measures the bodies of GET and LIST as sent, compressed or not, and each event of a watch.
_BYTES = re.compile(
    r'^(?:apiserver_response_sizes_sum\{(?=.*resource="secrets")(?!.*scope="cluster").*\}'
    r'|apiserver_watch_events_sizes_sum\{(?=.*(?:kind="Secret"|resource="secrets")).*\}) (\S+)$',
    re.MULTILINE,
)
# The API server counts a response after it has sent it.
_SETTLING_SECONDS = 0.5


class Spent(NamedTuple):
    """What the clients have cost the API server.

    Attributes:
        seconds: the duration of the measurement.
        cpu_s: CPU seconds, without those that the API server uses while no client sends a request.
    """

    seconds: float
    cpu_s: float
    requests: float
    bytes: float


class Spending:
    """Measures what clients cost the API server from now on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        # The counts are read before the CPU time, because the API server needs CPU time to return them.
        self._counts = _counts(cluster)
        self._cpu, self._began = cluster.cpu_seconds(), time.monotonic()

    def spent(self) -> Spent:
        """Return the costs until now."""
        ended = time.monotonic()
        time.sleep(_SETTLING_SECONDS)
        cpu, now = self._cluster.cpu_seconds(), time.monotonic()
        requests, sizes = (after - before for after, before in zip(_counts(self._cluster), self._counts, strict=True))
        beyond_idle = cpu - self._cpu - self._cluster.idle_cpu * (now - self._began)
        return Spent(ended - self._began, beyond_idle, requests, sizes)


def _counts(cluster: Cluster) -> tuple[float, float]:
    metrics = cluster.admin.get("/metrics").raise_for_status().text
    return sum(map(float, _REQUESTS.findall(metrics))), sum(map(float, _BYTES.findall(metrics)))
