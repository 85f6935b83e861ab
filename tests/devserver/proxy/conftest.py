"""A proxy in front of the devserver, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.cluster import Cluster
from support.contract import Secrets
from support.proxy import Proxy
from support.raw_connection import Caller, calling


@pytest.fixture
def cluster(devserver_cluster: Cluster) -> Cluster:
    """Use one server: the tests are about the proxy."""
    return devserver_cluster


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    with Proxy(cluster) as running:
        yield running


@pytest.fixture
def caller(proxy: Proxy, secrets: Secrets) -> Iterator[Caller]:
    with calling(proxy, secrets) as found:
        yield found
