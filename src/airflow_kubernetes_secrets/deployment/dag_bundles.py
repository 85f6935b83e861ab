"""The folders that Airflow is configured to read DAGs from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.errors import NotConfiguredError

_LOCAL = "LocalDagBundle"
_OPTION = ("dag_processor", "dag_bundle_config_list")


@dataclass(frozen=True)
class DagBundle:
    """A DAG bundle of Airflow: one source of DAGs. It is unrelated to bundles, which are Secrets with many ids.

    Attributes:
        name: its name in the configuration.
        folder: its folder; ``None`` if it is not on this machine, such as a Git repository.
        team: the team that owns its DAGs; ``None`` if no team does.
    """

    name: str
    folder: Path | None
    team: str | None = None


def dag_bundles() -> list[DagBundle]:
    """Return the DAG bundles of Airflow 3, or the DAG folder of Airflow 2 as one bundle.

    Raises:
        NotConfiguredError: the configuration of the DAG bundles is invalid, so Airflow cannot read it either.
    """
    conf = airflow_conf()
    dags_folder = Path(conf.get("core", "dags_folder")).expanduser()
    text = conf.get(*_OPTION, fallback="") if conf.has_option(*_OPTION) else ""
    if not text:
        return [DagBundle("dags-folder", dags_folder)]
    try:
        found = json.loads(text)
        return [_bundle(each, dags_folder) for each in found]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NotConfiguredError(
            f"[{_OPTION[0]}] {_OPTION[1]} is not a JSON list of bundles with name, classpath and kwargs, so Airflow "
            "cannot read DAGs. Correct it, or name a folder with --dags"
        ) from None


def _bundle(given: dict[str, Any], dags_folder: Path) -> DagBundle:
    team = given.get("team_name")
    if str(given["classpath"]).rpartition(".")[2] != _LOCAL:
        return DagBundle(str(given["name"]), None, team)
    path = (given.get("kwargs") or {}).get("path")
    return DagBundle(str(given["name"]), Path(path) if path else dags_folder, team)
