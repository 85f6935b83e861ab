"""The memory of this process."""

from __future__ import annotations

import gc
import os
from pathlib import Path


def resident_bytes() -> int:
    """What is resident after a garbage collection."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """The most that was resident since :func:`forget_peak` (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak() -> None:
    """https://www.kernel.org/doc/html/latest/filesystems/proc.html: 5 sets the peak to what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")
