"""The memory of this process."""

from __future__ import annotations

import gc
import os
from pathlib import Path


def resident_bytes() -> int:
    """Return the resident bytes after a garbage collection."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """Return the highest number of resident bytes since :func:`forget_peak` (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak() -> None:
    """Reset the peak to the resident memory of now.

    https://www.kernel.org/doc/html/latest/filesystems/proc.html describes the value 5.
    """
    Path("/proc/self/clear_refs").write_text("5")
