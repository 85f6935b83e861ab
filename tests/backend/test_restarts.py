"""An API server that has just started refuses every request until it has read its roles, and such a refusal is none."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.api import refusals
from airflow_kubernetes_secrets.errors import ApiUnavailableError, ForbiddenError, UnauthorizedError
from support.asking import WATCHED
from support.cluster import KubeApiserverCluster
from support.exchange import Exchange, Fault
from support.faults import FORBIDDEN, UNAUTHORIZED, answer_with, forward, late
from support.logs import said
from support.places import ServerPlace
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until

REFUSALS = pytest.mark.parametrize(
    ("refusal", "error"), [(FORBIDDEN, ForbiddenError), (UNAUTHORIZED, UnauthorizedError)], ids=["403", "401"]
)


def first_of_each_connection(refusal: Fault) -> Fault:
    """A server that refuses the first request of each connection, as kube-apiserver does while it reads its roles."""
    known: set[int] = set()

    def fault(exchange: Exchange) -> bool:
        connection = exchange.request.connection
        if connection in known:
            return forward(exchange)
        known.add(connection)
        return refusal(exchange)

    return fault


@on_the_devserver
class TestNewProcess:
    @REFUSALS
    def test_a_first_refusal_is_no_answer(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        put.variable("x", "found")
        put.config("x", "found", name="x")
        # After a 401 the credentials are read again, and the request is sent again at once.
        proxy.faults.extend([refusal, refusal])

        assert proxied().get_variable("x") == "found"
        proxy.cut()
        proxy.faults.extend([refusal, refusal])
        assert proxied().get_config("x") == "found"

    @REFUSALS
    def test_one_that_is_repeated_counts(
        self, proxied: MakeBackend, proxy: Proxy, refusal: Fault, error: type[Exception]
    ) -> None:
        proxy.always = refusal

        with pytest.raises(error):
            proxied().get_variable("x")

        assert len(proxy.requests) >= 2

    def test_then_later_ones_count_at_once(self, proxied: MakeBackend, proxy: Proxy) -> None:
        proxy.always = FORBIDDEN
        backend = proxied()
        with pytest.raises(ForbiddenError):
            backend.get_variable("x")
        before = len(proxy.requests)

        for number in range(5):
            with pytest.raises(ForbiddenError):
                backend.get_variable(f"x{number}")

        assert len(proxy.requests) == before + 5

    def test_without_time_for_a_second_the_error_says_so(self, proxied: MakeBackend, proxy: Proxy) -> None:
        proxy.always = FORBIDDEN
        backend = proxied(timeout=0.6)

        with pytest.raises(ApiUnavailableError, match="counts only if it is repeated 1 s later"):
            backend.get_variable("x")
        until(lambda: isinstance(_error(backend), ForbiddenError))

    @REFUSALS
    def test_a_reference(self, place: ServerPlace, proxy: Proxy, refusal: Fault, error: type[Exception]) -> None:
        place.put({}, "found", name="referenced")
        proxy.faults.extend([refusal, refusal])

        assert place.make_backend(references={"variables": {"x": "referenced"}}).get_variable("x") == "found"


@on_the_devserver
class TestMemory:
    @REFUSALS
    def test_it_is_kept_after_a_restart(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        """Also where no lookup has time to see what comes after the refusal."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=0, timeout=0.3)
        assert backend.get_variable("x") == "found"
        proxy.cut()
        proxy.always = refusal

        assert backend.get_variable("x") == "found"

    @REFUSALS
    def test_it_is_dropped_when_the_refusal_is_repeated(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0, timeout=2)
        assert backend.get_variable("x") == "found"
        proxy.cut()
        proxy.always = refusal
        with pytest.raises(error):
            backend.get_variable("x")

        proxy.refuse()

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")

    def test_over_a_connection_that_has_been_of_use_a_403_counts_at_once(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """The server at its other end had read its roles."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=0)
        assert backend.get_variable("x") == "found"
        proxy.always = FORBIDDEN

        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

        assert len(proxy.requests) == 2

    def test_unless_the_server_was_unreachable_since(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """Something between the two may keep its connections while the server behind it restarts."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=0)
        proxy.faults.extend([late(0.5), late(0.5)])
        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(backend.get_variable, ["x", "x"])) == ["found", "found"]
        assert proxy.connections == 2
        # The first comes over one of the connections, and the second over the other.
        proxy.faults.extend([answer_with(503), FORBIDDEN])

        assert backend.get_variable("x") == "found"

        assert proxy.connections == 2

    def test_refusals_that_are_far_apart_are_of_two_restarts(
        self, monkeypatch: pytest.MonkeyPatch, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        # Then any two are.
        monkeypatch.setattr(refusals, "_FURTHEST_APART_SECONDS", -1.0)
        put.variable("x", "found")
        backend = proxied(cache_ttl=0, timeout=2)
        assert backend.get_variable("x") == "found"
        proxy.cut()
        proxy.always = FORBIDDEN

        assert backend.get_variable("x") == "found"


@on_the_devserver
class TestWatch:
    @REFUSALS
    def test_it_goes_on(
        self,
        watched_at_once: None,
        proxied: MakeBackend,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        refusal: Fault,
        error: type[Exception],
    ) -> None:
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=WATCHED)
        assert backend.get_variable("x") == "one"
        until(lambda: proxy.open_watches == 1)

        proxy.always = proxy.always_watch = first_of_each_connection(refusal)
        proxy.cut()
        put.variable("x", "two", name="x")

        until(lambda: proxy.open_watches == 1 and backend.get_variable("x") == "two")
        assert said(caplog, logging.WARNING) == said(caplog, logging.ERROR) == []


def _error(backend: KubernetesSecretsBackend) -> Exception | None:
    try:
        backend.get_variable("x")
    except (ApiUnavailableError, ForbiddenError) as error:
        return error
    return None


class Asking:
    """Threads that ask for ``x`` all the time, each until :meth:`stop`; ``problems`` is what nobody should see."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._ends = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, ask: Callable[[], str | None], *allowed: type[Exception]) -> None:
        thread = threading.Thread(target=self._keep_asking, args=(ask, allowed))
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _keep_asking(self, ask: Callable[[], str | None], allowed: tuple[type[Exception], ...]) -> None:
        while not self._ends.wait(0.05):
            try:
                if ask() != "found":
                    self.problems.append("not found")
            except allowed:
                pass
            except Exception as error:
                self.problems.append(repr(error))


@pytest.mark.restarts
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_a_real_server_that_is_killed_and_started_again(
    cluster: KubeApiserverCluster, namespace: str, in_pod: None
) -> None:
    """Processes that know an answer see no error at all, and new ones are not told that they lack a permission."""
    account = cluster.service_account(namespace, "worker", {namespace: ["list", "watch"]})
    put = Put(cluster, namespace)
    put.variable("x", "found")
    put.config("x", "found", name="x")
    # Backends of other options share nothing.
    numbers = itertools.count(301)

    def backend(**options: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(service_account_path=str(account.folder), outage_ttl=next(numbers), **options)

    asking = Asking()
    for options in ({"cache_ttl": 0}, {"cache_ttl": 0, "timeout": 1}, {"cache_ttl": 5}, {"cache_ttl": 5, "timeout": 1}):
        warmed = backend(**options)
        for _ in range(4):
            assert warmed.get_variable("x") == "found"
        asking.start(partial(warmed.get_variable, "x"))
    asking.start(lambda: backend().get_variable("x"), ApiUnavailableError)
    asking.start(lambda: backend().get_config("x"), ApiUnavailableError)
    try:
        cluster.restart()
        time.sleep(3)
    finally:
        asking.stop()

    assert asking.problems == []
