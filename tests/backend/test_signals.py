"""Signal handlers that raise, or look something up, in the middle of a lookup.

Airflow ends tasks this way: SIGALRM at their timeout, SIGTERM when they are stopped. The moments are not random: the
tests interrupt each moment at which CPython checks for signals, one after the other.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from airflow_kubernetes_secrets.sources import cache_policy
from airflow_kubernetes_secrets.sources.cache_policy import Thresholds
from support.cluster import Cluster
from support.exchange import Exchange, Fault
from support.faults import forward, late
from support.memory import AT_ONCE, MakeLookups, VariableLookups, sockets_to, watchers
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver
from support.signals import INTERRUPTED, PACKAGE, Moment, handled, watched_over
from support.waiting import until

DIRECT = Thresholds(queries_first=10**9)
INDEXED = Thresholds(queries_first=0)

TIMEOUT = 3.0
# Seconds of tolerance for a slow machine.
LATE = 10.0
HELD_BACK = 0.03

# If the exception comes before a socket has an owner, the garbage collector closes the socket and warns about it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Interrupted(Exception):  # noqa: N818  # it is not an error
    """An exception that a handler raises."""


class Terminated(BaseException):
    """An exception of a handler that no ``except Exception`` may catch, as Airflow's own."""


RAISED = pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGALRM, Interrupted), (signal.SIGTERM, Terminated)],
    ids=["SIGALRM-Exception", "SIGTERM-BaseException"],
)


@pytest.fixture
def make_lookups(make_lookups: MakeLookups, put: Put) -> MakeLookups:
    """Return a function that makes lookups with a short timeout, which find ``x`` and ``y``."""
    put.variable("x", "found")
    put.variable("y", "found too")
    return partial(make_lookups, timeout=TIMEOUT)


@pytest.fixture
def freezes() -> Iterator[None]:
    """Let a test exclude objects from garbage collection. At its end, they are collected too."""
    yield
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Another(threading.Thread):
    """Another thread, which looks up ``x`` once. It must get the value within the timeout of a lookup."""

    def __init__(self, lookups: VariableLookups) -> None:
        super().__init__(daemon=True)
        self._asker = lookups
        self._found: object = None
        self._seconds = 0.0

    def run(self) -> None:
        began = time.monotonic()
        try:
            self._found = self._asker.get("x")
        except BaseException as error:
            self._found = error
        self._seconds = time.monotonic() - began

    def problem(self) -> str:
        """Return what was wrong with the result; empty if nothing was."""
        self.join(TIMEOUT + LATE)
        if self.is_alive():
            return "it hangs"
        return "" if self._found == "found" and self._seconds < TIMEOUT + LATE else f"it got {self._found!r}"


def problems_of(moment: Moment, *others: Another) -> list[str]:
    return [f"{moment}: {problem}" for each in others if (problem := each.problem())]


# The second signal need not be tested at every moment.
STEPS = {signal.SIGALRM: 1, signal.SIGTERM: 4}


@on_the_devserver
@RAISED
class TestRaising:
    def test_in_a_direct_request(
        self, make_lookups: MakeLookups, proxy: Proxy, number: signal.Signals, raised: type[BaseException]
    ) -> None:
        lookups = make_lookups(thresholds=DIRECT)
        moments = 0
        with raising(number, raised):
            while interrupted(lookups, Moment(number, moments), raised):
                # The result must not be that of the interrupted lookup.
                assert lookups.get("y") == "found too"
                moments += STEPS[number]
        assert moments > 50
        assert len(sockets_to(proxy.port)) == 1

    def test_in_the_list_of_an_index(
        self, make_lookups: MakeLookups, proxy: Proxy, number: signal.Signals, raised: type[BaseException]
    ) -> None:
        """A thread that waits for this LIST, and one that comes later, still get their values in time."""
        lookups = make_lookups(thresholds=INDEXED)
        problems: list[str] = []
        moments = waited = 0
        with raising(number, raised):
            while True:
                lookups.restart()
                waiting, later = Another(lookups), Another(lookups)
                moment = Moment(number, moments, once_it_lists(waiting))
                if not interrupted(lookups, moment, raised):
                    break
                if waiting.ident is None:
                    waiting.start()
                else:
                    waited += 1
                later.start()
                problems += problems_of(moment, waiting, later)
                moments += STEPS[number]
        assert problems == []
        assert moments > 100
        assert waited > 0
        assert len(sockets_to(proxy.port)) <= 3

    def test_in_a_wait_for_the_list_of_another_thread(
        self, make_lookups: MakeLookups, proxy: Proxy, number: signal.Signals, raised: type[BaseException]
    ) -> None:
        lookups = make_lookups(thresholds=INDEXED)
        problems: list[str] = []
        moments = 0
        with raising(number, raised):
            while True:
                has_waited = threading.Event()
                proxy.always = held_until(has_waited)
                lookups.restart()
                lists, later = Another(lookups), Another(lookups)
                begin_to_list(lists, lookups)
                moment = Moment(number, moments, after_some_pauses(has_waited))
                if not interrupted(lookups, moment, raised):
                    break
                has_waited.set()
                later.start()
                problems += problems_of(moment, lists, later)
                moments += STEPS[number]
        assert problems == []
        assert moments > 20

    @pytest.mark.usefixtures("freezes")
    def test_in_the_first_connection(
        self, make_lookups: MakeLookups, cluster: Cluster, number: signal.Signals, raised: type[BaseException]
    ) -> None:
        """No lock stays taken for other threads, and no descriptor is closed that has become another file's."""
        problems: list[str] = []
        moments = 0
        make = partial(make_lookups, through=cluster, thresholds=DIRECT)
        with raising(number, raised):
            while not problems:
                lookups, other = make(), Another(make())
                moment = Moment(number, moments, inside=(*INTERRUPTED, ssl.__file__, socket.__file__))
                try:
                    with moment.of():
                        lookups.get("x")
                except raised as error:
                    # A new file gets the descriptor of a socket that was closed meanwhile.
                    descriptor = os.open(os.devnull, os.O_RDONLY)
                    error.__traceback__ = None
                    del error
                    gc.collect()
                    # The next collection need not examine what has survived this one: the lookups, which remain until
                    # the end, and all modules.
                    gc.freeze()
                    try:
                        os.close(descriptor)
                    except OSError:
                        problems.append(f"{moment}: it has closed the file of somebody else")
                else:
                    break
                other.start()
                problems += problems_of(moment, other)
                moments += STEPS[number]
        assert problems == []
        assert moments > 200

    def test_in_the_start_of_a_watch(
        self, make_lookups: MakeLookups, proxy: Proxy, number: signal.Signals, raised: type[BaseException]
    ) -> None:
        """The next lookup is correct, and no thread outlives the source."""
        lookups = make_lookups(thresholds=AT_ONCE)
        moments = first = first_of_a_watch(lookups)
        with raising(number, raised):
            while True:
                lookups.restart()
                # Python's own start of a thread is excluded, because an interruption there breaks it.
                moment = Moment(number, moments, inside=(PACKAGE,))
                if not interrupted(lookups, moment, raised):
                    break
                assert lookups.get("x") == "found", moment
                lookups.policy.close()
                assert watchers() == [], moment
                moments += STEPS[number]
        assert moments > first
        # This is the watch of the lookup that was not interrupted.
        lookups.policy.close()
        until(lambda: proxy.open_watches == 0)


def raising(number: signal.Signals, raised: type[BaseException]) -> contextlib.AbstractContextManager[None]:
    def handler() -> None:
        raise raised

    return handled(number, handler)


def interrupted(lookups: VariableLookups, moment: Moment, raised: type[BaseException]) -> bool:
    """Return whether a lookup has this moment. If so, the handler's exception has ended the lookup."""
    try:
        with moment.of():
            found = lookups.get("x")
    except raised:
        assert moment.where
        return True
    assert not moment.where, f"what the handler raised at {moment} was lost"
    assert found == "found"
    return False


def once_it_lists(waiting: Another) -> Callable[[str], None]:
    def meanwhile(name: str) -> None:
        if name == "list_once" and waiting.ident is None:
            waiting.start()
            # The thread is usually waiting by now. If not, it is a thread that comes later.
            time.sleep(0.002)

    return meanwhile


def begin_to_list(lists: Another, lookups: VariableLookups) -> None:
    """Return when the LIST of the other thread is in progress."""
    lists.start()
    until(lambda: lookups.policy._running_list is not None)


def held_until(event: threading.Event) -> Fault:
    """Forward each request once the event is set, so that what comes before does not depend on the machine's speed."""

    def fault(exchange: Exchange) -> bool:
        event.wait(TIMEOUT)
        return forward(exchange)

    return fault


def after_some_pauses(event: threading.Event) -> Callable[[str], None]:
    """Set the event when this thread has paused several times in its wait, and has looked at its time before each."""
    left = iter(range(6, -1, -1))

    def meanwhile(name: str) -> None:
        if name == "left" and next(left, 0) == 0:
            event.set()

    return meanwhile


def first_of_a_watch(lookups: VariableLookups) -> int:
    """Return how many moments of a lookup come before its LIST has arrived."""
    count, arrived = 0, False

    def meanwhile(name: str) -> None:
        nonlocal count, arrived
        arrived = arrived or name == "parse_list"
        count += not arrived

    lookups.restart()
    with Moment(signal.SIGALRM, 10**9, meanwhile, inside=(PACKAGE,)).of():
        lookups.get("x")
    lookups.policy.close()
    assert arrived
    return count


@on_the_devserver
class TestLookingUp:
    """A handler that looks something up itself in the same thread, for example to send a message."""

    def test_in_a_direct_request(self, make_lookups: MakeLookups) -> None:
        walk(make_lookups(thresholds=DIRECT))

    def test_in_the_list_of_an_index(self, make_lookups: MakeLookups) -> None:
        walk(make_lookups(thresholds=INDEXED))

    def test_in_the_start_of_a_watch(self, make_lookups: MakeLookups) -> None:
        lookups = make_lookups(thresholds=AT_ONCE)
        walk(lookups, first_of_a_watch(lookups))

    def test_in_a_wait_for_the_list_of_another_thread(self, make_lookups: MakeLookups, proxy: Proxy) -> None:
        lookups = make_lookups(thresholds=INDEXED)
        lookups.get("x")
        proxy.always = late(HELD_BACK)
        walk(lookups, before=lambda: begin_to_list(Another(lookups), lookups))


def walk(lookups: VariableLookups, first: int = 0, before: Callable[[], None] = lambda: None) -> None:
    """Look something up at every moment of a lookup, in a child process: a deadlock there would last for ever."""

    def in_handler() -> None:
        assert lookups.get("y") == "found too"

    def moments(tell: Callable[[str], object]) -> None:
        position = first
        with handled(signal.SIGALRM, in_handler):
            while True:
                lookups.restart()
                before()
                moment = Moment(signal.SIGALRM, position)
                moment.meanwhile = lambda _name, moment=moment: moment.where and tell(moment.where)
                with moment.of():
                    assert lookups.get("x") == "found"
                if not moment.where:
                    return
                lookups.policy.close()
                position += 1

    assert watched_over(moments) == ""


def test_hundreds_of_interrupts_at_random(
    proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index expires and a watch comes and goes. A lookup right after an interrupt must be correct."""
    monkeypatch.setattr(cache_policy, "THRESHOLDS", Thresholds(queries_first=1, indexes_first=1, forgotten_after=0.1))
    keys = [f"x{number}" for number in range(4)]
    for key in keys:
        put.variable(key, f"value of {key}")
    chance = random.Random(1)
    handled_at = -1
    raised = 0

    def handler() -> None:
        nonlocal handled_at
        handled_at = number
        raise Terminated

    def look_up_after(seconds: float) -> None:
        # This loop is in a function of its own. On Python 3.13, an exception at the end of such a loop does not reach a
        # handler around it in the same function. https://github.com/python/cpython/issues/130279
        signal.setitimer(signal.ITIMER_REAL, seconds)
        while handled_at < number:
            for key in keys:
                assert backend.get_variable(key) == f"value of {key}"

    with handled(signal.SIGALRM, handler):
        for number in range(400):
            # Another time to live leads to another source, with nothing in memory.
            backend = proxied(cache_ttl=2 + number % 8, timeout=TIMEOUT)
            try:
                look_up_after(chance.uniform(0.0001, 0.01))
            except Terminated:
                raised += 1
            began = time.monotonic()
            assert backend.get_variable(keys[0]) == f"value of {keys[0]}"
            assert time.monotonic() - began < TIMEOUT + LATE

    # Python discards an exception in a destructor, and in a callback of the garbage collector such as Hypothesis's.
    assert raised > 390
    # Each of the eight sources has at most its pooled connections and its watch.
    assert len(sockets_to(proxy.port)) <= 8 * 3
