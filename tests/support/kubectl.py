"""The real kubectl, against either API server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from support.cluster import Cluster

needs_kubectl = pytest.mark.skipif(which("kubectl") is None, reason="needs kubectl on PATH")


def run(commands: str, cluster: Cluster, home: Path) -> None:
    """Run a script that calls kubectl, with all permissions. Lookups see what it wrote."""
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig(cluster.admin_token)),
        "HOME": str(home),
        "PATH": f"{Path(which('kubectl') or '').parent}:/usr/bin:/bin",
    }
    subprocess.run(["bash", "-euc", commands], env=environment, timeout=180, check=True, capture_output=True)
    cluster.wait_for_watch_cache()
