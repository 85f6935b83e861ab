"""A folder of mounted Secrets, and a backend that reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.memory import fork, join

NOBODY = 65534


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    mount = tmp_path / "mount"
    mount.mkdir()
    return mount


@pytest.fixture
def backend(mount: Path) -> KubernetesSecretsBackend:
    return KubernetesSecretsBackend(path=str(mount))


@pytest.fixture
def as_airflow(mount: Path) -> Callable[[Callable[[], object]], None]:
    """Return a function that runs a check in a process of a user other than root, who can read everything."""
    folders = [each for each in mount.parents if each.owner() == "root" and each != Path("/") and each != Path("/tmp")]
    # They stay open: other processes of the tests need some of these folders at the same time.
    for each in folders:
        each.chmod(0o711)

    def run(check: Callable[[], object]) -> None:
        def as_user() -> object:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            return check()

        join(fork(as_user))

    return run
