"""A process with thousands of lookups, one that begins with many threads, and one whose clock is set back."""

from __future__ import annotations

import json
import threading
import time

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.kubernetes import failures
from airflow_kubernetes_secrets.sources.cache_policy import Thresholds
from support.cluster import ServiceAccount
from support.faults import late
from support.memory import PATIENCE, MakeLookups, StartProgram, VariableLookups, watchers
from support.proxy import Proxy
from support.secrets import VARIABLE, Put
from support.servers import on_the_devserver
from support.waiting import until

MIB = 1024 * 1024
THREADS = 4
LOOKUPS = 300_000
WARM_UP = 100_000
# Seconds of tolerance for a busy machine.
LATE = 10.0

SOAK = """
import gc, json, os, sys, threading
from pathlib import Path
from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources import cache_policy

cache_policy.THRESHOLDS = cache_policy.Thresholds(queries_first=0, indexes_first=0)
gc.set_threshold(700, 10, 10)  # as in Python 3.10 to 3.13; in forks of the tests, the collector runs rarely
folder, threads, rounds = sys.argv[1], int(sys.argv[2]), [int(count) for count in sys.argv[3:]]
backends = [KubernetesSecretsBackend(service_account_path=folder, cache_ttl=ttl) for ttl in (2, 3)]
wrong = []


def look_up(thread, count):
    try:
        for number in range(thread, thread + count, 8):
            for backend in backends:
                # What it finds changes all the time; what it misses has another name each time.
                assert backend.get_variable("steady") == "found"
                assert backend.get_variable(f"missing-{number}") is None
                assert int(backend.get_variable(f"x{number % 50}") or 0) >= 0
                assert backend.get_conn_value("steady") == "http://found"
            if number % 1000 < 8:
                assert backend.get_connection("steady").host == "found"
                assert backend.get_connection(f"missing-{number}") is None
    except BaseException as error:
        wrong.append(repr(error))


for count in rounds:
    workers = [threading.Thread(target=look_up, args=(n * count, count // threads)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    names = sorted(thread.name for thread in threading.enumerate())
    print(json.dumps([resident, len(os.listdir("/proc/self/fd")), names, wrong]), flush=True)
"""

STAMPEDE = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from airflow_kubernetes_secrets import KubernetesSecretsBackend

backend = KubernetesSecretsBackend(service_account_path=sys.argv[1], cache_ttl=600)
together = threading.Barrier(32)

def ask(number):
    together.wait()
    return [backend.get_variable("x") for _ in range(20)]

with ThreadPoolExecutor(32) as threads:
    print({value for found in threads.map(ask, range(32)) for value in found})
"""


def test_hundreds_of_thousands_of_lookups(
    proxy: Proxy, account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    """They leave no memory, socket or thread behind, while Secrets change all the time."""
    put.variable("steady", "found")
    put.connection("steady", "http://found")
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(0.01):
            number += 1
            put.variable(f"x{number % 50}", str(number), name=f"x{number % 50}")
            put.connection(f"x{number % 50}", f"http://{number}", name=f"c{number % 50}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        folder = proxy.folder(account)
        process = program(SOAK, folder, THREADS, WARM_UP, LOOKUPS - WARM_UP, **proxy.pod_environment())
        output, errors = process.communicate(timeout=270)
    finally:
        over.set()
        writer.join()

    assert errors == ""
    (before, files, threads, wrong), (after, more_files, more_threads, more_wrong) = map(
        json.loads, output.splitlines()
    )
    assert wrong == more_wrong == []
    # Each backend has an index of each kind, and a watch for it.
    assert len(threads) == 1 + 2 * 2
    assert more_threads == threads
    assert abs(more_files - files) <= 8
    # A leak of 16 bytes in each lookup would exceed this.
    assert after - before < 3 * MIB
    until(lambda: proxy.open_watches == 0)


def test_threads_that_start_at_the_same_time_share_one_list(
    proxy: Proxy, account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    put.variable("x", "found")
    proxy.always = late(0.2)

    process = program(STAMPEDE, proxy.folder(account), **proxy.pod_environment())
    assert process.communicate(timeout=PATIENCE) == ("{'found'}\n", "")

    selectors = [request.query["labelSelector"] for request in proxy.requests]
    assert selectors.count([VARIABLE]) == 1
    assert len(selectors) <= 3


@on_the_devserver
@pytest.mark.parametrize("watched", [False, True], ids=["indexed", "watched"])
def test_a_clock_that_is_set_back(
    make_lookups: MakeLookups,
    proxy: Proxy,
    put: Put,
    short_pauses: None,
    monkeypatch: pytest.MonkeyPatch,
    watched: bool,
) -> None:
    """The clock is set back by an hour. Fresh values stay fresh, old ones stay old, and outages end as usual."""
    put.variable("x", "one", name="x")
    thresholds = Thresholds(queries_first=0, indexes_first=0, shortest_watched=0.0 if watched else 1e9)
    # A list that replaces another one has half of the timeout, and would be repeated.
    lookups = make_lookups(ttl=2.0, outage_ttl=8.0, timeout=6.0, thresholds=thresholds)
    assert lookups.get("x") == "one"
    began = time.monotonic()
    clock = time.time
    for module in (time, failures):
        monkeypatch.setattr(module, "time", lambda: clock() - 3600)

    put.variable("x", "two", name="x")
    until(lambda: lookups.get("x") == "two")
    # With the clock that was set back, it would take an hour.
    assert time.monotonic() - began < lookups.ttl + LATE
    assert len(proxy.lists) == (1 if watched else 2)
    assert len(watchers()) == watched

    proxy.refuse()
    refused_at = time.monotonic()
    until(lambda: lookups.policy.find_in_memory("x") is None)
    assert lookups.get("x") == "two"
    with pytest.raises(ApiUnavailableError):
        until(lambda: lookups.get("x") != "two")
    assert time.monotonic() - refused_at < lookups.ttl + 8 + LATE

    proxy.resume()
    put.variable("x", "three", name="x")
    until(lambda: answer(lookups) == "three")


def answer(lookups: VariableLookups) -> str | None:
    """Return the value, or None in an outage."""
    try:
        return lookups.get("x")
    except ApiUnavailableError:
        return None
