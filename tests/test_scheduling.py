"""A process of a test run that dies does not keep the others waiting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.airflow import ROOT
from support.scheduling import parts

CONFTEST = """
import os, time
from support import scheduling, shared

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        shared.join(config.workerinput["folder"])

def pytest_configure_node(node):
    node.workerinput["folder"] = str(shared.folder())

def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):
        size = int(os.environ["GROUP_SIZE"])
        scheduling.write({item.nodeid: str(number // size) for number, item in enumerate(items)} if size > 1 else {})
        if config.workerinput["workerid"] not in ("gw0", "gw1", "gw2"):
            # The process that replaces another one collects slowly, as with thousands of tests.
            time.sleep(float(os.environ["COLLECTS_SECONDS"]))

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
    if str(number) in os.environ["DIES_AT"].split():
        # Before one of the last tests, the other process has then run all tests that are assigned to it.
        time.sleep(number / 10)
        os.kill(os.getpid(), 9)
    pathlib.Path(f"done-{number}").touch()
"""


def run(folder: Path, processes: int, dies_at: str, group_size: int, collects_seconds: int) -> str:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_some.py").write_text(TESTS)
    environment = {
        "PYTHONPATH": str(ROOT / "tests"),
        "DIES_AT": dies_at,
        "GROUP_SIZE": str(group_size),
        "COLLECTS_SECONDS": str(collects_seconds),
        # Each process would import other plugins for longer than it runs the tests.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    command = [sys.executable, "-m", "pytest", "--quiet", f"--numprocesses={processes}"]
    done = subprocess.run(
        [*command, "-p", "xdist", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("at", ["0", "5", "37", "38", "39"])
def test_other_tests_run_if_a_process_dies(tmp_path: Path, at: str) -> None:
    """The test in which a process has died makes the run fail. It is not run again, because it may die again."""
    output = run(tmp_path, 2, at, 1, 0)

    assert "1 failed, 39 passed" in output, output
    assert len(list(tmp_path.glob("done-*"))) == 39


@pytest.mark.parametrize("size", [1, 4], ids=["no groups", "groups"])
def test_a_second_process_that_dies_before_the_first_is_replaced(tmp_path: Path, size: int) -> None:
    output = run(tmp_path, 3, "0 4", size, 4)

    assert "2 failed, 38 passed" in output, output


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (9, [1] * 9), (10, [1] * 10), (25, [3, 2] * 5), (400, [40] * 10)]
)
def test_a_module_is_divided_into_at_most_ten_parts_in_its_order(count: int, sizes: list[int]) -> None:
    tests = [f"test_a.py::Test::test[a::{number}]" for number in range(count)]

    found = parts(["test_b.py::test", *tests])

    by_group = [
        [test for test in tests if found[test] == group] for group in dict.fromkeys(found[test] for test in tests)
    ]
    assert [len(each) for each in by_group] == sizes
    assert [test for each in by_group for test in each] == tests
    assert found["test_b.py::test"] not in {found[test] for test in tests}


def test_parts_of_all_modules_alternate() -> None:
    """So the tests that run at the same time are from different modules, and some wait while others compute."""
    tests = [f"{module}.py::test[{number}]" for module in ("a", "b", "c") for number in range(20)]

    found = parts([*tests, "d.py::test"])

    assert list(dict.fromkeys(found.values())) == [
        *("a.py 0", "b.py 0", "c.py 0", "d.py 0"),
        *(f"{module}.py {part}" for part in range(1, 10) for module in ("a", "b", "c")),
    ]
