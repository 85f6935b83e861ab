"""Other Python versions on this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which


def find_python(version: str) -> str | None:
    """Return an interpreter of ``version`` (such as ``3.13``), from pyenv or PATH; None if there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    for candidate in _candidates(version):
        probe = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        # pyenv also has shims for versions that are not active; these fail.
        done = subprocess.run(probe, capture_output=True, text=True, timeout=120, check=False)
        if done.stdout.strip() == version:
            return candidate
    return None


def _candidates(version: str) -> Iterator[str]:
    # pyenv's shims, which are on PATH, take half a second.
    yield from map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))
    on_path = which(f"python{version}")
    if on_path:
        yield on_path
