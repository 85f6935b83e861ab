"""The servers and the folder of manifests on which each of these tests runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.places import FolderPlace, Place, ServerPlace
from support.proxy import Proxy


@pytest.fixture(params=["devserver", "kube-apiserver", "folder"])
def cluster(request: pytest.FixtureRequest) -> Cluster | None:
    """Return the API server, or None for the folder of manifests."""
    if request.param == "folder":
        return None
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture
def place(cluster: Cluster | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if cluster is None:
        (tmp_path / "manifests").mkdir()
        yield FolderPlace(tmp_path / "manifests")
        return
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with Proxy(cluster) as proxy:
        for name, value in proxy.pod_environment().items():
            monkeypatch.setenv(name, value)
        yield ServerPlace(cluster, proxy)
