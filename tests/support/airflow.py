"""Real Airflow installations, run as a person runs them: by their command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

BACKEND = "airflow_kubernetes_secrets.KubernetesSecretsBackend"

# The environment that runs the tests has the newest; `make` builds one for the oldest.
ENVIRONMENTS = {"3.3": Path(sys.prefix), "2.11": ROOT / ".venv-airflow-2.11"}

PATIENCE = 110


@dataclass(frozen=True)
class Airflow:
    """One Airflow with a home of its own and the backend configured through environment variables."""

    version: str
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE"))}
        return {
            **clean,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "dags"),
            **self.variables,
        }

    def with_variables(self, **variables: str) -> Airflow:
        return Airflow(self.version, self.home, {**self.variables, **variables})

    def with_kwargs(self, **kwargs: object) -> Airflow:
        """With these ``backend_kwargs`` added to those it has."""
        name = "AIRFLOW__SECRETS__BACKEND_KWARGS"
        return self.with_variables(**{name: json.dumps({**json.loads(self.variables.get(name, "{}")), **kwargs})})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``airflow`` with these arguments."""
        program = ENVIRONMENTS[self.version] / "bin" / "airflow"
        return self._run(str(program), *arguments)

    def python(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program in the same installation."""
        return self._run(str(ENVIRONMENTS[self.version] / "bin" / "python"), "-c", program, *arguments)

    def output(self, *arguments: str) -> str:
        """What ``airflow`` prints, when it succeeds."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )


def installed(version: str) -> bool:
    return (ENVIRONMENTS[version] / "bin" / "airflow").exists()
