"""Large amounts of DAG code are parsed in several processes, with the same result as in one process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from airflow_kubernetes_secrets.ui.used_ids import _USAGE
from airflow_kubernetes_secrets.usage.cpus import usable_cpus
from airflow_kubernetes_secrets.usage.dag_file import LARGEST_DAG_FILE_BYTES
from airflow_kubernetes_secrets.usage.processes import MOST_WORKERS
from support.commands import PATIENCE
from support.secrets import VARIABLE
from support.usage import Usage
from support.warm import warm_python

# With one CPU, the commands start no process.
pytestmark = pytest.mark.skipif(usable_cpus() == 1, reason="several processes need two CPUs")

READS = "from airflow.sdk import Variable\n"
# Comments count as code, and are parsed in no time.
FILLER = "#" * 4_000 + "\n"
FILES = 400

RUN = "import sys; from airflow_kubernetes_secrets.cli.main import main; sys.exit(main(sys.argv[1:]))"
STARTED = "a process was started\n"
SHOW_PROCESSES = f"""
import sys
sys.addaudithook(lambda event, _given: event == "subprocess.Popen" and sys.stderr.write({STARTED!r}))
"""


# The processes could be done before the test sees them.
START_STOPPED = """
import os, signal, subprocess
class Stopped(subprocess.Popen):
    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        os.kill(self.pid, signal.SIGSTOP)
subprocess.Popen = Stopped
"""


# The interpreter of the workers: each stops as soon as it is ready for files, or when it has begun to respond.
READY_STOPPED = """#!{python}
import os, signal, struct, sys
from multiprocessing.connection import Connection
send = Connection.send
def send_and_stop(self, message):
    if message is None:
        send(self, message)
    else:
        os.write(self.fileno(), struct.pack("!i", 100))
    if message is not None or {is_soon}:
        os.kill(os.getpid(), signal.SIGSTOP)
Connection.send = send_and_stop
code = sys.argv[sys.argv.index("-c") + 1]
sys.argv = sys.argv[sys.argv.index("-c"):]
del sys.argv[1]
exec(code)
"""

# How long the command waits for the response of a process.
SHORT = """
from airflow_kubernetes_secrets.usage import processes
processes._WAIT_SECONDS, processes._BYTES_A_SECOND = 2, 2**40
"""

# How long it waits for the start of a process, which takes longer on a busy machine.
SHORT_START = """
from airflow_kubernetes_secrets.usage import processes
processes._START_SECONDS = 2
"""


def write_files(usage: Usage, count: int = FILES) -> None:
    """Write files of which some are invalid, some contain no use, and some name a template."""
    for number in range(count):
        code = f"{READS}{FILLER}Variable.get('v{number}')\nVariable.get(name)\n"
        if number % 50 == 1:
            code = f"{FILLER}import airflow.hooks\nBaseHook(\n"
        elif number % 50 == 2:
            code = FILLER
        elif number % 50 == 3:
            code = f"{FILLER}BashOperator(task_id='t{number}', bash_command='run_{number}.sh')\n"
            usage.dag(f"area_{number % 7}/run_{number}.sh", f"echo {{{{ var.value.s{number} }}}}")
        usage.dag(f"area_{number % 7}/dag_{number}.py", code)


def arguments(usage: Usage) -> list[str]:
    return ["-c", "usage", "--dags", str(usage.dags), "--no-database", "--output", "json"]


def start(usage: Usage, code: str = RUN, **options: Any) -> subprocess.Popen[str]:
    """Start the command in a new interpreter, whose process and workers the test can find and end."""
    program = [sys.executable, "-c", code, *arguments(usage)[1:]]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def result(program: subprocess.Popen[str]) -> tuple[Any, str, int]:
    """Return the result of a command that was started, at its end."""
    out, err = program.communicate(timeout=PATIENCE)
    return parsed(out, err, program.returncode)


def run(usage: Usage, code: str = RUN) -> tuple[Any, str, int]:
    """Run the command in a fork of a process with its libraries, and return its result."""
    done = warm_python(Path(sys.prefix)).run(code, arguments(usage), os.environ, PATIENCE)
    return parsed(done.stdout, done.stderr, done.returncode)


def parsed(out: str, err: str, status: int) -> tuple[Any, str, int]:
    assert "Traceback" not in err
    return json.loads(out), err, status


def in_one_process(usage: Usage) -> tuple[Any, str, int]:
    return run(usage, f"import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n{RUN}")


def until(happens: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := happens()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def workers_of(program: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the processes in which the files are parsed, as soon as there are some."""

    def found() -> list[psutil.Process]:
        assert program.poll() is None, program.communicate()
        return [each for each in psutil.Process(program.pid).children() if "usage.worker" in " ".join(command(each))]

    return list(until(found))


def command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def write_big_file(usage: Usage) -> None:
    usage.dag("big.py", READS + "Variable.get('big')\n" * ((LARGEST_DAG_FILE_BYTES - 100) // 20))


def memory_grows(program: subprocess.Popen[str]) -> psutil.Process:
    """Return the worker that parses the big file. Only this worker soon needs so much memory."""

    def found() -> psutil.Process | None:
        return next((each for each in workers_of(program) if memory(each) > 100 * 2**20), None)

    worker: psutil.Process = until(found)
    return worker


def memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


class Stopped(NamedTuple):
    """A command in a process group of its own, and all its workers, which are stopped and so never finish."""

    program: subprocess.Popen[str]
    workers: list[psutil.Process]


@pytest.fixture
def stopped(usage: Usage) -> Iterator[Stopped]:
    write_files(usage)
    program = start(usage, START_STOPPED + RUN, start_new_session=True)
    count = min(usable_cpus(), MOST_WORKERS)
    until(lambda: [each.status() for each in workers_of(program)] == [psutil.STATUS_STOPPED] * count)
    # A worker that it is still starting would not be killed: it ends by itself when the command has ended.
    until(lambda: psutil.Process(program.pid).status() == psutil.STATUS_SLEEPING)
    workers = workers_of(program)
    yield Stopped(program, workers)
    program.kill()
    program.communicate()
    for each in workers:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def test_several_processes_have_the_same_result_as_one(usage: Usage) -> None:
    write_files(usage)
    usage.put("v7", {VARIABLE: "v7"})
    document, messages, status = run(usage, SHOW_PROCESSES + RUN)
    assert messages.count(STARTED) == min(usable_cpus(), MOST_WORKERS)
    assert (document, messages.replace(STARTED, ""), status) == in_one_process(usage)
    assert messages.count("it is not valid Python") == FILES // 50
    assert document["files"] == FILES + FILES // 50
    assert [each["status"] for each in document["ids"] if each["id"] in ("v7", "s3", "v9")] == [
        "missing",
        "found",
        "missing",
    ]


def test_a_small_folder_starts_no_process(usage: Usage) -> None:
    write_files(usage, 100)
    _document, messages, _status = run(usage, SHOW_PROCESSES + RUN)
    assert STARTED not in messages


def test_the_page_starts_no_process(usage: Usage) -> None:
    """The CPUs are left to Airflow's API server."""
    write_files(usage)
    usage.patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(usage.dags))
    document, messages, _status = run(usage, SHOW_PROCESSES + _USAGE)
    assert document["files"] > FILES
    assert STARTED not in messages


@pytest.mark.parametrize("program", ["", "/nowhere/python", "/bin/false", "killed"])
def test_files_are_parsed_in_the_main_process_if_workers_cannot_start(
    usage: Usage, tmp_path: Path, program: str
) -> None:
    write_files(usage)
    if program == "killed":
        program = str(tmp_path / program)
        Path(program).write_text("#!/bin/sh\nkill -9 $$\n")
        Path(program).chmod(0o700)
    assert run(usage, f"import sys; sys.executable = {program!r}\n{RUN}") == in_one_process(usage)


def test_files_are_parsed_without_threads(usage: Usage) -> None:
    write_files(usage, 100)
    refuse = """
import threading
def refuse(*given, **options):
    raise RuntimeError("can't start new thread")
threading._start_new_thread = threading._start_joinable_thread = refuse
"""
    assert run(usage, refuse + RUN) == in_one_process(usage)


def test_the_files_of_a_killed_process_are_parsed_again(stopped: Stopped, usage: Usage) -> None:
    stopped.workers[0].kill()
    for each in stopped.workers[1:]:
        each.resume()
    assert result(stopped.program) == in_one_process(usage)


def test_a_file_that_kills_two_processes_is_reported(usage: Usage) -> None:
    """Here, the test kills them."""
    write_big_file(usage)
    usage.dag("a.py", f"{READS}Variable.get('before')\n")
    usage.dag("c.py", f"{READS}Variable.get('after')\n")
    program = start(usage)
    for _ in range(2):
        worker = memory_grows(program)
        worker.kill()
        worker.wait(PATIENCE)
    document, messages, _status = result(program)
    [failure] = document["failures"]
    assert failure.startswith(f"{usage.dags}/big.py: the process that parsed it was killed by signal 9.")
    assert failure in messages
    assert {each["id"] for each in document["ids"]} == {"before", "after"}


def test_killed_process_is_noticed_if_sigchld_is_ignored(usage: Usage) -> None:
    write_big_file(usage)
    program = start(usage, f"import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n{RUN}")
    for _ in range(2):
        worker = memory_grows(program)
        worker.kill()
        worker.wait(PATIENCE)
    document, _messages, _status = result(program)
    [failure] = document["failures"]
    assert failure.startswith(f"{usage.dags}/big.py: the process that parsed it was killed. Give the command")


def test_processes_stopped_during_their_start_do_not_affect_the_result(usage: Usage) -> None:
    write_files(usage)
    assert run(usage, START_STOPPED + SHORT_START + RUN) == in_one_process(usage)


@pytest.mark.parametrize(("is_soon", "is_big"), [(True, False), (True, True), (False, False)])
def test_processes_that_are_stopped(usage: Usage, tmp_path: Path, is_soon: bool, is_big: bool) -> None:
    """The command waits neither for their responses, nor until they have read a file that exceeds every buffer."""
    write_files(usage)
    if is_big:
        usage.dag("big.py", f"{READS}#{'#' * 2**21}\nVariable.get('big')\n")
    stopping = tmp_path / "stopping"
    stopping.write_text(READY_STOPPED.format(python=sys.executable, is_soon=is_soon))
    stopping.chmod(0o700)
    document, messages, status = run(usage, f"import sys; sys.executable = {str(stopping)!r}\n{SHORT}{RUN}")
    (expected, _messages, _status) = in_one_process(usage)
    late = [each for each in document["failures"] if "did not finish" in each]
    assert late
    assert all("the process that parsed it did not finish within 2 s" in each for each in late)
    assert all(each in messages for each in late)
    assert set(document["failures"]) - set(late) <= set(expected["failures"])
    found = {each["id"] for each in document["ids"]}
    assert found < {each["id"] for each in expected["ids"]}
    assert status == 1


def test_a_file_that_takes_too_long_is_reported(usage: Usage) -> None:
    write_big_file(usage)
    usage.dag("a.py", f"{READS}Variable.get('before')\n")
    document, _messages, _status = run(usage, SHORT + RUN)
    [failure] = document["failures"]
    assert failure.startswith(f"{usage.dags}/big.py: the process that parsed it did not finish within 2 s.")
    assert {each["id"] for each in document["ids"]} == {"before"}


@pytest.mark.parametrize("closed", [[0], [2], [0, 2], [0, 1, 2]])
def test_standard_streams_can_be_closed(usage: Usage, tmp_path: Path, closed: list[int]) -> None:
    write_files(usage)
    out, parsed = tmp_path / "out.json", tmp_path / "parsed"
    # The command itself parses none of the files, which contain the filler.
    close = f"""
import os, sys
def show(event, given):
    if event == "compile" and {FILLER.encode()!r} in (given[0] or b""):
        open({str(parsed)!r}, "w").close()
sys.addaudithook(show)
sys.stdout = open({str(out)!r}, "w")
for each in {closed!r}:
    os.close(each)
"""
    warm_python(Path(sys.prefix)).run(close + RUN, arguments(usage), os.environ, PATIENCE)
    assert not parsed.exists()
    assert json.loads(out.read_text()) == in_one_process(usage)[0]


def test_nested_code_has_the_same_result_in_each_process(usage: Usage) -> None:
    """How deep code may be nested depends on how deep the stack is already, in Python and in C."""
    for depth in range(50, 3_500, 50):
        for name, code in {
            "sum": "+".join(["a"] * depth),
            "calls": f"a{'()' * depth}",
            "parts": f"a{'.b' * depth}",
            "not": f"{'not ' * depth}a",
            "minus": f"{'-' * depth}a",
            "lambda": f"{'lambda: ' * depth}a",
        }.items():
            usage.dag(f"{name}_{depth}.py", f"{READS}{FILLER}Variable.get('v')\nx = {code}\n")
    document, messages, status = result(start(usage))
    assert (document, messages, status) == in_one_process(usage)
    assert any(each.endswith("it is nested too deeply") for each in document["failures"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_command(usage: Usage, number: signal.Signals) -> None:
    write_big_file(usage)
    program = start(usage)
    worker = memory_grows(program)
    # It does not end by itself while it is stopped.
    worker.suspend()
    program.send_signal(number)
    program.communicate(timeout=PATIENCE)
    assert program.returncode == -number
    worker.wait(PATIENCE)


def test_no_starting_process_outlives_the_command(stopped: Stopped) -> None:
    stopped.program.kill()
    stopped.program.communicate(timeout=PATIENCE)
    for each in stopped.workers:
        each.resume()
        each.wait(PATIENCE)


def test_ctrl_c_ends_all_processes(stopped: Stopped) -> None:
    os.killpg(stopped.program.pid, signal.SIGINT)
    out, err = stopped.program.communicate(timeout=PATIENCE)
    assert (out, err, stopped.program.returncode) == ("", "", 130)
    assert not any(map(psutil.Process.is_running, stopped.workers))


def test_modules_in_the_folder_of_dags_are_not_imported(usage: Usage) -> None:
    """The command starts in the folder, and removes it from its own path, as a script does."""
    write_files(usage)
    written = usage.dags.parent / "written"
    for name in ("airflow", "ast", "multiprocessing", "pickle", "sitecustomize", "socket", "struct"):
        usage.dag(f"{name}.py", f"open({str(written)!r}, 'a').write({name!r})\n")
    remove = "import sys; sys.path.remove(''); __import__('os').environ['PYTHONPATH'] = '.'\n"
    _document, messages, _status = result(start(usage, remove + SHOW_PROCESSES + RUN, cwd=usage.dags))
    assert STARTED in messages
    assert not written.exists()


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "150000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "900000000 100000"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ],
)
def test_cpu_limit_of_a_container(tmp_path: Path, files: dict[str, str], count: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cpus(tmp_path) == (count or len(os.sched_getaffinity(0)))
