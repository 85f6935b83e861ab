"""Every Airflow process imports this package, so it loads nothing that Airflow does not load."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from support.airflow import BACKEND, Airflow
from support.cluster import Cluster
from support.requirements import require_airflow
from support.secrets import CONNECTION, Put

LIST_MODULES = """
import json, sys
import airflow.configuration
before = set(sys.modules)
from airflow_kubernetes_secrets import KubernetesSecretsBackend
backend = KubernetesSecretsBackend(service_account_path=sys.argv[1] if len(sys.argv) > 1 else "/none")
imported = set(sys.modules)
if len(sys.argv) > 1:
    assert backend.get_variable("x") == "found", "not found"
print(json.dumps([sorted(imported - before), sorted(set(sys.modules) - imported)]))
"""


# Modules that a lookup of a plain Secret without a cache does not use. Each module takes about 1 % of its CPU time.
_MODULES_OF_OTHER_LOOKUPS = {
    "airflow_kubernetes_secrets.formats.connection",
    "airflow_kubernetes_secrets.formats.near_misses",
    "airflow_kubernetes_secrets.kubernetes.permissions",
    "airflow_kubernetes_secrets.kubernetes.resolve",
    "airflow_kubernetes_secrets.kubernetes.watch_events",
    "airflow_kubernetes_secrets.lookup.bundles",
    "airflow_kubernetes_secrets.lookup.reference_annotations",
    "airflow_kubernetes_secrets.sources.api_errors",
    "airflow_kubernetes_secrets.sources.cache_policy",
    "airflow_kubernetes_secrets.sources.index",
    "airflow_kubernetes_secrets.sources.source",
}


def foreign(modules: list[str]) -> set[str]:
    """Return the modules that belong neither to the standard library nor to this package."""
    return (
        {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"airflow_kubernetes_secrets"}
    )


# Airflow 2.11 depends on msgspec too, but loads it later than its configuration.
@pytest.mark.parametrize(("version", "by_the_import"), [("3.3", set()), ("2.11", {"msgspec"})])
def test_import_and_lookup_load_only_modules_of_airflow(
    version: str, by_the_import: set[str], devserver_cluster: Cluster, tmp_path: Path
) -> None:
    require_airflow(version)
    namespace = f"import-{version.replace('.', '-')}"
    account = devserver_cluster.service_account(namespace, "reader", {namespace: ["list"]})
    Put(devserver_cluster, namespace).variable("x", "found")
    airflow = Airflow(version, tmp_path, devserver_cluster.pod_environment())

    done = airflow.command("python", "-c", LIST_MODULES, str(account.folder))

    assert done.returncode == 0, done.stderr
    imported, loaded_later = json.loads(done.stdout.splitlines()[-1])
    assert "airflow_kubernetes_secrets.backend.kubernetes_secrets" in imported
    assert foreign(imported) == by_the_import
    assert foreign(loaded_later) == set()
    assert _MODULES_OF_OTHER_LOOKUPS.isdisjoint({*imported, *loaded_later})
    assert all(map(importlib.util.find_spec, _MODULES_OF_OTHER_LOOKUPS))


@pytest.mark.parametrize(
    "module",
    [
        "airflow_kubernetes_secrets.cli",
        "airflow_kubernetes_secrets.kubernetes.kubeconfig",
        "airflow_kubernetes_secrets_devserver",
    ],
)
def test_backend_does_not_import_other_parts(module: str, tmp_path: Path) -> None:
    airflow = Airflow("3.3", tmp_path, {"AIRFLOW__SECRETS__BACKEND": BACKEND})

    done = airflow.python(
        f"import airflow.configuration, importlib, sys; print({module!r} in sys.modules); "
        f"importlib.import_module({module!r}); print({module!r} in sys.modules)"
    )

    assert done.stdout.splitlines()[-2:] == ["False", "True"], done.stderr


# Modules that explain why a lookup in a folder selects no Secret. Most processes never need them.
_MODULES_OF_EXPLANATIONS = [
    "airflow_kubernetes_secrets.formats.near_misses",
    "airflow_kubernetes_secrets.sources.layout",
]

LOOK_UP_IN_A_FOLDER = """
import json, sys
import airflow.configuration
from airflow_kubernetes_secrets import KubernetesSecretsBackend
backend = KubernetesSecretsBackend(path=sys.argv[1], references={"connections": {"r": "whole"}})
def loaded():
    return [each for each in json.loads(sys.argv[2]) if each in sys.modules]
for conn_id in ("file", "fields", "binding", "r", "manifest"):
    assert backend.get_conn_value(conn_id), conn_id
assert backend.get_variable("variable") == "x"
found = loaded()
assert backend.get_conn_value("empty") is None
assert backend.get_conn_value("near") is None
print(json.dumps([found, loaded()]))
"""


def test_a_successful_lookup_in_a_folder_loads_no_explanations(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    manifest = {"metadata": {"name": "m", "labels": {CONNECTION: "manifest"}}, "stringData": {"host": "h"}}
    for path, text in {
        "connections/file": "mysql://h",
        "connections/fields/host": "h",
        "binding/type": "mysql",
        "binding/host": "h",
        "secrets/whole/value": "mysql://h",
        "variables/variable": "x",
        "manifests/m.json": json.dumps({"apiVersion": "v1", "kind": "Secret", **manifest}),
        "connections/near/ssh-privatekey": "k",
    }.items():
        (mount / path).parent.mkdir(parents=True, exist_ok=True)
        (mount / path).write_text(text)
    (mount / "connections" / "empty").mkdir()

    done = Airflow("3.3", tmp_path).command(
        "python", "-c", LOOK_UP_IN_A_FOLDER, str(mount), json.dumps(_MODULES_OF_EXPLANATIONS)
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[], _MODULES_OF_EXPLANATIONS]


def test_the_package_itself_needs_no_airflow(tmp_path: Path) -> None:
    """The command line must work where Airflow cannot start."""
    program = """
import sys
import airflow_kubernetes_secrets, airflow_kubernetes_secrets.cli.main
print(airflow_kubernetes_secrets.__version__, "airflow" in sys.modules)
"""

    done = Airflow("3.3", tmp_path).python(program)

    assert done.stdout == f"{_version()} False\n", done.stderr


def _version() -> str:
    from airflow_kubernetes_secrets import __version__

    return __version__
