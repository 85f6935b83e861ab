"""Code that checks whether Apache's provider is installed."""

from __future__ import annotations

import pytest

from support.cncf_path import (
    LIBRARY,
    MODULE,
)
from support.environments import Environment


class TestDetectionOfTheProvider:
    """Code checks by its packages whether Apache's provider is installed. Without it, the result must stay negative."""

    @pytest.mark.parametrize("package", ["airflow.providers.cncf", "airflow.providers.cncf.kubernetes"])
    def test_packages_of_the_provider_are_not_found(self, package: str, without_provider: Environment) -> None:
        code = f"""
import importlib.util, json, pkgutil
import airflow.providers
outcomes = []
for ask in (importlib.import_module, importlib.util.find_spec, __import__, importlib.__import__):
    try:
        outcomes.append(ask("{package}") is not None)
    except ModuleNotFoundError as error:
        outcomes.append(False)
walked = [module.name for module in pkgutil.iter_modules(airflow.providers.__path__)]
print(json.dumps([*outcomes, "cncf" in walked]))
"""
        assert without_provider.evaluate_in_fork(code, LIBRARY) == [False] * 5

    def test_other_modules_are_not_found_after_an_import_of_the_path(self, without_provider: Environment) -> None:
        code = f"""
import importlib.util, json, pkgutil
import {MODULE}
import airflow.providers.cncf as cncf
def missing(name):
    try:
        return importlib.util.find_spec(name) is None
    except ModuleNotFoundError:
        return True
names = ["airflow.providers.cncf.other", "airflow.providers.cncf.kubernetes.operators.pod", "{MODULE}.other"]
print(json.dumps([list(map(missing, names)), list(pkgutil.walk_packages(cncf.__path__, "airflow.providers.cncf."))]))
"""
        assert without_provider.evaluate_in_fork(code, LIBRARY) == [[True] * 3, []]

    def test_package_spec_is_returned_if_the_current_import_is_unknown(self, without_provider: Environment) -> None:
        code = """
import json, sys
names = ["airflow.providers.cncf", "airflow.providers.cncf.other", "airflow.providers.cncf_other", "airflow.providers"]
print(json.dumps([sys.meta_path[-1].find_spec(name) is not None for name in names]))
"""
        assert without_provider.evaluate(code, below=False) == [True, False, False, False]

    def test_provider_has_no_version(self, without_provider: Environment) -> None:
        code = f"""
import json
import {MODULE}
try:
    from airflow.providers.cncf.kubernetes import __version__
except ImportError:
    print(json.dumps(True))
"""
        assert without_provider.evaluate_in_fork(code, LIBRARY)
