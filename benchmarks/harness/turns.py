"""Measurements in new processes that take turns, so that a slowdown of the machine affects all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cluster import Cluster

_PROBE = Path(__file__).parents[1] / "probe.py"
_LONGEST_SECONDS = 600

# The figures of each process, by "<who>/<what>/<other Secrets>".
Runs = dict[str, list[dict[str, Any]]]


def take_turns(cluster: Cluster, measurements: Sequence[str], rounds: int, *, warm_up: bool) -> Runs:
    """Run each of these measurements ("<who>/<what>") ``rounds`` times, in the namespace as it is now.

    Args:
        warm_up: run each once more before. This fills the disk cache and writes the bytecode, and is not counted.

    Raises:
        SystemExit: a measurement failed; the message says which, and why.
    """
    runs: Runs = {}
    for number in range(0 if warm_up else 1, rounds + 1):
        for measurement in measurements:
            figures = _run(cluster, measurement)
            if number:
                runs.setdefault(f"{measurement}/{cluster.secrets}", []).append(figures)
        turn = f"round {number} of {rounds}" if number else "warm-up"
        print(f"{cluster.secrets} other Secrets: {turn}", file=sys.stderr)
    return runs


def _run(cluster: Cluster, measurement: str) -> dict[str, Any]:
    who, what = measurement.split("/")
    lists = cluster.lists()
    command = [sys.executable, str(_PROBE), who, what, str(cluster.secrets)]
    try:
        done = subprocess.run(
            command,
            env=cluster.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{measurement} did not end within {_LONGEST_SECONDS} s") from None
    if done.returncode:
        raise SystemExit(f"{measurement} failed:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    # The API server counts the requests, not the process that sends them.
    figures["requests"] = cluster.lists() - lists
    return figures
