"""Suites of `make test` that depend on the version of Airflow, repeated with the wheel in each Airflow."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from matrix.deployment import Installed
from matrix.proofs import Proof, proves
from support.airflow import ROOT

SUITE_SECONDS = 1_800


@proves(Proof.METRICS)
@pytest.mark.timeout(SUITE_SECONDS)
def test_the_metrics(installed: Installed) -> None:
    _all_pass(installed.version, "tests/backend/test_metrics.py", "tests/backend/test_open_telemetry.py")


@proves(Proof.PAGE_TESTS)
@pytest.mark.timeout(SUITE_SECONDS)
def test_the_page(installed: Installed) -> None:
    _all_pass(installed.version, "tests/ui")


def _all_pass(version: str, *suites: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--numprocesses=2", *suites],
        cwd=ROOT,
        env={**os.environ, "MATRIX_AIRFLOW": version},
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]
