"""Which class the path leads to, while the distributions are installed, upgraded and removed."""

from __future__ import annotations

import pytest

from support.cncf_path import (
    APACHES,
    CNCF_PATH,
    LEFT_BY_PIP,
    LIBRARY,
    NOTHING_BUT_A_DIRECTORY,
    OURS,
    PROVIDER,
    Wheels,
    change,
    imported_class_in_fork,
)
from support.environments import Environment

SEQUENCES = {
    "each is installed and removed next to the other": [
        ("+ cncf_path", OURS),
        ("+ provider_with", APACHES),
        (f"- {CNCF_PATH}", APACHES),
        ("+ cncf_path", APACHES),
        (f"- {PROVIDER}", OURS),
        (f"- {CNCF_PATH}", NOTHING_BUT_A_DIRECTORY),
    ],
    "Apache's is upgraded and downgraded": [
        ("+ provider_without", "no airflow.providers.cncf.kubernetes.secrets"),
        ("+ cncf_path", OURS),
        ("+ provider_first_with", APACHES),
        ("+ provider_with", APACHES),
        ("+ provider_without", OURS),
        (f"- {CNCF_PATH}", "no airflow.providers.cncf.kubernetes.secrets"),
        (f"- {PROVIDER}", NOTHING_BUT_A_DIRECTORY),
    ],
    "ours is upgraded and downgraded": [
        ("+ cncf_path_older", OURS),
        ("+ cncf_path", OURS),
        ("+ cncf_path_older", OURS),
        (f"- {CNCF_PATH}", "no airflow.providers.cncf"),
    ],
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_path_prefers_the_class_of_apache_over_ours(
    sequence: list[tuple[str, str]], environment_with_main: Environment, wheels: Wheels
) -> None:
    environment = environment_with_main
    before = environment.files() | {environment.site_packages / path for path in LEFT_BY_PIP}

    for step, expected in sequence:
        change(environment, wheels, step)
        assert imported_class_in_fork(environment) == expected, step

    assert environment.files() <= before


def test_modules_of_an_older_provider_are_unchanged(environment_with_main: Environment, wheels: Wheels) -> None:
    environment = environment_with_main
    # Some modules cannot be imported, because the provider's dependencies are not installed.
    code = """
import importlib, json, pkgutil
import airflow.providers.cncf.kubernetes as provider
def outcome(name):
    try:
        return importlib.import_module(name).__spec__.origin
    except Exception as error:
        return repr(error)
names = [module.name for module in pkgutil.walk_packages(provider.__path__, f"{provider.__name__}.")]
print(json.dumps({name: outcome(name) for name in names}))
"""
    environment.install(wheels.provider_without)
    alone = environment.evaluate_in_fork(code, LIBRARY)
    environment.install(wheels.cncf_path)

    assert environment.evaluate_in_fork(code, LIBRARY) == alone
    assert alone["airflow.providers.cncf.kubernetes.secret"].startswith(str(environment.site_packages))
