"""The class path in Airflow's documentation: its distributions, and what an environment imports from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from support.environments import Environment

MODULE = "airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend"
CLASS = f"{MODULE}.KubernetesSecretsBackend"
FINDER = "airflow_kubernetes_secrets_cncf_path"

MAIN = "airflow-kubernetes-secrets"
CNCF_PATH = "airflow-kubernetes-secrets-cncf-path"
PROVIDER = "apache-airflow-providers-cncf-kubernetes"

OURS = "airflow_kubernetes_secrets.backend.kubernetes_secrets"
APACHES = MODULE
# pip leaves the parent directory of the one that Apache's provider owns, and Python treats it as a package.
LEFT_BY_PIP = ("airflow", "airflow/providers", "airflow/providers/cncf")
NOTHING_BUT_A_DIRECTORY = "no airflow.providers.cncf.kubernetes"

# Airflow's own switch for an import without its database, logging and plugins.
LIBRARY = {"_AIRFLOW__AS_LIBRARY": "1"}


@dataclass(frozen=True)
class Wheels:
    main: Path
    cncf_path: Path
    cncf_path_older: Path
    provider_without: Path
    provider_first_with: Path
    provider_with: Path


# Prints the source of the class that the documented path leads to.
_IMPORTED_CLASS = f"""
import importlib, json
try:
    print(json.dumps(importlib.import_module("{MODULE}").KubernetesSecretsBackend.__module__))
except ModuleNotFoundError as error:
    print(json.dumps(f"no {{error.name}}"))
"""


def imported_class(environment: Environment, *, below: bool = True) -> str:
    """Import the documented path in a new interpreter, which must start silently. Returns the source of the class."""
    assert_silent_start(environment)
    return str(environment.evaluate(_IMPORTED_CLASS, below=below, variables=LIBRARY))


def imported_class_in_fork(environment: Environment) -> str:
    """Import the documented path in a fork that has loaded Airflow's libraries. Returns the source of the class.

    A new interpreter must start silently too.
    """
    assert_silent_start(environment)
    return str(environment.evaluate_in_fork(_IMPORTED_CLASS, LIBRARY))


def assert_silent_start(environment: Environment) -> None:
    start = environment.run("-W", "error", "-c", "pass")
    assert (start.returncode, start.stdout, start.stderr) == (0, "", "")


def change(environment: Environment, wheels: Wheels, step: str) -> None:
    """Carry out a step of a scenario: ``+ field of Wheels`` or ``- distribution``."""
    verb, what = step.split()
    if verb == "+":
        environment.install(getattr(wheels, what))
    else:
        environment.uninstall(what)
