"""Real Airflow installations, which the tests run through their command line."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from support.shared import once
from support.warm import warm_python

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).parents[2]

BACKEND = "airflow_kubernetes_secrets.KubernetesSecretsBackend"

NEWEST, OLDEST = "3.3", "2.11"

# The Airflow of the suites that `make matrix` repeats with each version: those of the page and of the metrics.
TESTED = os.environ.get("MATRIX_AIRFLOW", NEWEST)


def release(version: str) -> tuple[int, ...]:
    """Return a version as numbers, which can be compared."""
    return tuple(int(each) for each in version.split("."))


def matrix_environment(version: str) -> Path:
    """Return the environment that `make matrix` builds with this version of Airflow."""
    return ROOT / f".venv-matrix-{version}"


# The environment that runs the tests has the newest Airflow; `make` builds one with the oldest.
ENVIRONMENTS = {NEWEST: Path(sys.prefix), OLDEST: ROOT / ".venv-airflow-2.11"}
if "MATRIX_AIRFLOW" in os.environ:
    ENVIRONMENTS[TESTED] = matrix_environment(TESTED)

# The database's file in Airflow's home, unless it is configured otherwise.
DATABASE = "airflow.db"

PATIENCE = 240


@dataclass(frozen=True)
class Airflow:
    """One Airflow with its own home, and the backend configured through environment variables."""

    version: str
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> Path:
        """The root of its environment."""
        return ENVIRONMENTS[self.version]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of its processes."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE"))}
        return {
            **clean,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "dags"),
            **self.variables,
        }

    def with_variables(self, **variables: str) -> Self:
        """Return a copy with these environment variables in addition to its own."""
        return replace(self, variables={**self.variables, **variables})

    def with_kwargs(self, **kwargs: object) -> Self:
        """Return a copy with these ``backend_kwargs`` in addition to its own."""
        name = "AIRFLOW__SECRETS__BACKEND_KWARGS"
        return self.with_variables(**{name: json.dumps({**json.loads(self.variables.get(name, "{}")), **kwargs})})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``airflow`` with these arguments."""
        return self.script("airflow", *arguments)

    def script(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this installation."""
        file = self.prefix / "bin" / name
        command = [str(file), *arguments]
        return warm_python(self.prefix).run(file.read_text(), command, self.environment, PATIENCE, file=file)

    def python(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program in this installation."""
        return warm_python(self.prefix).run(program, ["-c", *arguments], self.environment, PATIENCE)

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this installation in a process that has no module loaded, which takes longer."""
        return subprocess.run(
            [str(self.prefix / "bin" / name), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def migrate(self) -> None:
        """Create the database as ``airflow db migrate`` does. The migration runs once; each home gets a copy."""
        database = self.home / DATABASE
        if database.exists():
            return
        folder = once(
            f"database-{self.version}", lambda made: replace(self, home=made, variables={}).output("db", "migrate")
        )
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / DATABASE, database)

    def add_teams(self, *names: str) -> None:
        """Create teams in the database as ``airflow teams create`` does, which needs two seconds for each."""
        with closing(sqlite3.connect(self.home / DATABASE)) as database, database:
            database.executemany("INSERT INTO team (name) VALUES (?)", [(name,) for name in names])

    def add_connections(self, host: str, *conn_ids: str) -> None:
        """Create connections in the database."""
        with closing(sqlite3.connect(self.home / DATABASE)) as database, database:
            database.executemany(
                "INSERT INTO connection (conn_id, conn_type, host, is_encrypted, is_extra_encrypted) "
                "VALUES (?, 'http', ?, FALSE, FALSE)",
                [(conn_id, host) for conn_id in conn_ids],
            )

    def add_variable(self, key: str, value: str) -> None:
        """Create a variable in the database."""
        with closing(sqlite3.connect(self.home / DATABASE)) as database, database:
            database.execute("INSERT INTO variable (key, val, is_encrypted) VALUES (?, ?, FALSE)", (key, value))

    def output(self, *arguments: str) -> str:
        """Return the output of ``airflow``, which must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
        return done.stdout


def installed(version: str) -> bool:
    """Return whether the environment with this version of Airflow exists."""
    return (ENVIRONMENTS[version] / "bin" / "airflow").exists()
