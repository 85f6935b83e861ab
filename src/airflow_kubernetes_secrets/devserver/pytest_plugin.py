"""The pytest fixture ``kubernetes_devserver``: every project that has the package installed has it.

pytest loads this module in each of its runs, so nothing but pytest is imported until the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.devserver import DevServer


@pytest.fixture
def kubernetes_devserver() -> Iterator[DevServer]:
    """A running, empty devserver, new for each test (it starts in about 0.1 s).

    ``kubernetes_devserver.environment()`` has the variables that make Airflow read its secrets from it.
    """
    try:
        from airflow_kubernetes_secrets.devserver import DevServer
    except ModuleNotFoundError as error:
        pytest.fail(f"{error.name} is missing: pip install 'airflow-kubernetes-secrets[devserver]'", pytrace=False)
    with DevServer() as server:
        yield server
