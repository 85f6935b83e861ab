"""How long list, doctor and check take with 10,000 Secrets and 1,000 manifests, beyond Airflow's own import.

It prints medians of several new processes, which run in turns. One of them only imports Airflow's configuration.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import yaml
from harness.cluster import NAMESPACE, cluster
from harness.ending import end_in_order

SECRETS = 10_000
MANIFESTS = 1_000

PROGRAM = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main"]
IMPORT = "from airflow_kubernetes_secrets.deployment.configuration import read_configuration; read_configuration()"

# The goals, in seconds beyond the import.
GOALS = {"list": 2.0, "list, as JSON": 2.0, "doctor": 2.0, "check": 3.0}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a command, and return its time in seconds."""
    began = perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()
    return perf_counter() - began


def write_manifests(folder: Path) -> None:
    """Write the manifests for ``check``."""
    for number in range(MANIFESTS):
        labels = {"airflow.apache.org/connection-id": f"c{number}"}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"c{number}", "namespace": "airflow", "labels": labels},
            "stringData": {"value": f"postgres://login:word@db-{number}.example.com:5432/app"},
        }
        (folder / f"{number}.yaml").write_text(yaml.safe_dump(secret, sort_keys=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes for each figure (default 5)")
    rounds: int = parser.parse_args().rounds
    end_in_order()
    with cluster() as running, tempfile.TemporaryDirectory() as folder:
        write_manifests(Path(folder))
        running.grow(SECRETS)
        environment = running.environment
        kwargs = {"namespace": NAMESPACE, "service_account_path": environment["BENCH_SERVICE_ACCOUNT"]}
        environment |= {
            "AIRFLOW__SECRETS__BACKEND": "airflow_kubernetes_secrets.KubernetesSecretsBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
        }
        commands = {
            "import": [sys.executable, "-c", IMPORT],
            "list": [*PROGRAM, "list"],
            "list, as JSON": [*PROGRAM, "list", "--output", "json"],
            "doctor": [*PROGRAM, "doctor"],
            "check": [*PROGRAM, "check", folder],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():
                taken[name].append(seconds(command, environment))
    # The first round is ignored: it writes bytecode and fills caches.
    medians = {name: median(each[1:]) for name, each in taken.items()}
    print(f"Medians of {rounds} processes, {SECRETS} Secrets, {MANIFESTS} manifests.")
    print(f"The import takes {medians['import']:.2f} s.\n")
    print("| command | time without the import | goal |\n| --- | --- | --- |")
    for name, goal in GOALS.items():
        print(f"| {name} | {medians[name] - medians['import']:.2f} s | {goal:g} s |")


if __name__ == "__main__":
    main()
