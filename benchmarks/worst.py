"""The cost of the worst Secret: one of the largest size, full of names that are similar to those of this backend.

Each figure is CPU time, compared with that of a plain Secret of the same size, in new processes that run in turns.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

import yaml
from harness.cluster import cluster
from harness.ending import end_in_order
from harness.one_secret import SECRETS
from harness.results import Results, context, save
from harness.turns import Runs, take_turns

GOAL = 3.0

TEXTS = {
    "lookup_ms": "a lookup that queries the API server",
    "memory_ms": "a lookup from memory",
    "list_ms": "`list`",
    "check_json_ms": "`check`, of a manifest in JSON",
    "check_yaml_ms": "`check`, of a manifest in YAML",
    "page_ms": "a new snapshot for the page",
}


def table(runs: Runs) -> str:
    """Return the medians, and their ratios to the plain Secret, in Markdown."""
    lines = ["| what | plain | worst | broken | ratios | goal |", "| --- | --- | --- | --- | --- | --- |"]
    for name, text in TEXTS.items():
        values = {who: median(figures[name] for figures in runs[f"{who}/one_secret/0"]) for who in SECRETS}
        ratios = [values[who] / values["plain"] for who in ("worst", "broken")]
        goal = f"{GOAL:g}" if max(ratios) <= GOAL else f"{GOAL:g}, missed"
        shown = " | ".join(f"{value:.3g} ms" for value in values.values())
        lines.append(f"| {text} | {shown} | {' and '.join(f'{ratio:.2f}' for ratio in ratios)} | {goal} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes for each figure (default 5)")
    rounds: int = parser.parse_args().rounds
    end_in_order()
    with cluster() as running:
        for name, make in SECRETS.items():
            secret = make()
            running.add_namespace(name, secret)
            folder = Path(running.environment["BENCH_SERVICE_ACCOUNT"]) / name
            folder.mkdir()
            (folder / "secret.json").write_text(json.dumps(secret))
            (folder / "secret.yaml").write_text(yaml.safe_dump(secret, sort_keys=False))
        runs = take_turns(running, [f"{name}/one_secret" for name in SECRETS], rounds, warm_up=True)
        results = Results({**context(running.version), "rounds": rounds}, runs)
    save("worst", results)
    print(table(runs))


if __name__ == "__main__":
    main()
