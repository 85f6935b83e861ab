"""The figures of the plots: cost against the number of Secrets, and where a LIST pays. ``make bench-plot`` runs it.

It takes about a quarter of an hour. ``plot.py`` draws the files that it writes to results/.
"""

from __future__ import annotations

import argparse

from harness.cluster import cluster
from harness.ending import end_in_order
from harness.results import Results, context, save
from harness.turns import Runs, take_turns

COSTS = ["ours/steady", "peer/steady", "ours/amortized", "ours/watching"]

# The measurements by the number of other Secrets in the namespace.
MEASUREMENTS = {
    10: COSTS,
    100: [*COSTS, "ours/thresholds"],
    1_000: COSTS,
    10_000: [*COSTS, "ours/thresholds"],
    100_000: COSTS,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes for each point (default 3)")
    parser.add_argument("--most", type=int, default=100_000, help="other Secrets in the namespace, 10000 or more")
    arguments = parser.parse_args()
    if arguments.most < 10_000:
        parser.error("the plots need figures for 10,000 Secrets")
    end_in_order()
    runs: Runs = {}
    with cluster() as running:
        for secrets, measurements in MEASUREMENTS.items():
            if secrets <= arguments.most:
                running.grow(secrets)
                runs |= take_turns(running, measurements, arguments.rounds, warm_up=False)
        results = Results({**context(running.version), "rounds": arguments.rounds}, runs)
    save("plots", results)


if __name__ == "__main__":
    main()
