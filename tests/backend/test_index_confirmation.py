"""Data that looks fresh but is not: an index counts as current only with proof."""

from __future__ import annotations

import json
import signal
import time

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources import watcher
from support.cluster import ServiceAccount
from support.exchange import Exchange, Fault
from support.faults import forward_events
from support.memory import StartProgram
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.waiting import until

LATE = 6.0  # seconds, for a busy machine; without proof, the index would stay fresh without end


def seconds_until(backend: KubernetesSecretsBackend, value: str, longest: float) -> float:
    began = time.monotonic()
    while backend.get_variable("x") != value:
        assert time.monotonic() - began < longest, f"still {backend.get_variable('x')} after {longest} s"
        time.sleep(0.02)
    return time.monotonic() - began


def test_events_of_broken_streams_do_not_confirm_an_index(
    watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put
) -> None:
    """The first of many missing events does not prove that the rest has arrived."""
    ttl = 4.0
    put.variable("x", "old", name="x")
    backend = proxied(cache_ttl=ttl)
    proxy.always_watch = forward_events(1, "reset")
    assert backend.get_variable("x") == "old"
    until(lambda: proxy.open_watches == 1)
    for number in range(30):
        put.variable("another", str(number), name="another")
    put.variable("x", "new", name="x")

    seconds_until(backend, "new", ttl + LATE)


def test_a_process_that_was_frozen(proxy: Proxy, account: ServiceAccount, put: Put, program: StartProgram) -> None:
    """Data that waited in a buffer while the process was frozen is as old as the freeze."""
    ttl = 2.0
    put.variable("x", "old", name="x")
    text = f"""
        import sys, time
        from airflow_kubernetes_secrets import KubernetesSecretsBackend
        from airflow_kubernetes_secrets.sources import cache_policy, watcher
        cache_policy.THRESHOLDS = cache_policy.Thresholds(queries_first=0, indexes_first=0)
        # Otherwise the watcher would abandon such a late stream and never read the buffered data.
        watcher._LATENESS_SECONDS = (60.0, 60.0)
        folder = {str(proxy.folder(account))!r}
        backend = KubernetesSecretsBackend(service_account_path=folder, cache_ttl={ttl}, outage_ttl=0, timeout=0.5)
        for line in sys.stdin:
            try:
                print("answer", backend.get_variable("x"), flush=True)
            except Exception as error:
                print("answer", type(error).__name__, flush=True)
    """
    process = program(text, **proxy.pod_environment())

    questions, printed = process.stdin, process.stdout

    def ask() -> str:
        questions.write("\n")
        questions.flush()
        # Airflow's log is written to the same stream.
        while not (line := printed.readline()).startswith("answer "):
            assert line, "the process has ended"
        return line.split()[1]

    # The time limit is short, so that a busy machine may need more than one attempt.
    until(lambda: (ask(), proxy.open_watches) == ("old", 1))
    process.send_signal(signal.SIGSTOP)
    # The watch ends in its time, and the end waits in the buffer of the process.
    until(lambda: proxy.open_watches == 0)
    put.variable("x", "new", name="x")
    time.sleep(ttl)
    proxy.refuse()
    process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    answers = set()
    ends = time.monotonic() + ttl / 2
    while time.monotonic() < ends:
        answers.add(ask())
        time.sleep(0.05)
    assert answers == {"ApiUnavailableError"}


def an_older_answer(answer: bytes) -> Fault:
    def fault(exchange: Exchange) -> bool:
        exchange.sock.sendall(answer)
        return True

    return fault


def test_a_list_is_not_older_than_the_last(watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    """One of several API servers can be behind. The request has the known version, and that server waits for it."""
    put.variable("x", "one", name="x")
    backend = proxied(cache_ttl=4)
    assert backend.get_variable("x") == "one"
    until(lambda: proxy.open_watches == 1)
    changed = put.variable("x", "two", name="x")
    until(lambda: backend.get_variable("x") == "two")
    lists = len(proxy.lists)

    proxy.always_watch = forward_events(0, "reset")
    proxy.cut()
    until(lambda: len(proxy.lists) > lists)

    [version] = proxy.lists[lists].query["resourceVersion"]
    assert int(version) >= int(changed["metadata"]["resourceVersion"])
    assert backend.get_variable("x") == "two"


def test_resource_versions_that_decrease(
    watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After etcd was restored, no server has the known version, so the existing one is accepted.

    A watch from a future version sends nothing and ends in its time, so only the next LIST shows the problem.
    """
    monkeypatch.setattr(watcher, "_LIST_AGAIN_SECONDS", 0.5)
    put.variable("x", "one", name="x")
    backend = proxied(cache_ttl=2, timeout=4)
    far = json.dumps(
        {
            "kind": "SecretList",
            "metadata": {"resourceVersion": "9000000000000000000"},
            "items": [
                {
                    "metadata": {
                        "name": "x",
                        "namespace": put.namespace,
                        "creationTimestamp": "2026-01-01T00:00:00Z",
                        "labels": {"airflow.apache.org/variable-key": "x"},
                    },
                    "data": {"value": "YmVmb3Jl"},
                }
            ],
        }
    ).encode()
    proxy.faults.append(an_older_answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(far), far)))
    assert backend.get_variable("x") == "before"

    seconds_until(backend, "one", 20)


def test_healthy_watch_is_checked_by_periodic_lists(
    watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "_LIST_AGAIN_SECONDS", 3.0)
    put.variable("x", "one", name="x")
    backend = proxied(cache_ttl=2)
    assert backend.get_variable("x") == "one"

    until(lambda: len(proxy.lists) == 3)

    assert len(proxy.watches) >= 4


def test_end_of_a_busy_watch_confirms_the_index(
    watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put
) -> None:
    """This happens repeatedly, without a LIST."""
    put.variable("x", "one", name="x")
    backend = proxied(cache_ttl=2)
    assert backend.get_variable("x") == "one"
    ends = time.monotonic() + 5
    number = 0
    while time.monotonic() < ends:
        number += 1
        put.variable("x", str(number), name="x")
        backend.get_variable("x")
        time.sleep(0.01)
    until(lambda: backend.get_variable("x") == str(number))

    assert len(proxy.lists) <= 2
    assert 3 <= len(proxy.watches) <= 8
