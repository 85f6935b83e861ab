"""How a backend asks, for tests of how fresh its answers are."""

from __future__ import annotations

from airflow_kubernetes_secrets.sources import ladder
from support.proxy import Proxy
from support.secrets import TEAM, VARIABLE

# The shortest with which a watch is worth it.
WATCHED = ladder.THRESHOLDS.shortest_watched


def selectors(proxy: Proxy) -> list[str]:
    """The label selectors of all requests so far."""
    return [request.query["labelSelector"][0] for request in proxy.requests]


def selector(key: str) -> str:
    return f"{VARIABLE}={key},!{TEAM}"
