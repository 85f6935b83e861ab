"""A pod cannot refer to a mounted Secret by the name of its Secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.airflow import BACKEND, Airflow

PROGRAM = """
from airflow_kubernetes_secrets.pod import SecretRefsError, secret_refs
try:
    secret_refs("my_db")
except SecretRefsError as error:
    print(error)
"""


@pytest.mark.parametrize("is_described", [False, True])
def test_error_names_the_remedy(mount: Path, tmp_path: Path, is_described: bool) -> None:
    """The error is also raised if a reference describes the Secret."""
    folder = "secrets/my-db" if is_described else "connections"
    shown = folder if is_described else f"{folder}/my_db"
    (mount / folder).mkdir(parents=True)
    (mount / folder / ("host" if is_described else "my_db")).write_text("http://example.com")
    reference = {"secret": "my-db", "annotations": {"connection-type": "postgres"}}
    references = {"references": {"connections": {"my_db": reference}}} if is_described else {}
    options = {"path": str(mount), **references}
    variables = {"AIRFLOW__SECRETS__BACKEND": BACKEND, "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(options)}

    done = Airflow("3.3", tmp_path / "airflow", variables).python(PROGRAM)

    assert done.stdout.splitlines()[-1:] == [
        f"connection 'my_db': {mount}/{shown} is a mounted file, and a pod can refer only to "
        "Secrets of the API. Name Secret and key in the DAG yourself, or mount the Secret in the pod too"
    ], done.stderr
