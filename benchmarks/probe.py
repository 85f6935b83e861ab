"""One measurement in a new process, which run.py and sweep.py start. Prints the figures as one JSON object.

probe.py WHO WHAT SECRETS     WHO: ours, peer or bare, or a namespace with one Secret; WHAT: a key of PROBES; SECRETS:
                              other Secrets in the namespace
"""

from __future__ import annotations

import importlib
import json
import sys

# The measurements, and for each the module in probes/ with the function of that name.
PROBES = {
    "cold": "cold",
    "uncompiled": "cold",
    "warm": "warm",
    "fresh": "warm",
    "fifty": "fifty",
    "fifty_uncompiled": "fifty",
    "two": "two",
    "memory": "memory",
    "bundles": "bundles",
    "config_maps": "config_maps",
    "index": "index",
    "watch": "watch",
    "threads": "threads",
    "away": "away",
    "steady": "steady",
    "amortized": "amortized",
    "watching": "watching",
    "thresholds": "thresholds",
    "one_secret": "one_secret",
    "mounted": "mounted",
}


def main() -> None:
    who, what, secrets = sys.argv[1:]
    measure = getattr(importlib.import_module(f"probes.{PROBES[what]}"), what)

    import airflow.configuration  # noqa: F401  # every Airflow process imports this before its first lookup

    print(json.dumps(measure(who, int(secrets))))


main()
