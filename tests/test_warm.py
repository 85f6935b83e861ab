"""Forks of a process with the libraries behave like normal programs, and none outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from support import warm
from support.airflow import ENVIRONMENTS, ROOT
from support.warm import Program, WarmPython, warm_python

PATIENCE = 60.0
WAIT = "import time; time.sleep(600)"
# A program that ends only if it is killed.
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"

STARTS_AND_IS_KILLED = """
import os, pathlib, sys
from support.warm import WarmPython

address, code, pid = sys.argv[1:]
with open(os.devnull, "wb") as output:
    program = WarmPython(pathlib.Path(sys.prefix), address).start(code, ["-c"], os.environ, (output, output))
pathlib.Path(pid).write_text(str(program.pid))
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def python() -> WarmPython:
    return warm_python(ENVIRONMENTS["3.3"])


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def start(python: WarmPython, output: Path) -> Iterator[Callable[..., Program]]:
    started = []

    def start(code: str, *, session: bool = False) -> Program:
        with output.open("wb") as opened:
            started.append(python.start(code, ["-c"], os.environ, (opened, opened), session=session))
        return started[-1]

    yield start
    for each in started:
        if each.returncode is None:
            each.kill()
            each.wait(PATIENCE)


def is_over(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def until_written(file: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not file.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_program_has_its_session_when_start_returns(start: Callable[..., Program]) -> None:
    """Otherwise killing the session immediately would kill no process."""
    for _ in range(20):
        program = start(WAIT, session=True)
        assert os.getsid(program.pid) == program.pid
        program.kill()


def test_program_without_a_session_shares_that_of_the_tests(start: Callable[..., Program]) -> None:
    program = start(WAIT)
    assert os.getsid(program.pid) == os.getsid(0)


def test_exit_status_of_a_program(start: Callable[..., Program]) -> None:
    assert start("raise SystemExit(7)").wait(PATIENCE) == 7
    assert start("import os; os.kill(os.getpid(), 9)").wait(PATIENCE) == -signal.SIGKILL


def test_end_of_a_program(python: WarmPython) -> None:
    """It waits for its threads, calls what is registered for the exit, and writes all its output."""
    code = """
import atexit, sys, threading, time
atexit.register(print, "at exit")
threading.Thread(target=lambda: print(time.sleep(0.1) or "thread")).start()
print("main")
sys.exit(257)
"""
    done = python.run(code, ["-c"], os.environ, PATIENCE)
    assert (done.stdout, done.stderr, done.returncode) == ("main\nthread\nat exit\n", "", 1)


def test_end_of_a_program_with_an_error(python: WarmPython) -> None:
    done = python.run("import sys; sys.exit('a reason')", ["-c"], os.environ, PATIENCE)
    assert (done.stderr, done.returncode) == ("a reason\n", 1)
    buffered = "import sys; sys.stdout = open(1, 'w', closefd=False); print('lost')"
    with Path("/dev/full").open("w") as full, tempfile.TemporaryFile("w+") as errors:
        assert python.start(buffered, ["-c"], os.environ, (full, errors)).wait(PATIENCE) == 120
        errors.seek(0)
        assert "No space left on device" in errors.read()


def test_a_program_that_is_killed(start: Callable[..., Program], output: Path) -> None:
    program = start(DEAF)
    until_written(output)
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.1)

    program.kill()

    assert program.wait(PATIENCE) == -signal.SIGKILL


def test_killing_an_ended_program_has_no_effect(start: Callable[..., Program]) -> None:
    """Its id may belong to another program by then."""
    program = start("")
    assert is_over(program.pid)
    program.kill()
    assert program.wait(PATIENCE) == 0
    program.kill()


def test_program_that_takes_too_long_is_killed(python: WarmPython, tmp_path: Path) -> None:
    code = f"import os, pathlib; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n{WAIT}"
    with pytest.raises(subprocess.TimeoutExpired):
        python.run(code, ["-c"], os.environ, 10)
    assert is_over(int((tmp_path / "pid").read_text()))


def test_program_ends_when_the_process_that_started_it_is_killed(python: WarmPython, tmp_path: Path) -> None:
    """The process that forks is shared by all, and continues."""
    done = subprocess.run(
        [sys.executable, "-c", STARTS_AND_IS_KILLED, python.address, WAIT, str(tmp_path / "pid")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "TMPDIR": str(tmp_path)},
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL
    assert is_over(int((tmp_path / "pid").read_text()))
    assert python.run("print('there')", ["-c"], os.environ, PATIENCE).stdout == "there\n"


def test_fork_server_ends_with_its_programs(tmp_path: Path) -> None:
    with warm.running(ENVIRONMENTS["3.3"]) as address, (tmp_path / "output").open("wb") as output:
        program = WarmPython(ENVIRONMENTS["3.3"], address).start(WAIT, ["-c"], os.environ, (output, output))
        assert program.poll() is None
    with pytest.raises(RuntimeError, match="the process that forks has ended"):
        program.wait(PATIENCE)
    assert is_over(program.pid)


def test_server_that_does_not_become_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "server.py"
    monkeypatch.setattr(warm, "_SERVER", server)
    monkeypatch.setattr(warm, "_START_SECONDS", 1)
    for text in ("raise SystemExit('no')", "print('hello')", "import sys; sys.stdin.read()"):
        server.write_text(text)
        with (
            pytest.raises(RuntimeError, match=r"was not ready within 1 s, or has ended"),
            warm.running(Path(sys.prefix)),
        ):
            pass


def test_each_line_is_written_at_once_on_a_terminal_only(python: WarmPython) -> None:
    """As in a new interpreter, so the order of the lines of both streams is right on a terminal."""
    code = "import sys; print(sys.stdout.line_buffering, sys.stdout.isatty())"
    assert python.run(code, ["-c"], os.environ, PATIENCE).stdout == "False False\n"
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb") as shown:
        with os.fdopen(theirs, "wb") as terminal:
            python.start(code, ["-c"], os.environ, (terminal, terminal)).wait(PATIENCE)
        assert shown.readline() == b"True True\r\n"
