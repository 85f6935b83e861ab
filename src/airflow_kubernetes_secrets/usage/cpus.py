"""How many CPUs this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# The files with the CPU limit of a container: the quota, and the period that it is for. cgroup v1 has two files.
_LIMITS = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))


def usable_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the number of CPUs that this process may use, at least 1.

    Args:
        cgroup: the folder with the limits of this container.
    """
    # macOS has no affinity.
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for names in _LIMITS:
        # A file is missing, or the quota is "max".
        with suppress(OSError, ValueError):
            quota, period = (int(each) for name in names for each in (cgroup / name).read_text().split())
            if quota > 0 and period > 0:
                count = min(count, quota // period)
    return max(count, 1)
