"""A fork: the child opens connections of its own, and none of its locks stays locked."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.process import ForkGuard
from support.faults import answer_with, late
from support.memory import fork, join, sockets_to
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.signals import PACKAGE, Moment, handled
from support.waiting import until


def _interrupt() -> None:
    raise InterruptedError


def _fork_too() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


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

    def test_a_fork_while_another_thread_asks(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied()
        proxy.faults.append(late(1))
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(backend.get_variable, "x")
            join(fork(lambda: backend.get_variable("x") == "found"))
            assert answer.result(20) == "found"

    def test_a_child_closes_what_threads_of_its_parent_are_using(
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
    def test_a_fork_waits_for_what_cannot_bear_it(self, seconds: float) -> None:
        """The wait is limited. In the child the work is possible all the same."""
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
        begun.wait(20)
        join(fork(in_the_child))
        worker.join(20)

    def test_a_thread_does_not_wait_for_the_work_of_another(self) -> None:
        """Each of two imports may wait for a module that the other thread imports."""
        guard, together = ForkGuard(), threading.Barrier(2)

        def work() -> None:
            with guard.lock:
                together.wait(20)

        with ThreadPoolExecutor(2) as threads:
            for each in [threads.submit(work) for _ in range(2)]:
                each.result()

    # Python discards what a signal handler raises in a function that is registered for forks.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("handler", [_interrupt, _fork_too], ids=["raises", "forks"])
    def test_a_signal_handler_during_a_fork_leaves_no_lock(self, handler: Callable[[], None]) -> None:
        guard, position = ForkGuard(), 0

        def takes_its_lock() -> bool:
            taken = guard.lock.acquire(timeout=1)
            if taken:
                guard.lock.release()
            return taken

        with handled(signal.SIGALRM, handler), ThreadPoolExecutor(1) as other:
            while True:
                assert other.submit(takes_its_lock).result()
                moment = Moment(signal.SIGALRM, position, inside=(PACKAGE,))
                with suppress(InterruptedError), moment.of():
                    if (child := os.fork()) == 0:
                        os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                if moment.where.endswith(" _after"):
                    # Nothing in Python runs in the function if the signal comes first. The next fork makes up for it.
                    join(fork(lambda: None))
                assert other.submit(takes_its_lock).result(), moment.where
                with ThreadPoolExecutor(1) as new:
                    assert new.submit(takes_its_lock).result(), moment.where
                if not moment.where:
                    break
                position += 1
        assert position > 20

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
            beginner.join(20)
            for each in started:
                each.join(20)
        assert len(started) > 10

    def test_a_child_says_again_what_its_parent_said(
        self, proxied: MakeBackend, proxy: Proxy, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A task's log is a separate file from its supervisor's."""
        proxy.faults.extend([answer_with(503)] * 1000)
        backend = proxied(timeout=0.3)
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
