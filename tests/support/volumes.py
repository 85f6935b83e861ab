"""Volumes of Secrets, written as the kubelet writes them.

https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter.Write
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path

_numbers = itertools.count(1)


class Volume:
    """One volume. Its folder must not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)

    def write(self, files: Mapping[str, str | bytes], mode: int = 0o644) -> None:
        """Replace all files at once, in the steps of the kubelet. A name may contain folders."""
        data = self.path / "..data"
        before = data.readlink().name if data.is_symlink() else None
        new = self.path / f"..2026_11_27_20_30_{next(_numbers):09}"
        new.mkdir()
        for name, content in files.items():
            file = new / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            file.chmod(mode)
        (self.path / "..data_tmp").symlink_to(new.name)
        (self.path / "..data_tmp").replace(data)
        tops = {Path(name).parts[0] for name in files}
        for top in tops:
            if not (self.path / top).is_symlink():
                (self.path / top).symlink_to(f"..data/{top}")
        for link in self.path.iterdir():
            if link.is_symlink() and link.name != "..data" and link.name not in tops:
                link.unlink()
        if before is not None:
            shutil.rmtree(self.path / before)
