"""The official client is loaded for a kubeconfig only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from support.airflow import ROOT


def test_without_the_extra_the_error_says_what_to_install(path: Path) -> None:
    program = """
import sys
sys.modules["kubernetes"] = None  # what an import of something that is not installed finds
from airflow_kubernetes_secrets.kubernetes.kubeconfig import KubeconfigCredentials
try:
    KubeconfigCredentials(sys.argv[1], None)
except Exception as error:
    print(error)
"""
    source = ROOT / "src"
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )

    assert "pip install 'airflow-kubernetes-secrets[kubeconfig]'" in done.stdout


def test_the_official_client_is_loaded_only_for_a_kubeconfig() -> None:
    program = (
        "import json, sys; from airflow_kubernetes_secrets.sources.api_source import ApiSource; "
        "print(json.dumps('kubernetes' in sys.modules))"
    )
    source = ROOT / "src"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )

    assert json.loads(done.stdout) is False
