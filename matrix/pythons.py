"""``make pythons``: the tests that use Airflow as a library, with each Python that Airflow supports.

Each Python that is found on this machine gets an environment of its own, with the newest Airflow that supports it. The
result goes into the table of docs/matrix.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from matrix.page import show_runs
from matrix.runs import PYTHONS, Kind, Releases, Run, record, server
from support.airflow import ROOT
from support.interpreters import find_python
from support.kube_apiserver import assets

# The other folders run Airflow's services and commands, a browser, or the tools that build the project.
TESTS = (
    "tests/api",
    "tests/backend",
    "tests/devserver",
    "tests/fuzz",
    "tests/inventory",
    "tests/shapes",
    "tests/sources",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_*.py")),
)

INSTALL_SECONDS = 1800
TEST_SECONDS = 3600


def main(wanted: list[str]) -> int:
    """Run the tests with each of these Pythons; without any, with each that is found. Returns the exit status."""
    found = {version: find_python(version) for version in wanted or PYTHONS}
    missing = [version for version, python in found.items() if python is None]
    runs = [_run(version, Path(python)) for version, python in found.items() if python is not None]
    record(runs)
    show_runs()
    for run in runs:
        outcome = "passed" if run.passed else "FAILED"
        print(f"Python {run.releases.python}, Airflow {run.releases.airflow}, {run.kubernetes}: {outcome}")
    for version in missing:
        print(f"Python {version} is NOT tested: put python{version} on PATH")
    return int(not runs or (bool(wanted) and bool(missing)) or not all(run.passed for run in runs))


def _run(version: str, python: Path) -> Run:
    environment = f".venv-python-{version}"
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["make", "--no-print-directory", f"{environment}/ready"],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        timeout=INSTALL_SECONDS,
        check=True,
    )
    own = ROOT / environment / "bin" / "python"
    releases = Releases.of(own)
    print(f"Python {releases.python}, Airflow {releases.airflow}", flush=True)
    began = time.monotonic()
    done = subprocess.run([own, "-m", "pytest", "--quiet", *TESTS], cwd=ROOT, timeout=TEST_SECONDS, check=False)
    print(f"Python {releases.python} took {time.monotonic() - began:.0f} s", flush=True)
    return Run(Kind.TESTS, releases, server(assets()), passed=done.returncode == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
