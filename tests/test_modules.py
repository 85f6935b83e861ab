"""Every module of the package can be imported, including those that only Airflow's processes load."""

from __future__ import annotations

import importlib
import pkgutil

import airflow_kubernetes_secrets


def test_each_can_be_imported() -> None:
    name = airflow_kubernetes_secrets.__name__
    found = [each.name for each in pkgutil.walk_packages(airflow_kubernetes_secrets.__path__, f"{name}.")]

    assert {f"{name}.backend", f"{name}.ui.plugin", f"{name}.cli.export"} <= {*found}
    for each in found:
        importlib.import_module(each)
