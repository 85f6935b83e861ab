"""How long the page in Airflow's UI takes to respond with 10,000 Secrets: a new snapshot, and then pages of it.

Medians of requests to a real Airflow API server, with a real kube-apiserver behind it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx
from harness.cluster import NAMESPACE, cluster
from harness.ending import end_in_order

from support.kube_apiserver import NO_TLS
from support.ports import HOST, free_ports

SECRETS = 10_000
START_SECONDS = 90.0
# Requests for a new snapshot that come faster than this share a LIST.
SHARED_LIST_SECONDS = 2.5

# The requests, and their goals in seconds.
GOALS: dict[str, tuple[dict[str, Any], float]] = {
    "a new snapshot, first page": ({"refresh": True}, 3.0),
    "another page": ({"offset": 5_000}, 0.2),
    "a search": ({"search": "99"}, 0.2),
    "a search that matches everything, sorted by host": (
        {"search": NAMESPACE, "order": "host", "descending": True},
        0.2,
    ),
    "a filter": ({"problem": "any"}, 0.2),
}


@contextmanager
def api_server(environment: dict[str, str]) -> Iterator[httpx.Client]:
    """Run Airflow's API server, and return a client that has logged in."""
    environment = {**environment, "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}
    airflow = str(Path(sys.executable).with_name("airflow"))
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    (port,) = free_ports(1)
    command = [airflow, "api-server", "--host", HOST, "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://{HOST}:{port}", verify=NO_TLS, timeout=START_SECONDS) as client:
            client.headers["Authorization"] = f"Bearer {token(client)}"
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


def token(client: httpx.Client) -> str:
    """Return a token of the API server, once it responds."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            answer = client.get("/auth/token")
            if answer.is_success:
                found: str = answer.json()["access_token"]
                return found
        time.sleep(0.2)
    raise TimeoutError("Airflow's API server has not started")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="requests for each figure (default 5)")
    rounds: int = parser.parse_args().rounds
    end_in_order()
    with cluster() as running, tempfile.TemporaryDirectory() as home:
        running.grow(SECRETS)
        environment = running.environment
        kwargs = {"namespace": NAMESPACE, "service_account_path": environment["BENCH_SERVICE_ACCOUNT"]}
        environment |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__SECRETS__BACKEND": "airflow_kubernetes_secrets.KubernetesSecretsBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
        }
        taken: dict[str, list[float]] = {name: [] for name in GOALS}
        with api_server(environment) as client:
            for _ in range(rounds + 1):
                time.sleep(SHARED_LIST_SECONDS)
                for name, (parameters, _goal) in GOALS.items():
                    began = perf_counter()
                    answer = client.get("/kubernetes-secrets/api/entries", params=parameters).raise_for_status().json()
                    taken[name].append(perf_counter() - began)
                    assert answer["total"] >= SECRETS, answer["total"]
    print(f"Medians of {rounds} requests, {SECRETS} Secrets.\n\n| what | time | goal |\n| --- | --- | --- |")
    for name, (_parameters, goal) in GOALS.items():
        print(f"| {name} | {median(taken[name][1:]):.3f} s | {goal:g} s |")


if __name__ == "__main__":
    main()
