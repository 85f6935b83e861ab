"""Forks of a process with a watch: the child can read the index, and uses nothing else of its parent.

The DAG processor, Celery and the LocalExecutor fork, and their children all query the API server at once.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources.cache_policy import Thresholds
from support.cluster import ServiceAccount
from support.faults import late
from support.memory import (
    LONG,
    PATIENCE,
    MakeLookups,
    Reader,
    StartProgram,
    VariableLookups,
    counted_variable,
    fork,
    join,
    lists_of_all,
    reading,
    sockets_to,
    watchers,
)
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.waiting import until


@pytest.fixture
def watching(watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put) -> KubernetesSecretsBackend:
    """Return a backend whose process has a connection and a watch of ``x`` and ``y``. Children start as usual."""
    put.variable("x", "of x", name="x")
    put.variable("y", "of y", name="y")
    # Dozens of children query at the same moment, on a machine that may be busy.
    backend = proxied(cache_ttl=LONG, timeout=60)
    assert backend.get_variable("x") == "of x"
    until(lambda: proxy.open_watches == 1)
    # This opens a connection that is reused, in addition to that of the watch.
    assert backend.get_config("none") is None
    return backend


class Gate:
    """The gate at which children wait until the last of them is forked.

    A fork while another thread is busy with TLS can leave the child with a lock of OpenSSL that is never released. In
    these tests the servers are threads of the parent.
    """

    def __init__(self) -> None:
        self._waiting, self._closed = os.pipe()

    def wait(self) -> None:
        """Wait, in a child, until the gate is open."""
        os.close(self._closed)
        os.read(self._waiting, 1)

    def open(self) -> None:
        """Open the gate, in the parent."""
        os.close(self._closed)
        os.close(self._waiting)


def check_the_parent(backend: KubernetesSecretsBackend, proxy: Proxy, put: Put) -> None:
    """Check that the parent's watch is still the same, and that its connection works."""
    [watch] = proxy.watches
    assert len(watchers()) == 1
    lists = len(lists_of_all(proxy.requests))
    put.variable("x", "changed", name="x")
    until(lambda: backend.get_variable("x") == "changed")
    assert backend.get_config("none") is None
    assert proxy.requests[-1].connection < 3
    assert [watch] == proxy.watches
    assert proxy.open_watches == 1
    assert len(lists_of_all(proxy.requests)) == lists


def test_many_children_look_up_at_once(watching: KubernetesSecretsBackend, proxy: Proxy, put: Put) -> None:
    """Each child also looks up an id that is not in memory, over its own connection."""
    for number in range(64):
        put.config(f"option-{number}", f"of option {number}")
    before = len(proxy.requests)
    gate = Gate()

    def ask(number: int) -> None:
        gate.wait()
        for _ in range(3):
            assert watching.get_variable("x") == "of x"
            assert watching.get_variable("y") == "of y"
            assert watching.get_variable(f"missing-{number}") is None
            assert watching.get_config(f"option-{number}") == f"of option {number}"

    children = [fork(partial(ask, number)) for number in range(64)]
    gate.open()
    join(*children)

    requests = proxy.requests[before:]
    # The variables were in memory. Each child looked up its option over the one connection that it opened.
    assert len(requests) == 64 * 3
    used = [request.connection for request in requests]
    assert min(used) > 2
    assert {used.count(number) for number in used} == {3}
    check_the_parent(watching, proxy, put)


def test_many_children_with_an_expired_index(make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
    """Each child follows the normal cache policy: it sends single requests, then a LIST, and then a watch."""
    for key in ("x", "y"):
        put.variable(key, f"of {key}", name=key)
    lookups = make_lookups(ttl=LONG, thresholds=Thresholds(indexes_first=0))
    for key in ("x", "y", "x"):
        lookups.get(key)
    until(lambda: proxy.open_watches == 1)
    before = len(proxy.requests)
    of_parent = {request.connection for request in proxy.requests}

    gate = Gate()

    def ask(number: int) -> None:
        gate.wait()
        assert watchers() == []
        # The index is made as old as if the fork was long ago.
        index = lookups.policy._index
        assert index is not None
        index.confirmed_at -= LONG
        for key in ("x", f"missing-{number}", "y", "x", "y"):
            assert lookups.get(key) == (None if "missing" in key else f"of {key}")
        until(lambda: len(watchers()) == 1)
        # A process that ends normally does this.
        lookups.close()

    children = [fork(partial(ask, number)) for number in range(32)]
    gate.open()
    join(*children)

    requests = proxy.requests[before:]
    assert of_parent.isdisjoint(request.connection for request in requests)
    lists = [request for request in requests if not request.is_watch]
    assert len(lists) == 3 * 32
    assert len(lists_of_all(lists)) == 32
    # The parent's watch continues.
    until(lambda: proxy.open_watches == 1)
    put.variable("x", "changed", name="x")
    until(lambda: lookups.get("x") == "changed")


def test_a_child_has_no_connection_and_no_thread_of_its_parent(
    watching: KubernetesSecretsBackend, proxy: Proxy, put: Put
) -> None:
    assert len(sockets_to(proxy.port)) == 2

    def check() -> None:
        assert threading.active_count() == 1
        assert sockets_to(proxy.port) == []
        assert watching.get_variable("x") == "of x"
        assert sockets_to(proxy.port) == []
        assert watching.get_config("none") is None
        assert len(sockets_to(proxy.port)) == 1
        assert threading.active_count() == 1

    join(fork(check))

    check_the_parent(watching, proxy, put)


def test_child_uses_the_inherited_index_only_until_it_expires(
    make_lookups: MakeLookups, proxy: Proxy, put: Put
) -> None:
    put.variable("x", "old", name="x")
    lookups = make_lookups(ttl=2.0, thresholds=Thresholds(queries_first=2, indexes_first=0))
    for _ in range(3):
        lookups.get("x")
    until(lambda: proxy.open_watches == 1)
    until(lambda: lookups.policy.find_in_memory("x") is not None)
    told, tell = os.pipe()
    asked, ask = os.pipe()

    def check() -> None:
        assert lookups.get("x") == "old"
        os.write(tell, b".")
        os.read(asked, 1)
        # The child gets no event about the change, but by then it must query the API server.
        until(lambda: lookups.policy.find_in_memory("x") is None)
        assert lookups.get("x") == "new"

    child = fork(check)
    os.read(told, 1)
    before = len(proxy.requests)
    of_parent = {request.connection for request in proxy.requests}
    put.variable("x", "new", name="x")
    os.write(ask, b".")
    join(child)
    for end in (told, tell, asked, ask):
        os.close(end)

    [request] = [each for each in proxy.requests[before:] if each.connection not in of_parent]
    assert request.query["labelSelector"] != [VARIABLE]


def test_a_child_of_a_child(watching: KubernetesSecretsBackend, proxy: Proxy, put: Put) -> None:
    def check(generations: int) -> None:
        assert watching.get_variable("x") == "of x"
        assert watching.get_config("none") is None
        if generations:
            join(fork(lambda: check(generations - 1)))
        assert watching.get_config("none") is None
        assert len(sockets_to(proxy.port)) == 1

    before = proxy.connections
    join(fork(lambda: check(3)))

    assert proxy.connections - before == 4
    check_the_parent(watching, proxy, put)


def test_fork_during_a_list_of_another_thread(make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
    """In the child no thread will finish that LIST."""
    put.variable("x", "found", name="x")

    def fork_while_listing(lookups: VariableLookups) -> None:
        before = len(proxy.requests)
        proxy.faults.append(late(0.3))

        def check() -> None:
            began = time.monotonic()
            assert lookups.get("x") == "found"
            assert time.monotonic() - began < 5
            lookups.close()

        with ThreadPoolExecutor(1) as threads:
            listing = threads.submit(lookups.get, "x")
            until(lambda: len(proxy.requests) > before)
            join(fork(check))
            assert listing.result(PATIENCE) == "found"
        lookups.close()

    for _ in range(5):
        fork_while_listing(make_lookups(ttl=LONG))


def test_a_fork_while_another_thread_holds_the_locks(make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
    """The locks are held for a few steps at a time, but in the child they are never released."""
    put.variable("x", "found")
    lookups = make_lookups(ttl=LONG)
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        with lookups.policy._lock, lookups.server._server_state._lock:
            locked.set()
            over.wait(PATIENCE)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(hold)
        locked.wait(PATIENCE)
        try:
            join(fork(lambda: look_up_and_close(lookups, "x", "found")), seconds=15.0)
        finally:
            over.set()


def look_up_and_close(lookups: VariableLookups, key: str, value: str) -> None:
    assert lookups.get(key) == value
    lookups.close()


def test_forks_at_any_moment(make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
    """The watch applies events and threads look up. A child finds a value that was current at the fork, or is now."""
    variables = [counted_variable(put, f"x{number}") for number in range(20)]
    lookups = make_lookups(ttl=LONG)
    lookups.get("x0")
    until(lambda: proxy.open_watches == 1)
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for counted in variables:
                counted.count_up()

    def check() -> None:
        began = time.monotonic()
        for counted in variables:
            # An older value was outdated for the watch before the fork. The limit has room for a slow machine.
            assert counted.age(lookups.get(counted.key), began) < 5

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with reading(Reader("reader", variables, lookups.get, pause=0.001)):
            for _ in range(20):
                join(*[fork(check) for _ in range(5)])
    finally:
        over.set()
        writer.join()
    assert len(watchers()) == 1
    until(lambda: all(lookups.get(counted.key) == str(counted.last) for counted in variables))
    assert len(lists_of_all(proxy.requests)) < 4


def test_multiprocessing(watching: KubernetesSecretsBackend, proxy: Proxy, put: Put) -> None:
    gate = Gate()

    def check(key: str, value: str | None) -> None:
        gate.wait()
        for _ in range(10):
            assert watching.get_variable(key) == value
            assert watching.get_config("none") is None

    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=check, args=each)
        for each in (("x", "of x"), ("y", "of y"), ("z", None))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    gate.open()
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
        process.close()

    check_the_parent(watching, proxy, put)


PROGRAM = """
import atexit, os, sys, warnings
from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources import cache_policy
# Python 3.12 and later warn of a fork in a process with threads.
warnings.simplefilter("ignore", DeprecationWarning)
cache_policy.THRESHOLDS = cache_policy.Thresholds(queries_first=0, indexes_first=0)
backend = KubernetesSecretsBackend(service_account_path={folder!r}, cache_ttl={ttl})
backend.get_variable("x"), backend.get_config("none")
sys.stdin.readline()
if os.fork() == 0:
    atexit.register(lambda: print("the child leaves:", backend.get_variable("x"), flush=True))
    backend.get_config("none")
    sys.exit()
print("its exit code:", os.wait()[1], flush=True)
sys.stdin.readline()
while backend.get_variable("x") != "changed":
    pass
print("the watch goes on:", backend.get_config("none"))
"""


def test_normal_exit_of_a_child_does_not_end_the_watch(
    proxy: Proxy, account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    """Functions that are registered to run at the exit of the parent run in such a child too."""
    put.variable("x", "found", name="x")
    process = program(PROGRAM.format(folder=str(proxy.folder(account)), ttl=LONG), **proxy.pod_environment())
    until(lambda: proxy.open_watches == 1)
    process.stdin.write("\n")
    process.stdin.flush()
    lines = [process.stdout.readline() for _ in range(2)]
    assert lines == ["the child leaves: found\n", "its exit code: 0\n"]
    put.variable("x", "changed", name="x")
    assert process.communicate("\n", timeout=PATIENCE) == ("the watch goes on: None\n", "")
    assert len(proxy.watches) == 1
    # The parent, the child over its own connection, and the parent again looked up the option.
    options = [each.connection for each in proxy.lists if each.query["labelSelector"] != [VARIABLE]]
    assert len(options) == 3
    assert options[0] == options[2] != options[1]
