"""The servers and the folder of manifests on which each of these tests runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.cluster import Cluster
from support.manifest_sources import ManifestSource, ObservedSource


@pytest.fixture(params=["devserver", "kube-apiserver", "folder"])
def cluster(request: pytest.FixtureRequest) -> Cluster | None:
    """Return the API server, or None for the folder of manifests."""
    if request.param == "folder":
        return None
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture
def source(cluster: Cluster | None, make_source: Callable[[str], ManifestSource]) -> ManifestSource:
    """Return the API server, or the folder of manifests."""
    return make_source("folder" if cluster is None else cluster.name)


@pytest.fixture
def observed_source(cluster: Cluster | None, make_observed_source: Callable[[str], ObservedSource]) -> ObservedSource:
    """Return the API server behind a proxy, or the folder of manifests."""
    return make_observed_source("folder" if cluster is None else cluster.name)
