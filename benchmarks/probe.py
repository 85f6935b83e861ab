"""One measurement in a fresh process; the driver is run.py. Prints one JSON object.

probe.py WHO WHAT      with WHO ours, peer or bare, and WHAT cold, warm or fresh
"""

from __future__ import annotations

import gc
import json
import os
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = os.environ["BENCH_SERVICE_ACCOUNT"]
NAMESPACE = "bench"
LOOKUPS = int(os.environ.get("BENCH_LOOKUPS", "300"))


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ours() -> Callable[[], Any]:
    from airflow_kubernetes_secrets import KubernetesSecretsBackend

    return lambda: KubernetesSecretsBackend(namespace=NAMESPACE, service_account_path=FOLDER)


def peer() -> Callable[[], Any]:
    from airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend import KubernetesSecretsBackend
    from kubernetes.config import incluster_config

    # It has no option for the folder, and /var/run belongs to the machine.
    incluster_config.SERVICE_TOKEN_FILENAME = f"{FOLDER}/token"
    incluster_config.SERVICE_CERT_FILENAME = f"{FOLDER}/ca.crt"
    return lambda: KubernetesSecretsBackend(namespace=NAMESPACE)


def bare() -> Callable[[], Any]:
    """The floor: the same request on a TLS socket, read to the end of its body and not looked at."""
    address = (os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
    context = ssl.create_default_context(cafile=f"{FOLDER}/ca.crt")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    sock = context.wrap_socket(socket.create_connection(address), server_hostname=address[0])
    selector = "airflow.apache.org/connection-id%3Dmy_db%2C%21airflow.apache.org/team"
    token = Path(FOLDER, "token").read_text()
    request = (
        f"GET /api/v1/namespaces/{NAMESPACE}/secrets?labelSelector={selector}&resourceVersion=0 HTTP/1.1\r\n"
        f"Host: {address[0]}\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()

    class Socket:
        def get_conn_value(self, _id: str) -> bytes:
            sock.sendall(request)
            answer = sock.recv(65536)
            head, _separator, body = answer.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            while len(body) < length:
                body += sock.recv(65536)
            return body

    return Socket


def cold(who: Callable[[], Callable[[], Any]], *, compiled: bool = True) -> dict[str, Any]:
    """The first lookup of a process in which Airflow is loaded and nothing else."""
    import airflow.configuration  # noqa: F401  # what every Airflow process has done

    if not compiled:
        # Airflow is loaded; from here on no bytecode is found and none is written.
        sys.pycache_prefix, sys.dont_write_bytecode = tempfile.gettempdir() + "/no-such-folder", True
    loaded = set(sys.modules)
    resident_bytes()  # the first time, it takes memory of its own
    memory, began = resident_bytes(), time.process_time()
    found = who()().get_conn_value("my_db")
    cpu = time.process_time() - began
    grown = resident_bytes() - memory
    assert found is not None
    new = {name.partition(".")[0] for name in set(sys.modules) - loaded}
    foreign = sorted(new - set(sys.stdlib_module_names) - {"airflow_kubernetes_secrets"})
    return {"cpu_ms": cpu * 1000, "memory_mib": grown / 2**20, "foreign_modules": foreign}


def warm(who: Callable[[], Callable[[], Any]], *, fresh: bool = False) -> dict[str, Any]:
    """Lookups one after the other; ``fresh``: each on a new backend object."""
    import airflow.configuration  # noqa: F401  # as above

    make = who()
    backend = make()
    for _ in range(20):
        backend.get_conn_value("my_db")
    latencies = []
    began = time.process_time()
    for _ in range(LOOKUPS):
        started = time.perf_counter()
        (make() if fresh else backend).get_conn_value("my_db")
        latencies.append(time.perf_counter() - started)
    cpu = time.process_time() - began
    return {"cpu_ms": cpu * 1000 / LOOKUPS, "latency_ms": statistics.median(latencies) * 1000}


def main() -> None:
    who = {"ours": ours, "peer": peer, "bare": bare}[sys.argv[1]]
    what = sys.argv[2]
    measure = {
        "cold": cold,
        "uncompiled": lambda who: cold(who, compiled=False),
        "warm": warm,
        "fresh": lambda who: warm(who, fresh=True),
    }[what]
    print(json.dumps(measure(who)))


main()
