"""The plugin in Airflow: the API server gets its page, and every other process loads almost nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.airflow import BACKEND, OLDEST, TESTED, Airflow
from support.requirements import require_airflow

# Loads plugins as a scheduler, a worker and a DAG processor do.
LOAD = """
import json, sys
from airflow import plugins_manager
plugins_manager.ensure_plugins_loaded()
found = getattr(plugins_manager, "plugins", None) or plugins_manager._get_plugins()[0]
loaded = [name for name in sys.modules if name.startswith("airflow_kubernetes_secrets.")]
print(json.dumps([[each.name for each in found], sorted(loaded)]))
"""

# Loads plugins as the API server does.
MOUNT = """
import json
from airflow import plugins_manager
if hasattr(plugins_manager, "get_fastapi_plugins"):
    apps, _middlewares = plugins_manager.get_fastapi_plugins()
else:  # before Airflow 3.2
    plugins_manager.initialize_fastapi_plugins()
    apps = plugins_manager.fastapi_apps
print(json.dumps([each["url_prefix"] for each in apps]))
"""


@pytest.mark.parametrize("version", [TESTED, OLDEST])
def test_other_components_do_not_load_the_page(version: str, tmp_path: Path) -> None:
    require_airflow(version)
    airflow = Airflow(version, tmp_path / "home", {"AIRFLOW__SECRETS__BACKEND": BACKEND})

    done = airflow.python(LOAD)

    names, loaded = json.loads(done.stdout.splitlines()[-1])
    assert "kubernetes_secrets" in names
    assert [name for name in loaded if ".ui" in name] == [
        "airflow_kubernetes_secrets.ui",
        "airflow_kubernetes_secrets.ui.plugin",
    ]
    assert not [name for name in loaded if ".inventory" in name]
    assert "Traceback" not in done.stderr


def test_the_api_server_mounts_the_page(tmp_path: Path) -> None:
    done = Airflow(TESTED, tmp_path / "home").python(MOUNT)
    assert json.loads(done.stdout.splitlines()[-1]) == ["/kubernetes-secrets"]


def test_airflow_lists_the_plugin_with_the_page(tmp_path: Path) -> None:
    plugins = json.loads(Airflow(TESTED, tmp_path / "home").output("plugins", "--output", "json"))
    [plugin] = [each for each in plugins if each["name"] == "kubernetes_secrets"]
    assert "Kubernetes Secrets" in str(plugin["external_views"])
