"""All ways to import the class by the documented path, in Airflow and without it."""

from __future__ import annotations

import pytest

from support.cncf_path import (
    CLASS,
    LIBRARY,
    MODULE,
    Wheels,
    imported_class,
    imported_class_in_fork,
)
from support.environments import Environment


class TestInAirflow:
    def test_a_command_runs_with_the_documented_path(self, without_provider: Environment) -> None:
        configured = {"AIRFLOW__SECRETS__BACKEND": CLASS}
        done = without_provider.run("-m", "airflow", "config", "get-value", "secrets", "backend", variables=configured)

        assert (done.returncode, done.stdout.strip()) == (0, CLASS), done.stderr

    @pytest.mark.parametrize("section", ["SECRETS", "WORKERS"])
    def test_airflow_builds_this_backend_from_the_documented_path(
        self, section: str, without_provider: Environment
    ) -> None:
        code = """
import json
from airflow.configuration import ensure_secrets_loaded
from airflow.secrets import DEFAULT_SECRETS_SEARCH_PATH_WORKERS
from airflow_kubernetes_secrets import KubernetesSecretsBackend
backends = ensure_secrets_loaded(DEFAULT_SECRETS_SEARCH_PATH_WORKERS)
print(json.dumps(type(backends[0]) is KubernetesSecretsBackend))
"""
        option = "BACKEND" if section == "SECRETS" else "SECRETS_BACKEND"

        assert without_provider.evaluate_in_fork(code, {f"AIRFLOW__{section}__{option}": CLASS})


class TestImporting:
    def test_every_import_returns_the_same_class(self, without_provider: Environment) -> None:
        code = f"""
import importlib, json, sys
from airflow_kubernetes_secrets import KubernetesSecretsBackend
def import_as():
    import {MODULE} as module
    return module.KubernetesSecretsBackend
def import_chain():
    import {MODULE}
    return {CLASS}
def from_module():
    from {MODULE} import KubernetesSecretsBackend
    return KubernetesSecretsBackend
def from_package():
    from airflow.providers.cncf.kubernetes.secrets import kubernetes_secrets_backend
    return kubernetes_secrets_backend.KubernetesSecretsBackend
def star():
    names = {{}}
    exec("from {MODULE} import *", names)
    return names["KubernetesSecretsBackend"]
def airflows():
    from airflow._shared.module_loading import import_string
    return import_string("{CLASS}")
def in_python():
    return importlib.__import__("{MODULE}", fromlist=["KubernetesSecretsBackend"]).KubernetesSecretsBackend
def found():
    spec = importlib.util.find_spec("{MODULE}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.KubernetesSecretsBackend
wrong = []
for way in (import_as, import_chain, from_module, from_package, star, airflows, in_python, found):
    if way() is not KubernetesSecretsBackend:
        wrong.append(way.__name__)
    for name in [name for name in sys.modules if name.startswith("airflow.providers.cncf")]:
        del sys.modules[name]
print(json.dumps(wrong))
"""
        assert without_provider.evaluate_in_fork(code, LIBRARY) == []

    def test_modules_can_be_reloaded_and_the_class_pickled(self, without_provider: Environment) -> None:
        code = f"""
import importlib, json, pickle, sys
import {MODULE} as module
from airflow_kubernetes_secrets import KubernetesSecretsBackend
for name in [name for name in sys.modules if name.startswith("airflow.providers.cncf")]:
    importlib.reload(sys.modules[name])
data = pickle.dumps(module.KubernetesSecretsBackend)
print(json.dumps([module.KubernetesSecretsBackend is KubernetesSecretsBackend, b"cncf" in data]))
"""
        assert without_provider.evaluate_in_fork(code, LIBRARY) == [True, False]

    def test_threads_that_import_it_concurrently_get_one_class(self, without_provider: Environment) -> None:
        code = f"""
import importlib, json, sys, threading
import airflow.providers
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(16)
classes = []
def load():
    barrier.wait(60)
    classes.append(importlib.import_module("{MODULE}").KubernetesSecretsBackend)
threads = [threading.Thread(target=load) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
print(json.dumps([len(classes), len(set(classes))]))
"""
        assert without_provider.evaluate_in_fork(code, LIBRARY) == [16, 1]

    def test_finder_added_later_takes_precedence(self, without_provider: Environment) -> None:
        code = f"""
import importlib.machinery, json, sys
class Legacy:  # Python before 3.12 calls it, later ones skip it
    @staticmethod
    def find_module(name, path=None):
        return None
class Later:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith("airflow.providers.cncf"):
            return importlib.machinery.ModuleSpec(name, Later, is_package=name != "{MODULE}")
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        module.KubernetesSecretsBackend = "later"
sys.meta_path += [Legacy, Later]
from {MODULE} import KubernetesSecretsBackend
print(json.dumps(KubernetesSecretsBackend))
"""
        assert without_provider.evaluate_in_fork(code, LIBRARY) == "later"

    def test_import_requires_airflow(self, without_provider: Environment) -> None:
        assert imported_class(without_provider, below=False) == "no airflow"

    def test_error_names_the_missing_main_distribution(self, environment: Environment, wheels: Wheels) -> None:
        environment.install(wheels.cncf_path)

        assert imported_class_in_fork(environment) == "no airflow_kubernetes_secrets"
