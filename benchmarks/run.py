"""Compares lookups with Apache's own backend, on one real API server, in one run. ``make bench`` runs it.

Every figure is the median of several new processes, and the processes that are compared take turns. Read ratios, not
milliseconds.
"""

from __future__ import annotations

import argparse

from harness.cluster import cluster
from harness.ending import end_in_order
from harness.results import Results, context, save
from harness.turns import Runs, take_turns
from table import table

# The measurements by the number of other Secrets, in ascending order. All Secrets are in one namespace: for a LIST an
# API server may examine all its Secrets, including those of other namespaces (1.20 does).
MEASUREMENTS = {
    10: ["ours/memory", "ours/bundles", "ours/config_maps"],
    100: [
        "ours/cold",
        "peer/cold",
        "bare/cold",
        "ours/uncompiled",
        "peer/uncompiled",
        "ours/warm",
        "peer/warm",
        "bare/warm",
        "ours/fresh",
        "peer/fresh",
        "ours/fifty",
        "peer/fifty",
        "ours/fifty_uncompiled",
        "peer/fifty_uncompiled",
        "ours/threads",
        "ours/away",
        "ours/watch",
        "ours/mounted",
    ],
    10_000: ["ours/memory", "ours/two", "peer/two", "ours/index", "bare/index"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes for each figure (default 7)")
    rounds: int = parser.parse_args().rounds
    end_in_order()
    runs: Runs = {}
    with cluster() as running:
        for secrets, measurements in MEASUREMENTS.items():
            running.grow(secrets)
            runs |= take_turns(running, measurements, rounds, warm_up=secrets == 100)
        results = Results({**context(running.version), "rounds": rounds}, runs)
    save("bench", results)
    print(table(results))


if __name__ == "__main__":
    main()
