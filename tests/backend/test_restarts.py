"""An API server that has just started refuses requests until it has read its roles. Such refusals do not count."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

import httpx
import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
    ForbiddenError,
    UnauthorizedError,
    UnconfirmedRefusalError,
)
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.resources import SECRETS
from airflow_kubernetes_secrets.kubernetes.retry import Backoff
from airflow_kubernetes_secrets.sources import watcher
from airflow_kubernetes_secrets.sources.namespace_api import NamespaceApi
from support.asking import WATCHED
from support.cluster import KubeApiserverCluster, ServiceAccount
from support.exchange import Exchange, Fault
from support.faults import FORBIDDEN, FORBIDDEN_BODY, UNAUTHORIZED, answer_with, close_at_once, forward
from support.logs import said
from support.memory import MakeAsker
from support.places import ServerPlace
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until

REFUSALS = pytest.mark.parametrize(
    ("refusal", "error"), [(FORBIDDEN, ForbiddenError), (UNAUTHORIZED, UnauthorizedError)], ids=["403", "401"]
)


def refuse_name(name: str) -> Fault:
    """Refuse to return the Secret of this name, and end the connection after each response."""

    def fault(exchange: Exchange) -> bool:
        path = exchange.request.target.partition("?")[0]
        refusal = answer_with(403, FORBIDDEN_BODY, headers={"Connection": "close"})
        return (refusal if path.endswith(f"/{name}") else forward)(exchange)

    return fault


def while_it_starts(refusal: Fault, seconds: float = 0.3) -> Fault:
    """Refuse every request until some seconds after the first, as kube-apiserver does while it reads its roles."""
    began: list[float] = []

    def fault(exchange: Exchange) -> bool:
        began.append(time.monotonic())
        return (refusal if began[-1] < began[0] + seconds else forward)(exchange)

    return fault


def on_first_connections(count: int, refusal: Fault) -> Fault:
    """Refuse every request on the first connections. They lead to a server that starts, and the others do not."""
    known: dict[int, Fault] = {}

    def fault(exchange: Exchange) -> bool:
        return known.setdefault(exchange.request.connection, refusal if len(known) < count else forward)(exchange)

    return fault


@on_the_devserver
class TestNewProcess:
    @REFUSALS
    def test_a_first_refusal_is_no_answer(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        put.variable("x", "found")
        put.config("x", "found", name="x")
        # After a 401 the credentials are read again, and the request is repeated at once.
        proxy.faults.extend([refusal, refusal])

        assert proxied().get_variable("x") == "found"
        proxy.cut()
        proxy.faults.extend([refusal, refusal])
        assert proxied().get_config("x") == "found"

    @REFUSALS
    def test_one_of_several_servers_does_not_confirm_itself(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        """A load balancer in front of several API servers chooses one for each connection."""
        put.variable("x", "found")
        proxy.always = on_first_connections(1, refusal)

        assert proxied().get_variable("x") == "found"

    def test_one_of_several_servers_is_left_even_if_its_refusal_counts(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusals_confirmed_at_once: None
    ) -> None:
        put.variable("x", "found")
        proxy.always = on_first_connections(2, FORBIDDEN)
        backend = proxied()
        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

        assert backend.get_variable("x") == "found"

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

        with pytest.raises(UnconfirmedRefusalError, match="counts only if it is repeated 1 s later") as raised:
            backend.get_variable("x")

        # A task's process may end before there is another lookup.
        assert "may not list secrets in namespace" in str(raised.value)
        assert "\n  kubectl create role " in str(raised.value)
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
        """This also holds if no lookup has time to see what follows the refusal."""
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

    def test_it_is_kept_where_a_kept_connection_leads_to_another_server(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """A proxy, for example, may send each request to another of several API servers."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=0)
        assert backend.get_variable("x") == "found"
        for fault in (FORBIDDEN, answer_with(503), FORBIDDEN, UNAUTHORIZED):
            proxy.faults.append(fault)

            assert backend.get_variable("x") == "found"

    def test_it_is_dropped_after_a_refusal_over_a_kept_connection_too(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0)
        assert backend.get_variable("x") == "found"
        proxy.always = FORBIDDEN

        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

    def test_it_is_kept_where_the_token_cannot_be_read_again(
        self, account: ServiceAccount, in_pod: None, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The token is being written while the server starts."""
        for name, value in proxy.pod_environment().items():
            monkeypatch.setenv(name, value)
        folder = proxy.folder(account)
        put.variable("x", "found")
        backend = KubernetesSecretsBackend(service_account_path=str(folder), cache_ttl=0)
        assert backend.get_variable("x") == "found"
        (folder / "token").write_text("")
        proxy.faults.append(UNAUTHORIZED)

        assert backend.get_variable("x") == "found"

        proxy.refuse()
        assert backend.get_variable("x") == "found"


@on_the_devserver
class TestSeveralOperations:
    """Kubernetes authorizes by verb, namespace and name, so a refusal of one request says nothing about others."""

    @pytest.fixture
    def backend(self, place: ServerPlace) -> KubernetesSecretsBackend:
        for name in ("one", "two"):
            place.put({}, f"{name}'s value", name=name)
        references = {"variables": {"one": "one", "two": "two"}}
        return place.make_backend(references=references, cache_ttl=0, timeout=2)

    def test_what_is_never_allowed_confirms_no_refusal_of_something_else(
        self, proxy: Proxy, backend: KubernetesSecretsBackend
    ) -> None:
        assert backend.get_variable("one") == "one's value"
        proxy.always = refuse_name("two")
        with pytest.raises(ForbiddenError):
            backend.get_variable("two")
        # The server has restarted, and no lookup has noticed.
        proxy.cut()
        with pytest.raises(ForbiddenError):
            backend.get_variable("two")
        proxy.faults.append(FORBIDDEN)

        assert backend.get_variable("one") == "one's value"
        proxy.refuse()
        assert backend.get_variable("one") == "one's value"

    def test_what_is_allowed_does_not_put_off_the_refusal_of_something_else(
        self, proxy: Proxy, backend: KubernetesSecretsBackend
    ) -> None:
        """This also holds if each response ends its connection."""
        assert backend.get_variable("two") == "two's value"
        proxy.always = refuse_name("two")
        asking = Asking()
        asking.start(lambda: "found" if backend.get_variable("one") == "one's value" else None)
        try:
            with pytest.raises(ForbiddenError):
                backend.get_variable("two")
        finally:
            asking.stop()

        assert asking.problems == []

    def test_one_that_is_not_confirmed_begins_no_outage(
        self, place: ServerPlace, proxy: Proxy, backend: KubernetesSecretsBackend
    ) -> None:
        references = {"variables": {"one": "one", "two": "two"}}
        hasty = place.make_backend(references=references, cache_ttl=0, timeout=0.6)
        proxy.always = refuse_name("two")
        with pytest.raises(UnconfirmedRefusalError):
            hasty.get_variable("two")

        assert hasty.get_variable("one") == "one's value"


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

        proxy.always = proxy.always_watch = while_it_starts(refusal)
        proxy.cut()
        put.variable("x", "two", name="x")

        until(lambda: proxy.open_watches == 1 and backend.get_variable("x") == "two")
        assert said(caplog, logging.WARNING) == said(caplog, logging.ERROR) == []

    def test_after_a_refusal_it_is_sent_again_soon(
        self, make_asker: MakeAsker, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """This also holds if it has failed often, and the pauses have become long."""
        failures: list[int] = []

        class Recorded(Backoff):
            def pause(self, attempts: int, left: float, retry_after: float | None = None) -> float | None:
                failures.append(attempts)
                return super().pause(1, left, retry_after)

        monkeypatch.setattr(watcher, "Backoff", Recorded)
        # An attempt sends a second request if its connection was idle.
        faults = [*[close_at_once] * 4, FORBIDDEN]
        proxy.watch_faults.extend(faults)
        make_asker().get("x")

        # A watch that ends with a fault is open for a moment, too.
        until(lambda: len(proxy.watches) > len(faults))
        assert max(failures) > 1
        assert failures[-1] == 1

    def test_its_own_end_is_no_failure_of_the_server(
        self, refusals_confirmed_at_once: None, make_asker: MakeAsker, proxy: Proxy
    ) -> None:
        """It would put off the confirmation of a refusal."""
        asker = make_asker()
        selector = LabelSelector.exists(VARIABLE)
        watch = asker.client.watch_objects(SECRETS, asker.server.namespace, selector, "0", seconds=60, timeout=10)
        proxy.always = FORBIDDEN
        with pytest.raises(UnconfirmedRefusalError):
            asker.client.list_once(SECRETS, asker.server.namespace, selector, timeout=10)

        watch.interrupt()
        with pytest.raises(ApiUnavailableError):
            list(watch)

        watch.close()
        with pytest.raises(ForbiddenError):
            asker.client.list_once(SECRETS, asker.server.namespace, selector, timeout=10)

    @pytest.mark.parametrize(
        "send",
        [lambda server: server.fetch_index(VARIABLE, 10), lambda server: server.watch(VARIABLE, "0", 60, 10)],
        ids=["list", "watch"],
    )
    def test_its_refusal_ends_an_outage(
        self,
        refusals_confirmed_at_once: None,
        make_asker: MakeAsker,
        proxy: Proxy,
        send: Callable[[NamespaceApi], object],
    ) -> None:
        """Whether it counts or not: the server responds."""
        asker = make_asker()
        proxy.always = proxy.always_watch = FORBIDDEN
        for error in (UnconfirmedRefusalError, ForbiddenError):
            asker.outage.record_failure(
                ApiUnavailableError("server", "no response in time", 1, 1.0, "Wait"), time.monotonic()
            )
            assert asker.server.is_unavailable

            with pytest.raises(error):
                send(asker.server)

            assert not asker.server.is_unavailable


def _error(backend: KubernetesSecretsBackend) -> Exception | None:
    try:
        backend.get_variable("x")
    except (ApiUnavailableError, ForbiddenError) as error:
        return error
    return None


class Asking:
    """Threads that look up ``x`` all the time until :meth:`stop`. ``problems`` has the unexpected results."""

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
    """Processes with a cached value see no error, and new ones do not report a missing permission."""
    account = cluster.service_account(namespace, "worker", {namespace: ["list", "watch"]})
    put = Put(cluster, namespace)
    put.variable("x", "found")
    put.config("x", "found", name="x")
    # Backends with different options share nothing.
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
    refused = threading.Event()
    path = f"/api/v1/namespaces/{namespace}/secrets"
    asking.start(lambda: refusal_of(cluster, account, path, refused), httpx.TransportError)
    try:
        # Whether the server refuses requests depends on when they arrive.
        for _ in range(3):
            cluster.restart()
            time.sleep(3)
            if refused.is_set():
                break
    finally:
        asking.stop()

    assert asking.problems == []


def refusal_of(cluster: KubeApiserverCluster, account: ServiceAccount, path: str, refused: threading.Event) -> str:
    """Send one request over its own connection, and set the event if it is refused."""
    with cluster.client(account.token) as client:
        if client.get(path).status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            refused.set()
    return "found"
