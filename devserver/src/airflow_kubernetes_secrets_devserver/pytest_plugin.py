"""The pytest fixture ``kubernetes_devserver``, available in every project that has the package installed.

pytest loads this module in every run, so it imports nothing but pytest until the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_kubernetes_secrets_devserver import DevServer


@pytest.fixture
def kubernetes_devserver() -> Iterator[DevServer]:
    """Return a running, empty devserver; each test gets a new one, which starts in about 0.1 s.

    ``kubernetes_devserver.environment()`` has the variables that make Airflow read its secrets from it.
    """
    try:
        from airflow_kubernetes_secrets_devserver import DevServer
    except ModuleNotFoundError as error:
        pytest.fail(f"{error.name} is missing: pip install 'airflow-kubernetes-secrets[devserver]'", pytrace=False)
    with DevServer() as server:
        yield server
