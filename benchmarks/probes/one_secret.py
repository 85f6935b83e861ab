"""One Secret of the largest size, read in each way: by a lookup, ``list``, ``check`` and the page."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from statistics import median
from typing import Any

from probes.served import FOLDER

_LOOKUPS = 20
_TIMES = 5


def one_secret(who: str, _secrets: int) -> dict[str, float]:
    """Return the CPU milliseconds of each way.

    Args:
        who: the namespace with the Secret.
    """
    kwargs = {"namespace": who, "service_account_path": FOLDER}
    os.environ |= {
        "AIRFLOW__SECRETS__BACKEND": "airflow_kubernetes_secrets.KubernetesSecretsBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
    }
    manifests = Path(FOLDER) / who
    return {
        "lookup_ms": _milliseconds(_lookup(kwargs), _LOOKUPS),
        "memory_ms": _milliseconds(_lookup({**kwargs, "cache_ttl": 3600}), _LOOKUPS),
        "list_ms": _milliseconds(_command("list", "--output", "json"), _TIMES),
        "check_json_ms": _milliseconds(_command("check", str(manifests / "secret.json")), _TIMES),
        "check_yaml_ms": _milliseconds(_command("check", str(manifests / "secret.yaml")), _TIMES),
        "page_ms": _milliseconds(_snapshot, _TIMES),
    }


def _milliseconds(once: Callable[[], Any], times: int) -> float:
    # The first calls import modules, connect and fill caches.
    for _ in range(3):
        once()
    taken = []
    for _ in range(times):
        began = time.process_time()
        once()
        taken.append(time.process_time() - began)
    return median(taken) * 1000


def _lookup(kwargs: dict[str, Any]) -> Callable[[], None]:
    from airflow_kubernetes_secrets import KubernetesSecretsBackend
    from airflow_kubernetes_secrets.errors import MalformedSecretError

    backend = KubernetesSecretsBackend(**kwargs)

    def look_up() -> None:
        with suppress(MalformedSecretError):
            assert backend.get_conn_value("my_db") is not None

    return look_up


def _command(*arguments: str) -> Callable[[], None]:
    from airflow_kubernetes_secrets.cli.main import main

    def run() -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            main(list(arguments))

    return run


def _snapshot() -> None:
    from airflow_kubernetes_secrets.ui.snapshot_cache import take_snapshot

    snapshot = take_snapshot()
    json.dumps([row.as_json() for row in snapshot.rows])
