"""How long usage and check --dags take with 5,000 DAG files, compared with Python's own parser.

Medians of several new processes, which take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from harness.dag_files import CONNECTIONS, write_dags
from harness.ending import end_in_order

FILES = 5_000
GOAL_SECONDS = 10.0

PROGRAM = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main"]
STORE = [sys.executable, str(Path(__file__).with_name("dag_database.py"))]
# Each command imports this before it starts; a command that reads the metadata database also imports Airflow's models.
IMPORT = "from airflow_kubernetes_secrets.deployment.configuration import read_configuration; read_configuration()"
MODELS = f"{IMPORT}; from airflow_kubernetes_secrets.deployment.database import metadata_engine; metadata_engine()"
# The work that every command has to do: read the files, and parse them with Python.
PARSE = """
import ast, gc, pathlib, sys
gc.disable()
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    ast.parse(path.read_bytes())
"""


FLOOR = "`ast.parse` of all files"


class Cost(NamedTuple):
    """The cost of a process in seconds. The CPU time includes that of the system."""

    wall: float
    cpu: float


def cost(command: Sequence[str], environment: dict[str, str], statuses: tuple[int, ...] = (0, 1)) -> Cost:
    """Run a command, and return its cost.

    Args:
        statuses: the exit statuses of a command that was successful. `usage` returns 1 if an id is missing.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in statuses, done.stderr.decode()
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def write_manifests(folder: Path) -> None:
    """Write manifests for half of the connections that the DAGs use."""
    folder.mkdir()
    for number in range(0, CONNECTIONS, 2):
        labels = {"airflow.apache.org/connection-id": f"connection_{number}"}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"c{number}", "namespace": "airflow", "labels": labels},
            "stringData": {"value": f"postgres://login:word@db-{number}.example.com:5432/app"},
        }
        (folder / f"{number}.json").write_text(json.dumps(secret))


def environment_in(folder: Path) -> dict[str, str]:
    """Return the variables of an Airflow whose home is this folder, and whose DAGs are not on this machine."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE", "PYTHON"))}
    kwargs = {"path": str(folder / "manifests"), "namespace": "airflow"}
    return {
        **clean,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "nowhere"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__SECRETS__BACKEND": "airflow_kubernetes_secrets.KubernetesSecretsBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="new processes for each figure (default 5)")
    parser.add_argument("--files", type=int, default=FILES, help=f"DAG files (default {FILES})")
    parser.add_argument("--folder", type=Path, help="a new folder in which the DAGs, and the database, remain")
    given = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        measure(given.folder or Path(temporary), given.rounds, given.files)


def measure(folder: Path, rounds: int, files: int) -> None:
    folder.mkdir(exist_ok=True)
    environment = environment_in(folder)
    dags, manifests = folder / "dags", folder / "manifests"
    if not dags.exists():
        write_manifests(manifests)
        write_dags(dags, files)
        cost([str(Path(sys.executable).with_name("airflow")), "db", "migrate"], environment, (0,))
        cost([*STORE, str(dags)], environment, (0,))
    commands = {
        "import of Airflow": [sys.executable, "-c", IMPORT],
        "the same, with its models": [sys.executable, "-c", MODELS],
        FLOOR: [sys.executable, "-c", PARSE, str(dags)],
        "`usage`, a folder": [*PROGRAM, "usage", "--dags", str(dags), "--no-database", "--output", "json"],
        "`usage`, the metadata database": [*PROGRAM, "usage", "--output", "json"],
        "`check --dags`, a folder": [*PROGRAM, "check", str(manifests), "--dags", str(dags)],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    # The first round is ignored: it writes bytecode and fills caches.
    for _ in range(rounds + 1):
        for name, command in commands.items():
            costs[name].append(cost(command, environment))
    code = [path.read_text() for path in dags.rglob("*.py")]
    characters, lines = (sum(map(count, code)) / len(code) for count in (len, lambda text: text.count("\n")))
    print(f"Medians of {rounds} processes, {len(code)} files with {lines:.0f} lines and {characters:.0f} characters.\n")
    print("| what | time | CPU time | CPU time divided by that of `ast.parse` | goal for the time |")
    print("| --- | --- | --- | --- | --- |")
    floor = median(each.cpu for each in costs[FLOOR][1:])
    for name, each in costs.items():
        wall, cpu = (median(column) for column in zip(*each[1:], strict=True))
        goal = f"{GOAL_SECONDS:g} s" if "usage" in name or "check" in name else ""
        print(f"| {name} | {wall:.2f} s | {cpu:.2f} s | {cpu / floor:.2f} | {goal} |")


if __name__ == "__main__":
    main()
