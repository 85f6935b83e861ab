"""A pod cannot refer to a mounted Secret by the name of its Secret."""

from __future__ import annotations

import json
from pathlib import Path

from support.airflow import BACKEND, Airflow

PROGRAM = """
from airflow_kubernetes_secrets.pod import HandOnError, secret_refs
try:
    secret_refs("my_db")
except HandOnError as error:
    print(error)
"""


def test_it_says_what_to_do(mount: Path, tmp_path: Path) -> None:
    (mount / "connections").mkdir()
    (mount / "connections" / "my_db").write_text("http://example.com")
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"path": str(mount)}),
    }

    done = Airflow("3.3", tmp_path / "airflow", variables).python(PROGRAM)

    assert done.stdout.splitlines()[-1:] == [
        f"connection 'my_db': {mount}/connections/my_db is a mounted file, and a pod can refer only to Secrets of the "
        "API. Name Secret and key in the DAG yourself, or mount the Secret in the pod too"
    ], done.stderr
