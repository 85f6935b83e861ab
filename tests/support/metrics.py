"""Programs that look ids up in an Airflow that sends its metrics somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.airflow import OLDEST, TESTED, Airflow
from support.environments import downloaded_wheel
from support.requirements import require_airflow

# No metric may contain any of these names; all of them begin in the same way.
HIDDEN = "hunter2"
SECRET_ID, SECRET_NAME, TEAM = f"{HIDDEN}-id", f"{HIDDEN}-name", f"{HIDDEN}-team"

# The versions, and the part of Airflow that sends the metrics. Since 3.2, tasks (the Task SDK) and services have a
# client each.
PARTS = [(TESTED, "airflow.sdk"), (TESTED, "airflow"), (OLDEST, "airflow")]

# Airflow 3.2 and later set up the metrics of tasks as `task_runner` does, and those of services as the scheduler does.
_SET_UP = """
import sys
from airflow.configuration import conf

def set_up(part):
    try:
        stats = __import__(f"{part}.observability.stats", fromlist=["stats"])
        utils = __import__(f"{part}.observability.metrics.stats_utils", fromlist=["stats_utils"])
    except ImportError:
        import airflow.stats
        return
    if hasattr(stats, "initialize"):
        stats.initialize(factory=utils.get_stats_factory(), export_legacy_names=True)
    else:  # Airflow 3.2
        stats.Stats.initialize(factory=utils.get_stats_factory(stats.Stats))

set_up(sys.argv[1])
from airflow_kubernetes_secrets import KubernetesSecretsBackend
"""


def python(version: str, program: str, part: str, variables: dict[str, str], home: Path) -> None:
    """Run a program in an Airflow with a client of StatsD."""
    require_airflow(version)
    client = {"PYTHONPATH": str(downloaded_wheel("statsd", "4.0.1"))}
    done = Airflow(version, home, {**client, **variables}).python(f"{_SET_UP}\n{program}", part)
    assert done.returncode == 0, done.stderr


def lookups(kwargs: dict[str, Any]) -> str:
    """Return a program that looks up a connection and the variable ``v``, and ids that do not exist."""
    return f"""
backend = KubernetesSecretsBackend(**{kwargs!r})
for _ in range(5):
    assert backend.get_connection({SECRET_ID!r}) is not None
assert backend.get_variable("v") == "x"
assert backend.get_variable("gone") is None
for _ in range(3):
    KubernetesSecretsBackend(**{kwargs!r}).get_connection("gone-too")
assert backend.get_variable("v") == "x"
"""
