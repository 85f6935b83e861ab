"""A fork: the child opens connections of its own, and none of its locks stays locked."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.process import ForkGuard
from support import fork_guards
from support.faults import answer_with, late
from support.fork_guards import HANDLERS
from support.memory import fork, join, sockets_to
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.waiting import PATIENCE, until


class TestFork:
    def test_a_child_opens_connections_of_its_own(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied()
        assert backend.get_variable("x") == "found"

        join(fork(lambda: backend.get_variable("x") == "found"))

        assert backend.get_variable("x") == "found"
        assert [request.connection for request in proxy.requests] == [1, 2, 1]

    def test_parent_and_child_at_the_same_time(self, proxied: MakeBackend, put: Put) -> None:
        put.variable("parent", "of the parent")
        put.variable("child", "of the child")
        backend = proxied()
        assert backend.get_variable("parent") == "of the parent"

        def ask() -> bool:
            return all(backend.get_variable("child") == "of the child" for _ in range(50))

        child = fork(ask)
        for _ in range(50):
            assert backend.get_variable("parent") == "of the parent"
        join(child)

    def test_fork_during_a_request_of_another_thread(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied()
        proxy.faults.append(late(1))
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(backend.get_variable, "x")
            until(lambda: len(proxy.requests) == 1)
            join(fork(lambda: backend.get_variable("x") == "found"))
            assert answer.result(20) == "found"

    def test_child_closes_connections_that_threads_of_its_parent_use(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """If the child did not close a connection, it would stay open after its end in the parent."""
        put.variable("x", "found")
        backend = proxied()
        assert sockets_to(proxy.port) == []
        proxy.faults.extend([late(1)] * 4)
        with ThreadPoolExecutor(4) as threads:
            answers = [threads.submit(backend.get_variable, "x") for _ in range(4)]
            until(lambda: len(proxy.requests) == 4)
            assert len(sockets_to(proxy.port)) == 4
            join(fork(lambda: sockets_to(proxy.port) == []))
            assert [answer.result(20) for answer in answers] == ["found"] * 4

    @pytest.mark.parametrize("seconds", [0.3, 2], ids=["moments", "too long"])
    def test_fork_waits_for_guarded_work(self, seconds: float) -> None:
        """The wait is limited, and the child can do the work too."""
        guard, begun, done = ForkGuard(), threading.Event(), []

        def work() -> None:
            with guard.lock:
                begun.set()
                time.sleep(seconds)
                done.append(True)

        def in_the_child() -> bool:
            with guard.lock:
                return bool(done) == (seconds < 1)

        worker = threading.Thread(target=work)
        worker.start()
        begun.wait(PATIENCE)
        join(fork(in_the_child))
        worker.join(PATIENCE)

    def test_a_thread_does_not_wait_for_the_work_of_another(self) -> None:
        """Each of two imports may wait for a module that the other thread imports."""
        guard, together = ForkGuard(), threading.Barrier(2)

        def work() -> None:
            with guard.lock:
                together.wait(PATIENCE)

        with ThreadPoolExecutor(2) as threads:
            for each in [threads.submit(work) for _ in range(2)]:
                each.result()

    @pytest.mark.parametrize("handler", HANDLERS)
    def test_a_signal_handler_during_a_fork_leaves_no_lock(self, handler: str) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", fork_guards.__name__, handler]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 20

    def test_a_fork_waits_for_the_first_work_of_new_threads(self) -> None:
        """A thread that begins during a fork must not be missed."""
        guard, over, at_work = ForkGuard(), threading.Event(), set[int]()

        def work() -> None:
            with guard.lock:
                at_work.add(threading.get_ident())
                time.sleep(0.001)
                at_work.discard(threading.get_ident())
            # Until the end, so that no later thread gets its id.
            over.wait(60)

        def begin_all_the_time() -> None:
            while not over.wait(0.0005):
                started.append(threading.Thread(target=work))
                started[-1].start()

        started: list[threading.Thread] = []
        beginner = threading.Thread(target=begin_all_the_time)
        beginner.start()
        try:
            for _ in range(25):
                join(fork(lambda: not at_work))
        finally:
            over.set()
            beginner.join(PATIENCE)
            for each in started:
                each.join(PATIENCE)
        assert len(started) > 10

    def test_child_logs_the_errors_of_its_parent_again(
        self, proxied: MakeBackend, proxy: Proxy, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A task's log is a separate file from its supervisor's."""
        proxy.faults.extend([answer_with(503)] * 1000)
        backend = proxied(timeout=1)
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")
        log = tmp_path / "log"

        def ask() -> bool:
            import logging

            logging.basicConfig(filename=log, force=True)
            for _ in range(2):
                with pytest.raises(ApiUnavailableError):
                    backend.get_variable("x")
            return True

        join(fork(ask))

        assert log.read_text().count("it answered 503") == 1
