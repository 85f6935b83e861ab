"""The servers and the folder of manifests on which each of these tests runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.manifest_sources import FolderSource, ManifestSource, ServerSource
from support.proxy import Proxy


@pytest.fixture(params=["devserver", "kube-apiserver", "folder"])
def cluster(request: pytest.FixtureRequest) -> Cluster | None:
    """Return the API server, or None for the folder of manifests."""
    if request.param == "folder":
        return None
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture
def source(cluster: Cluster | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManifestSource]:
    if cluster is None:
        (tmp_path / "manifests").mkdir()
        yield FolderSource(tmp_path / "manifests")
        return
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with Proxy(cluster) as proxy:
        for name, value in proxy.pod_environment().items():
            monkeypatch.setenv(name, value)
        yield ServerSource(cluster, proxy)
