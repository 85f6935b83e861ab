"""Results in files, so that tables and plots can be made again without measuring."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from harness.turns import Runs

FOLDER = Path(__file__).parents[1] / "results"


class Results(NamedTuple):
    """One run.

    Attributes:
        context: the environment of the measurement.
    """

    context: dict[str, Any]
    runs: Runs


def context(api_server: str) -> dict[str, Any]:
    """Return what the figures depend on.

    Args:
        api_server: its version.
    """
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "kube_apiserver": api_server,
        "airflow": version("apache-airflow"),
        "peer": version("apache-airflow-providers-cncf-kubernetes"),
    }


def save(name: str, results: Results) -> None:
    """Write ``results/<name>.json``."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(results._asdict(), indent=1, sort_keys=True) + "\n")


def load(name: str, made_by: str) -> Results:
    """Read ``results/<name>.json``.

    Raises:
        SystemExit: the file does not exist; the message says that ``made_by`` makes it.
    """
    try:
        return Results(**json.loads((FOLDER / f"{name}.json").read_text()))
    except FileNotFoundError:
        raise SystemExit(f"There is no {FOLDER / name}.json yet: run {made_by}") from None
