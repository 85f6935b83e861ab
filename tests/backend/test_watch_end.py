"""The end of a watch: when it is no longer needed, and at process exit, without a delay or a log line."""

from __future__ import annotations

import time
from pathlib import Path

from airflow_kubernetes_secrets.sources.cache_policy import Thresholds
from support.cluster import ServiceAccount
from support.memory import PATIENCE, MakeLookups, StartProgram, watchers
from support.proxy import Proxy
from support.secrets import Put
from support.servers import on_the_devserver
from support.waiting import until

# A real server responds in the same way; the tested code is on the client's side.
pytestmark = on_the_devserver


def test_unused_watch_ends(make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
    put.variable("x", "one", name="x")
    lookups = make_lookups(
        ttl=1.0, thresholds=Thresholds(queries_first=0, indexes_first=0, shortest_watched=0.0, idle_after=0.0)
    )
    lookups.get("x")
    until(lambda: lookups.get("x") == "one" and len(watchers()) == 1)
    [thread] = watchers()
    # This is more than twice the age that a value may have.
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        assert lookups.get("x") == "one"
        time.sleep(0.01)
    assert watchers() == [thread]

    until(lambda: watchers() == [])

    until(lambda: proxy.open_watches == 0)
    put.variable("x", "two", name="x")
    until(lambda: lookups.get("x") == "two")
    # The watch begins again when it is needed.
    until(lambda: lookups.get("x") == "two" and proxy.open_watches == 1)


ENDINGS = {
    "ends normally": ("", 0, ""),
    "exits": ("sys.exit(3)", 3, ""),
    "fails": ("raise ValueError('its own error')", 1, "ValueError: its own error"),
    "looks up at its exit": ("atexit.register(lambda: print(backend.get_variable('x')))", 0, ""),
    "has threads that look up": (
        "threading.Thread(target=lambda: [backend.get_variable('x') for _ in iter(int, 1)], daemon=True).start()",
        0,
        "",
    ),
    "is interrupted": ("raise KeyboardInterrupt", -2, "KeyboardInterrupt"),
}

PROGRAM = """
import atexit, logging, sys, threading, time
from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources import cache_policy
logging.basicConfig(level=logging.INFO, force=True)
cache_policy.THRESHOLDS = cache_policy.Thresholds(queries_first=0, indexes_first=0)
backend = KubernetesSecretsBackend(service_account_path={folder!r}, cache_ttl=60)
{before}
print(backend.get_variable("x"))
{ending}
"""
WAIT = "watcher = threading.enumerate()[-1]\nwhile watcher._stream is None: time.sleep(0.01)\n"
# `logging` has such a function too, which closes the streams of logs.
EXIT_FUNCTION = """
import atexit, threading
def print_threads():
    print("at exit:", *(each.name for each in threading.enumerate()))
atexit.register(print_threads)
"""


def text_of(folder: Path, ending: str, before: str = "") -> str:
    return PROGRAM.format(folder=str(folder), before=before, ending=ending)


def test_process_exit_during_a_watch_logs_no_error(account: ServiceAccount, put: Put, program: StartProgram) -> None:
    put.variable("x", "found")
    running = {
        name: program(text_of(account.folder, WAIT + ending)) for name, (ending, _code, _error) in ENDINGS.items()
    }
    for name, process in running.items():
        _ending, code, error = ENDINGS[name]
        output, errors = process.communicate(timeout=PATIENCE)
        assert output.startswith("found\n"), (name, errors)
        # The process prints its own traceback, and nothing else.
        last = errors.strip().rpartition("\n")[2]
        found = (last, errors.count("Traceback"), process.returncode)
        assert found == (error, 1 if error else 0, code), (name, errors)


def test_no_watch_runs_when_the_exit_functions_from_before_the_import_are_called(
    account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    """A watch that still runs then would log to closed streams. Python calls the functions in the reverse order."""
    put.variable("x", "found")

    process = program(EXIT_FUNCTION + text_of(account.folder, WAIT))

    assert process.communicate(timeout=PATIENCE) == ("found\nat exit: MainThread\n", "")


def test_process_that_cannot_start_threads_lists_and_logs_no_error(
    account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    """This happens if the number of processes in a container is limited."""
    put.variable("x", "found")

    process = program(text_of(account.folder, "", before="threading.stack_size(1 << 46)"))

    assert process.communicate(timeout=PATIENCE) == ("found\n", "")
    assert process.returncode == 0


def test_process_exit_does_not_wait_for_a_silent_watch(
    proxy: Proxy, account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    put.variable("x", "found")
    ending = WAIT + "print('watches', flush=True); sys.stdin.readline()"
    process = program(text_of(proxy.folder(account), ending), **proxy.pod_environment())
    assert [process.stdout.readline() for _ in range(2)] == ["found\n", "watches\n"]
    proxy.swallow()
    began = time.monotonic()
    assert process.communicate("\n", timeout=PATIENCE) == ("", "")
    # The watch would last 24 seconds at least: with a cache_ttl of 60, it is requested for 24 to 30.
    assert time.monotonic() - began < 20
