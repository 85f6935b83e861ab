"""Lookups side by side with Apache's own backend, on one real API server, in one run.

Every figure is the median of several fresh processes, and the ones that are compared take turns, so that a machine
that becomes slower for a while slows both. Read ratios, not milliseconds. ``make bench`` runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import httpx  # noqa: E402  # after the path, as is the support of the tests

from support.kube_apiserver import HOW_TO_GET_IT, KubeApiserver, assets, bearer, trust  # noqa: E402

MEASUREMENTS = [
    ("ours", "cold"),
    ("peer", "cold"),
    ("bare", "cold"),
    ("ours", "uncompiled"),
    ("peer", "uncompiled"),
    ("ours", "warm"),
    ("peer", "warm"),
    ("bare", "warm"),
    ("ours", "fresh"),
    ("peer", "fresh"),
]

# What is said, figure, this backend's measurement, the one it is compared with, goal.
ROWS = [
    ("import, construction, first lookup: CPU", "cpu_ms", ("ours", "cold"), ("peer", "cold"), "1/200 of the peer"),
    ("the same: memory", "memory_mib", ("ours", "cold"), ("peer", "cold"), "1/30 of the peer"),
    ("the same, CPU, against a TLS socket's first answer", "cpu_ms", ("ours", "cold"), ("bare", "cold"), ""),
    ("the same, memory, against it", "memory_mib", ("ours", "cold"), ("bare", "cold"), ""),
    ("without bytecode: CPU", "cpu_ms", ("ours", "uncompiled"), ("peer", "uncompiled"), "1/200 of the peer"),
    ("without bytecode: memory", "memory_mib", ("ours", "uncompiled"), ("peer", "uncompiled"), "1/30 of the peer"),
    ("warm lookup: CPU", "cpu_ms", ("ours", "warm"), ("peer", "warm"), "0.45 of the peer"),
    ("warm lookup: latency", "latency_ms", ("ours", "warm"), ("bare", "warm"), "1.5 of a bare TLS socket"),
    ("a new backend object each: CPU", "cpu_ms", ("ours", "fresh"), ("ours", "warm"), "1.2 of a warm lookup"),
    ("the same, against the peer", "cpu_ms", ("ours", "fresh"), ("peer", "fresh"), ""),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="fresh processes for each figure (default 7)")
    parser.add_argument("--secrets", type=int, default=100, help="other Secrets in the namespace (default 100)")
    arguments = parser.parse_args()
    folder = assets()
    if folder is None:
        print(f"The benchmark needs a real kube-apiserver: {HOW_TO_GET_IT}", file=sys.stderr)
        return 2
    server = KubeApiserver(folder)
    with tempfile.TemporaryDirectory() as directory:
        server.start()
        try:
            environment = prepare(server, Path(directory), arguments.secrets)
            results = measure(environment, arguments.rounds)
        finally:
            server.stop()
    report(results, arguments.rounds, arguments.secrets)
    return 0


def prepare(server: KubeApiserver, directory: Path, count: int) -> dict[str, str]:
    """Fill a namespace, and give the environment in which a probe runs as in a pod."""
    namespace = "bench"
    with httpx.Client(base_url=server.url, headers=bearer(server.admin_token), verify=trust(server.ca_file)) as admin:
        admin.post("/api/v1/namespaces", json={"metadata": {"name": namespace}}).raise_for_status()
        for number in range(count):
            put(admin, namespace, f"other-{number}", f"other-{number}")
        put(admin, namespace, "app-db", "my_db")
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        admin.post(accounts, json={"metadata": {"name": "airflow"}}).raise_for_status()
        role = {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]}
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        admin.post(f"{rbac}/roles", json=role).raise_for_status()
        binding = {
            "metadata": {"name": "r"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "airflow", "namespace": namespace}],
        }
        admin.post(f"{rbac}/rolebindings", json=binding).raise_for_status()
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = admin.post(f"{accounts}/airflow/token", json=request).raise_for_status().json()["status"]["token"]
    (directory / "token").write_text(token)
    (directory / "namespace").write_text(namespace)
    (directory / "ca.crt").write_bytes(server.ca_file.read_bytes())
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE", "PYTHON"))}
    return {
        **clean,
        "BENCH_SERVICE_ACCOUNT": str(directory),
        "KUBERNETES_SERVICE_HOST": server.host,
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "AIRFLOW_HOME": str(directory / "airflow"),
    }


def put(admin: httpx.Client, namespace: str, name: str, conn_id: str) -> None:
    value = b64encode(b"postgres://user:password@db.example.com:5432/app").decode()
    metadata = {"name": name, "labels": {"airflow.apache.org/connection-id": conn_id}}
    body = {"metadata": metadata, "data": {"value": value}}
    admin.post(f"/api/v1/namespaces/{namespace}/secrets", json=body).raise_for_status()


def measure(environment: dict[str, str], rounds: int) -> dict[tuple[str, str], list[dict[str, Any]]]:
    results: dict[tuple[str, str], list[dict[str, Any]]] = {each: [] for each in MEASUREMENTS}
    # The first round warms the disk cache and writes the bytecode; it does not count.
    for number in range(rounds + 1):
        for who, what in MEASUREMENTS:
            command = [sys.executable, str(Path(__file__).with_name("probe.py")), who, what]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                raise SystemExit(f"{who} {what} failed:\n{done.stderr}")
            if number:
                results[who, what].append(json.loads(done.stdout.splitlines()[-1]))
        print(f"round {number} of {rounds}" + (" (warm-up)" if not number else ""), file=sys.stderr)
    return results


def report(results: dict[tuple[str, str], list[dict[str, Any]]], rounds: int, secrets: int) -> None:
    def median(measurement: tuple[str, str], figure: str) -> float:
        value = statistics.median(run[figure] for run in results[measurement])
        # Memory is counted in pages: less than one cannot be seen.
        return max(value, 4 / 1024) if figure == "memory_mib" else value

    print(f"Medians of {rounds} processes; the namespace holds {secrets} other Secrets.\n")
    print("| what | this backend | compared with | ratio | goal |")
    print("| --- | --- | --- | --- | --- |")
    for text, figure, mine, other, goal in ROWS:
        ours, theirs = median(mine, figure), median(other, figure)
        unit = "MiB" if figure == "memory_mib" else "ms"
        ratio = f"1/{theirs / ours:.0f}" if ours * 10 < theirs else f"{ours / theirs:.2f}"
        print(f"| {text} | {ours:.3g} {unit} | {theirs:.4g} {unit} | {ratio} | {goal} |")
    foreign = sorted({name for run in results["ours", "cold"] for name in run["foreign_modules"]})
    print(f"\nModules loaded beyond Airflow's and the standard library's: {', '.join(foreign) or 'none'}.")


if __name__ == "__main__":
    raise SystemExit(main())
