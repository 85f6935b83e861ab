"""What the official Helm chart renders from values: the environment of a container, and ``airflow.cfg``.

https://github.com/apache/airflow/tree/main/chart/templates (``_helpers.yaml`` and ``configmaps/configmap.yaml``)
"""

from __future__ import annotations

import configparser
import io
from typing import Any


def environment(values: dict[str, Any], *component: str) -> dict[str, str]:
    """Return the environment variables of a component's container. If a name is repeated, Kubernetes uses the last.

    Args:
        component: the keys that lead to the component's own values.
    """
    own = values
    for key in component:
        own = own[key]
    every = [*values.get("env", ()), *(own.get("env", ()) if component else ())]
    return {each["name"]: each["value"] for each in every}


def airflow_cfg(values: dict[str, Any]) -> str:
    """Return the mounted ``airflow.cfg``. None of these values is a Helm template."""
    config = configparser.RawConfigParser()
    config.read_dict(values["config"])
    file = io.StringIO()
    config.write(file)
    return file.getvalue()
