"""What a test needs that a machine may lack, besides a kube-apiserver and a browser: a version of Airflow."""

from __future__ import annotations

import pytest

from support.airflow import installed

_MISSING = "Airflow {} is not installed: run `make environments` (2.11 needs Python 3.10 to 3.12)"


def require_airflow(version: str) -> None:
    """Skip the test if this version of Airflow is not installed."""
    if not installed(version):
        pytest.skip(_MISSING.format(version))


def needs_airflow(version: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test if this version of Airflow is not installed."""
    return pytest.mark.skipif(not installed(version), reason=_MISSING.format(version))
