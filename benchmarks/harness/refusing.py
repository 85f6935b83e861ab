"""Real 429 responses to Airflow's requests, from the API server's own priority and fairness."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx

from harness.cluster import NAMESPACE, Cluster

_NAME = "bench-refuses"
_GROUP = "flowcontrol.apiserver.k8s.io"
# The smallest share of the usual 600 concurrent requests is 3, so 6 clients occupy it.
_HOLDERS = 6
# No resource version is ever that large. A GET that requests it waits 3 seconds inside the API server.
_FUTURE_VERSION = "9" * 15
_PAUSE_SECONDS = 0.05
_REJECTED = re.compile(rf'^apiserver_flowcontrol_rejected_requests_total\{{(?=.*"{_NAME}").*\}} (\S+)$', re.MULTILINE)


def refuse(cluster: Cluster, seconds: float) -> int:
    """Make the API server respond with 429 to nearly all requests of Airflow's service account for some seconds.

    The account gets its own priority level without a queue, and with the smallest share of concurrent requests. A few
    waiting requests occupy that share.

    Returns:
        How many other requests were refused, as counted by the API server.

    Raises:
        RuntimeError: the priority level or its flow schema was not deleted.
    """
    over = Event()
    levels, schemas = _resources(cluster)
    before = _rejected(cluster)
    with ThreadPoolExecutor(_HOLDERS) as pool:
        try:
            cluster.admin.post(levels, json=_level(levels)).raise_for_status()
            cluster.admin.post(schemas, json=_schema()).raise_for_status()
            holders = [pool.submit(_occupy, cluster, over) for _ in range(_HOLDERS)]
            time.sleep(seconds)
        finally:
            over.set()
            _delete(cluster, f"{schemas}/{_NAME}", f"{levels}/{_NAME}")
    return _rejected(cluster) - before - sum(holder.result() for holder in holders)


def _delete(cluster: Cluster, *paths: str) -> None:
    """Delete these objects. If one remained, it would refuse the requests of all later measurements.

    Raises:
        RuntimeError: one was not deleted.
    """
    answers = {path: cluster.admin.delete(path) for path in paths}
    for path, answer in answers.items():
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise RuntimeError(f"{path} was not deleted: {answer.text}")


def _rejected(cluster: Cluster) -> int:
    metrics = cluster.admin.get("/metrics").raise_for_status().text
    return int(sum(map(float, _REJECTED.findall(metrics))))


def _resources(cluster: Cluster) -> tuple[str, str]:
    """Return the paths of priority levels and of flow schemas, in the version that this API server prefers."""
    group = cluster.admin.get(f"/apis/{_GROUP}").raise_for_status().json()
    version = group["preferredVersion"]["groupVersion"]
    return f"/apis/{version}/prioritylevelconfigurations", f"/apis/{version}/flowschemas"


def _level(path: str) -> dict[str, Any]:
    if "/v1beta1/" in path or "/v1beta2/" in path:
        share: dict[str, Any] = {"assuredConcurrencyShares": 1}
    else:
        share = {"nominalConcurrencyShares": 1, "borrowingLimitPercent": 0}
    limited = {**share, "limitResponse": {"type": "Reject"}}
    return {"metadata": {"name": _NAME}, "spec": {"type": "Limited", "limited": limited}}


def _schema() -> dict[str, Any]:
    account = {"name": "airflow", "namespace": NAMESPACE}
    rule = {
        "subjects": [{"kind": "ServiceAccount", "serviceAccount": account}],
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}],
    }
    level = {"priorityLevelConfiguration": {"name": _NAME}, "matchingPrecedence": 2, "rules": [rule]}
    return {"metadata": {"name": _NAME}, "spec": level}


def _occupy(cluster: Cluster, over: Event) -> int:
    """Keep a request waiting until the end, and return how often it was refused."""
    refused = 0
    with cluster.client() as client:
        while not over.is_set():
            path = f"/api/v1/namespaces/{NAMESPACE}/secrets/app-db"
            answer = client.get(path, params={"resourceVersion": _FUTURE_VERSION})
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                refused += 1
                over.wait(_PAUSE_SECONDS)
    return refused
