"""What the first lookup costs a process that has loaded only Airflow."""

from __future__ import annotations

import sys
import tempfile
import time
from typing import Any

from probes.resident import resident_bytes
from probes.subjects import make


def cold(who: str, _secrets: int) -> dict[str, Any]:
    """Measure import, construction and first lookup."""
    loaded = set(sys.modules)
    resident_bytes()  # the first call takes memory of its own
    memory, began = resident_bytes(), time.process_time()
    found = make(who).get_conn_value("my_db")
    cpu = time.process_time() - began
    grown = resident_bytes() - memory
    assert found is not None
    new = {name.partition(".")[0] for name in set(sys.modules) - loaded}
    foreign = sorted(new - set(sys.stdlib_module_names) - {"airflow_kubernetes_secrets", "probes"})
    # Memory is counted in pages, so less than one page is reported as one.
    return {"cpu_ms": cpu * 1000, "memory_mib": max(grown, 4096) / 2**20, "foreign_modules": foreign}


def uncompiled(who: str, secrets: int) -> dict[str, Any]:
    """Measure :func:`cold` without bytecode."""
    find_no_bytecode()
    return cold(who, secrets)


def find_no_bytecode() -> None:
    """Make later imports find no bytecode and write none. Airflow is loaded already."""
    sys.pycache_prefix, sys.dont_write_bytecode = tempfile.gettempdir() + "/no-such-folder", True
