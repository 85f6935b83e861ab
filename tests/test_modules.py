"""Every module of the packages can be imported, including those that only Airflow's processes load."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import airflow_kubernetes_secrets
import airflow_kubernetes_secrets_devserver


@pytest.mark.parametrize(
    ("package", "some"),
    [
        (airflow_kubernetes_secrets, {"backend", "ui.plugin", "cli.export"}),
        (airflow_kubernetes_secrets_devserver, {"server", "pytest_plugin"}),
    ],
)
def test_every_module_can_be_imported(package: ModuleType, some: set[str]) -> None:
    name = package.__name__
    found = [each.name for each in pkgutil.walk_packages(package.__path__, f"{name}.")]

    assert {f"{name}.{each}" for each in some} <= {*found}
    for each in found:
        importlib.import_module(each)
