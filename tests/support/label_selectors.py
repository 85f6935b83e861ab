"""How a backend queries the API server, for tests of how fresh its values are."""

from __future__ import annotations

from airflow_kubernetes_secrets.sources import cache_policy
from support.proxy import Proxy
from support.secrets import TEAM, VARIABLE

# The shortest TTL, in seconds, with which a process starts a watch.
WATCHED = cache_policy.THRESHOLDS.shortest_watched


def selectors(proxy: Proxy) -> list[str]:
    """Return the label selectors of all requests so far."""
    return [request.query["labelSelector"][0] for request in proxy.requests]


def selector(key: str) -> str:
    """Return the label selector of a lookup of a variable without a team."""
    return f"{VARIABLE}={key},!{TEAM}"
