"""The shared resources of a test run are available to each process, whatever happens to the others."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Client
from pathlib import Path

import pytest

from support import shared
from support.airflow import ROOT
from support.shared import OnDemand, get

SECONDS = 30.0


class Thing:
    """A resource that counts its starts and ends, and waits for ``may_start``."""

    def __init__(self) -> None:
        self.starts = 0
        self.may_start = threading.Event()
        self.may_start.set()
        self.asked_to_start = threading.Event()
        self.ends = 0

    @contextmanager
    def running(self) -> Iterator[str]:
        self.starts += 1
        self.asked_to_start.set()
        assert self.may_start.wait(SECONDS)
        try:
            yield "where it is"
        finally:
            self.ends += 1


@contextmanager
def on_demand(name: str, make: Callable[[], object]) -> Iterator[OnDemand]:
    offered = OnDemand(name, make)  # type: ignore[arg-type]  # one that cannot be entered is possible too
    try:
        yield offered
    finally:
        offered.stop()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Return a separate name for each test, because the run has one folder."""
    return f"{request.node.name[:20]}-{os.getpid()}"


def test_resource_is_started_once_on_first_request(name: str) -> None:
    thing = Thing()
    with on_demand(name, thing.running):
        assert shared.offers(name)
        assert thing.starts == 0

        assert [get(name, SECONDS) for _ in range(3)] == ["where it is"] * 3
        assert thing.starts == 1
        assert thing.ends == 0
    assert thing.ends == 1
    assert not shared.offers(name)


def test_unrequested_resource_is_never_started(name: str) -> None:
    thing = Thing()
    with on_demand(name, thing.running):
        pass
    assert thing.starts == 0


@pytest.mark.parametrize("error", [RuntimeError("no luck"), FileNotFoundError("no luck"), ValueError("no luck")])
def test_every_request_gets_the_error_of_the_start(name: str, error: Exception) -> None:
    def make() -> object:
        raise error

    with on_demand(name, make):
        for _ in range(3):
            with pytest.raises(RuntimeError, match=f"could not be started: {type(error).__name__}: no luck"):
                get(name, SECONDS)


def test_killed_client_does_not_affect_the_others(name: str) -> None:
    thing = Thing()
    thing.may_start.clear()
    with on_demand(name, thing.running) as offered:
        for _ in range(3):
            Client(offered._address, "AF_UNIX").close()
        assert thing.asked_to_start.wait(SECONDS)
        thing.may_start.set()

        assert get(name, SECONDS) == "where it is"
    assert thing.starts == 1


def test_waiting_has_a_time_limit(name: str) -> None:
    thing = Thing()
    thing.may_start.clear()
    with on_demand(name, thing.running):
        with pytest.raises(RuntimeError, match=r"was not ready within 0\.1 s"):
            get(name, 0.1)
        thing.may_start.set()


def test_stop_ends_a_resource_that_is_starting(name: str) -> None:
    thing = Thing()
    thing.may_start.clear()
    offered = OnDemand(name, thing.running)
    Client(offered._address, "AF_UNIX").close()
    assert thing.asked_to_start.wait(SECONDS)

    stopping = threading.Thread(target=offered.stop)
    stopping.start()
    thing.may_start.set()
    stopping.join(SECONDS)

    assert not stopping.is_alive()
    assert thing.ends == 1


def test_program_runs_until_its_resource_ends(name: str) -> None:
    """Linux ends the program with the thread, not with the process, that started it."""
    started: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def running() -> Iterator[str]:
        with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "sleep", "60"]) as process:
            started.append(process)
            yield "where it is"
            assert process.poll() is None
            process.kill()

    with on_demand(name, running) as offered:
        Client(offered._address, "AF_UNIX").close()
        get(name, SECONDS)
        with pytest.raises(subprocess.TimeoutExpired):
            started[0].wait(0.3)
    assert started[0].returncode is not None


FOLDER_OF_OTHERS = """
import os, sys
from support import shared

before = len(os.listdir(os.environ["TMPDIR"]))
if "use" in sys.argv:
    print(shared.folder())
    if os.fork() == 0:
        sys.exit()
    os.wait()
    assert shared.folder().is_dir()
assert len(os.listdir(os.environ["TMPDIR"])) == before + ("use" in sys.argv)
"""


@pytest.mark.parametrize("arguments", [[], ["use"]])
def test_process_outside_a_test_run_leaves_no_folder(tmp_path: Path, arguments: list[str]) -> None:
    """The process creates a folder when it needs it, and removes it; its forked child does not."""
    done = subprocess.run(
        [sys.executable, "-c", FOLDER_OF_OTHERS, *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert str(shared.folder()) not in done.stdout
