"""What the official Helm chart makes of values: the environment of a container, and ``airflow.cfg``.

https://github.com/apache/airflow/tree/main/chart/templates (``_helpers.yaml`` and ``configmaps/configmap.yaml``)
"""

from __future__ import annotations

import configparser
import io
from typing import Any


def environment(values: dict[str, Any], *component: str) -> dict[str, str]:
    """The variables of a container of a component; of two of one name Kubernetes takes the last.

    Args:
        component: the keys that lead to what the component has of its own.
    """
    own = values
    for key in component:
        own = own[key]
    every = [*values.get("env", ()), *(own.get("env", ()) if component else ())]
    return {each["name"]: each["value"] for each in every}


def airflow_cfg(values: dict[str, Any]) -> str:
    """The mounted ``airflow.cfg``. Nothing in these values is a template of Helm's."""
    config = configparser.RawConfigParser()
    config.read_dict(values["config"])
    file = io.StringIO()
    config.write(file)
    return file.getvalue()
