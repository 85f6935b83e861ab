"""``make pythons``: the tests that use Airflow as a library, with each Python that Airflow supports.

Each Python that is found on this machine gets its own environment, with the newest Airflow that supports it. The result
is added to the table of docs/reference/matrix.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from matrix.page import show_runs
from matrix.runs import PYTHONS, Kind, Releases, Run, record, server
from support.airflow import ROOT
from support.interpreters import find_python
from support.kube_apiserver import assets

# These include all code whose result depends on Python itself, such as the syntax of DAG files in `usage`. The other
# folders run Airflow's services and commands, a browser, or the tools that build the project.
TESTS = (
    "tests/kubernetes",
    "tests/backend",
    "tests/devserver",
    "tests/fuzz",
    "tests/inventory",
    "tests/manifests",
    "tests/usage",
    "tests/formats",
    "tests/sources",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_*.py")),
)

INSTALL_SECONDS = 1800
TEST_SECONDS = 3600


def main(arguments: list[str]) -> int:
    """Run the tests with the given Pythons, or without any, with each Python that is found.

    Returns:
        1 if a test failed, if a given Python is missing, or if no Python was found; else 0.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--numprocesses", default="4", help="how many processes run the tests of one Python")
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", help="such as 3.12; without any: each that is found")
    options = parser.parse_args(arguments)
    found = {version: find_python(version) for version in options.pythons or PYTHONS}
    outcomes = {
        version: _outcome(version, Path(python), options.numprocesses)
        for version, python in found.items()
        if python is not None
    }
    missing = [version for version, python in found.items() if python is None]
    for outcome in outcomes.values():
        print(outcome.text)
    for version in missing:
        print(f"Python {version} is NOT tested: put python{version} on PATH")
    is_missing = bool(options.pythons and missing)
    return int(not outcomes or is_missing or not all(outcome.passed for outcome in outcomes.values()))


@dataclass(frozen=True)
class Outcome:
    """The result with one Python."""

    passed: bool
    text: str


def _outcome(version: str, python: Path, processes: str) -> Outcome:
    """Run the tests, and record the run before a later one can fail. Without an environment there is no run."""
    try:
        environment = _environment(version, python)
        releases = Releases.of(environment)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Outcome(passed=False, text=f"Python {version} is NOT tested: its environment cannot be made: {error}")
    print(f"Python {releases.python}, Airflow {releases.airflow}", flush=True)
    began = time.monotonic()
    passed = _pass(environment, processes)
    print(f"Python {releases.python} took {time.monotonic() - began:.0f} s", flush=True)
    run = Run(Kind.TESTS, releases, server(assets()), passed=passed)
    record([run])
    show_runs()
    text = f"Python {releases.python}, Airflow {releases.airflow}, {run.kubernetes}: {'passed' if passed else 'FAILED'}"
    return Outcome(passed, text)


def _environment(version: str, python: Path) -> Path:
    """Return the interpreter of the environment for this Python, which ``make`` creates."""
    environment = f".venv-python-{version}"
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["make", "--no-print-directory", f"{environment}/ready"],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        timeout=INSTALL_SECONDS,
        check=True,
    )
    return ROOT / environment / "bin" / "python"


def _pass(python: Path, processes: str) -> bool:
    """Return whether the tests pass with this interpreter, in time."""
    command = [str(python), "-m", "pytest", "--quiet", f"--numprocesses={processes}", *TESTS]
    try:
        return subprocess.run(command, cwd=ROOT, timeout=TEST_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired as error:
        print(error, flush=True)
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
