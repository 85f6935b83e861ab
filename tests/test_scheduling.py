"""A process of a test run that dies does not keep the others waiting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.airflow import ROOT

CONFTEST = """
from support import scheduling, shared

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        shared.join(config.workerinput["folder"])

def pytest_configure_node(node):
    node.workerinput["folder"] = str(shared.folder())

def pytest_collection_modifyitems(config):
    if hasattr(config, "workerinput"):
        scheduling.write({})

def pytest_xdist_make_scheduler(config, log):
    return scheduling.Groups(config, log)
"""

TESTS = """
import os, pathlib, time
import pytest

@pytest.mark.parametrize("number", range(40))
def test(number):
    # All together take longer than the start of the process that replaces one.
    time.sleep(0.2)
    if number == int(os.environ["DIES_AT"]):
        os.kill(os.getpid(), 9)
    pathlib.Path(f"done-{number}").touch()
"""


@pytest.mark.parametrize("at", [0, 5, 37, 38, 39])
def test_all_other_tests_are_run(tmp_path: Path, at: int) -> None:
    """The test in which a process has died makes the run fail. It is not run again, because it may die again."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--numprocesses=2", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "DIES_AT": str(at)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "1 failed, 39 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    assert len(list(tmp_path.glob("done-*"))) == 39
