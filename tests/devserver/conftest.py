"""What the contract tests share: the Secrets of one new namespace."""

from __future__ import annotations

import pytest

from support.cluster import Cluster
from support.contract import Secrets


@pytest.fixture
def secrets(cluster: Cluster, namespace: str) -> Secrets:
    return Secrets(cluster, namespace)
