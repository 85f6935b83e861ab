"""The real hooks behave as the warnings describe, where their providers are installed: with Airflow 2.11."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from support.airflow import BACKEND, Airflow
from support.hooks import HTTP, MARK, POSTGRES, OfHttp, OfPostgres
from support.requirements import needs_airflow
from support.secrets import CONNECTION

VERSION = "2.11"

with_providers = needs_airflow(VERSION)

OF_HTTP = """
import json, sys, warnings
warnings.simplefilter("ignore")
from airflow.providers.http.hooks.http import HttpHook

found = {}
for conn_id in json.loads(sys.argv[1]):
    hook = HttpHook(http_conn_id=conn_id)
    hook.get_conn()
    found[conn_id] = hook.base_url
sys.stdout.write("\\n" + json.dumps(found))
"""

OF_POSTGRES = """
import json, sys, warnings
warnings.simplefilter("ignore")
from airflow.providers.postgres.hooks.postgres import PostgresHook

found = {}
for conn_id in json.loads(sys.argv[1]):
    try:
        PostgresHook(postgres_conn_id=conn_id).get_conn()
    except Exception as error:
        found[conn_id] = str(error)
sys.stdout.write("\\n" + json.dumps(found))
"""


def results(tmp_path: Path, program: str, cases: Mapping[str, OfHttp | OfPostgres]) -> dict[str, str]:
    """Return the program's result for each case, which it looks up in Secrets by the id ``c<number>``."""
    ids = {f"c{number}": case for number, case in enumerate(cases)}
    folder = tmp_path / "secrets"
    folder.mkdir()
    for conn_id, case in ids.items():
        metadata = {"name": conn_id, "labels": {CONNECTION: conn_id}}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {**cases[case].data}}
        (folder / f"{conn_id}.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"path": str(folder)}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/at/all.db",
    }
    done = Airflow(VERSION, tmp_path / "home", variables).python(program, json.dumps([*ids]))
    assert done.returncode == 0, done.stderr
    return {ids[conn_id]: text for conn_id, text in json.loads(done.stdout.splitlines()[-1]).items()}


@with_providers
def test_the_url_of_http_hook(tmp_path: Path) -> None:
    assert results(tmp_path, OF_HTTP, HTTP) == {case: expected.url for case, expected in HTTP.items()}


@with_providers
def test_where_postgres_hook_connects(tmp_path: Path) -> None:
    found = results(tmp_path, OF_POSTGRES, POSTGRES)

    for case, expected in POSTGRES.items():
        assert all(each in found[case] for each in expected.tried), (case, found[case])
    assert MARK not in "".join(found.values())


KNOWN = """
import json, sys, warnings
warnings.simplefilter("error")
import airflow.configuration
before = set(sys.modules)
from airflow_kubernetes_secrets.backend.airflow_versions import known_connection_types
found = sorted(known_connection_types())
imported = sorted(name for name in set(sys.modules) - before if ".hooks" in name)
from airflow.providers_manager import ProvidersManager
warnings.simplefilter("ignore")
sys.stdout.write("\\n" + json.dumps([found, imported, sorted(ProvidersManager().hooks)]))
"""


def test_the_types_that_airflow_knows(bare_airflow: Airflow) -> None:
    """The types are those of Airflow itself, found without importing a hook and without a warning."""
    done = bare_airflow.with_variables(AIRFLOW__SECRETS__BACKEND="").python(KNOWN)

    assert done.returncode == 0, done.stderr
    found, imported, of_airflow = json.loads(done.stdout.splitlines()[-1])
    assert found == of_airflow
    assert not imported


PROVIDER = """
def get_provider_info():
    data = {"package-name": "old-provider", "name": "Old", "description": "x"}
    return {**data, "hook-class-names": ["old.hooks.OldHook"]}
"""

PRINT_KNOWN_TYPES = """
import sys
from airflow_kubernetes_secrets.backend.airflow_versions import known_connection_types
sys.stdout.write(f"\\n{known_connection_types()} {'old.hooks' in sys.modules}")
"""


def test_types_are_unknown_if_a_provider_names_only_hook_classes(bare_airflow: Airflow, tmp_path: Path) -> None:
    """Its hooks are not imported to read their types, so there is no warning."""
    folder = tmp_path / "packages"
    for name, text in {
        "old/__init__.py": PROVIDER,
        "old/hooks.py": "",
        "old_provider-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: old-provider\nVersion: 1.0\n",
        "old_provider-1.0.dist-info/entry_points.txt": (
            "[apache_airflow_provider]\nprovider_info = old:get_provider_info\n"
        ),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    variables = {
        "AIRFLOW__SECRETS__BACKEND": "",
        "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }

    done = bare_airflow.with_variables(**variables).python(PRINT_KNOWN_TYPES)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "None False", done.stderr
