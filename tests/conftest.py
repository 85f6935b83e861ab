"""Fixtures of every suite: the two API servers, and a namespace of one's own in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from support.cluster import Cluster, DevserverCluster, KubeApiserverCluster
from support.kube_apiserver import HOW_TO_GET_IT, KubeApiserver, assets


def pytest_report_header() -> str:
    folder = assets()
    if folder is None:
        return f"kube-apiserver: NOT tested, its tests are skipped; to test it: {HOW_TO_GET_IT}"
    return f"kube-apiserver: tested, from {folder}"


@pytest.fixture(scope="session")
def devserver_cluster() -> Iterator[Cluster]:
    """The devserver, started once, when a test first asks for it."""
    from airflow_kubernetes_secrets.devserver import DevServer

    with DevServer(bookmark_seconds=1) as server:
        cluster = DevserverCluster(server)
        try:
            yield cluster
        finally:
            cluster.close()


@pytest.fixture(scope="session")
def kube_apiserver_cluster() -> Iterator[Cluster]:
    """A real kube-apiserver, started once, when a test first asks for it (about 8 s)."""
    folder = assets()
    if folder is None:
        pytest.skip(f"KUBEBUILDER_ASSETS is not set; {HOW_TO_GET_IT}")
    server = KubeApiserver(folder)
    server.start()
    try:
        cluster = KubeApiserverCluster(server)
        try:
            yield cluster
        finally:
            cluster.close()
    finally:
        server.stop()


@pytest.fixture(params=["devserver", "kube-apiserver"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each test that asks for it runs against both servers."""
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """A new, empty namespace in ``cluster``."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    cluster.create_namespace(name)
    return name
