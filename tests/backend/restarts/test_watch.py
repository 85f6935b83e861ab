"""A watch continues after a brief refusal, as from an API server that has just started."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from functools import partial

import pytest

from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
    ForbiddenError,
    UnconfirmedRefusalError,
)
from airflow_kubernetes_secrets.kubernetes.failures import Backoff
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from airflow_kubernetes_secrets.kubernetes.refusals import CONFIRMED_AFTER_SECONDS
from airflow_kubernetes_secrets.sources import watcher
from airflow_kubernetes_secrets.sources.namespace_api import NamespaceApi
from support.call_counts import calls_of
from support.exchange import Exchange, Fault
from support.faults import FORBIDDEN, answer_with, close_at_once, forward
from support.label_selectors import WATCHED
from support.logs import log_messages
from support.memory import MakeLookups
from support.proxy import Proxy
from support.refusals import REFUSALS
from support.secrets import VARIABLE, MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until


def while_it_starts(refusal: Fault, seconds: float = 0.3) -> Fault:
    """Refuse every request until some seconds after the first, as kube-apiserver does while it reads its roles."""
    began: list[float] = []

    def fault(exchange: Exchange) -> bool:
        began.append(time.monotonic())
        return (refusal if began[-1] < began[0] + seconds else forward)(exchange)

    return fault


@on_the_devserver
class TestWatch:
    @REFUSALS
    def test_watch_continues_after_a_brief_refusal(
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
        assert log_messages(caplog, logging.WARNING) == log_messages(caplog, logging.ERROR) == []

    def test_watch_is_sent_again_soon_after_a_refusal(
        self, make_lookups: MakeLookups, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """This also holds if it has failed often, and the pauses have become long."""
        monkeypatch.setattr(watcher, "_LONGEST_PAUSE_SECONDS", 0.2)
        # An attempt sends a second request if its connection was idle.
        faults = [*[close_at_once] * 4, FORBIDDEN]
        proxy.watch_faults.extend(faults)

        with calls_of(Backoff.pause) as pauses:
            make_lookups().get("x")
            # A watch that ends with a fault is open for a moment, too.
            until(lambda: len(proxy.watches) > len(faults))

        # Only the pauses of a watch have no time limit.
        failures = [each["attempts"] for each in pauses if each["left"] == math.inf]
        assert max(failures) > 1
        assert failures[-1] == 1

    def test_interrupted_watch_is_not_a_failure_of_the_server(
        self, refusals_confirmed_at_once: None, make_lookups: MakeLookups, proxy: Proxy
    ) -> None:
        """Such a failure would delay the confirmation of a refusal."""
        lookups = make_lookups()
        selector = LabelSelector.exists(VARIABLE)
        watch = lookups.client.watch_objects(SECRETS, lookups.server.namespace, selector, "0", seconds=60, timeout=10)
        proxy.always = FORBIDDEN
        with pytest.raises(UnconfirmedRefusalError):
            lookups.client.list_once(SECRETS, lookups.server.namespace, selector, timeout=10)

        watch.interrupt()
        with pytest.raises(ApiUnavailableError):
            list(watch)

        watch.close()
        with pytest.raises(ForbiddenError):
            lookups.client.list_once(SECRETS, lookups.server.namespace, selector, timeout=10)

    @pytest.mark.parametrize("is_watch", [False, True], ids=["list", "watch"])
    @pytest.mark.parametrize("status", [200, 404])
    def test_response_that_is_not_the_api_s_separates_two_refusals(
        self, make_lookups: MakeLookups, proxy: Proxy, status: int, is_watch: bool
    ) -> None:
        """The server may be down behind a load balancer, and the second refusal may be the first of its new start."""
        lookups = make_lookups()
        namespace, selector = lookups.server.namespace, LabelSelector.exists(VARIABLE)
        request_list = partial(lookups.client.list_once, SECRETS, namespace, selector, timeout=10)
        request_watch = partial(lookups.client.watch_objects, SECRETS, namespace, selector, "0", seconds=60, timeout=10)
        proxy.always = FORBIDDEN
        with pytest.raises(UnconfirmedRefusalError):
            request_list()
        (proxy.watch_faults if is_watch else proxy.faults).append(answer_with(status, b"<h1>Hello</h1>"))
        with pytest.raises(ApiUnavailableError, match=r"not a list|without a message|but not with JSON"):
            (request_watch if is_watch else request_list)()

        time.sleep(CONFIRMED_AFTER_SECONDS)
        with pytest.raises(UnconfirmedRefusalError):
            request_list()

    @pytest.mark.parametrize(
        "send",
        [lambda server: server.fetch_index(VARIABLE, 10), lambda server: server.watch(VARIABLE, "0", 60, 10)],
        ids=["list", "watch"],
    )
    def test_refusal_ends_an_outage(
        self,
        refusals_confirmed_at_once: None,
        make_lookups: MakeLookups,
        proxy: Proxy,
        send: Callable[[NamespaceApi], object],
    ) -> None:
        """The server responds, whether the refusal is confirmed or not."""
        lookups = make_lookups()
        proxy.always = proxy.always_watch = FORBIDDEN
        for error in (UnconfirmedRefusalError, ForbiddenError):
            lookups.outage.record_failure(
                ApiUnavailableError("server", "no response in time", 1, 1.0, "Wait"), time.monotonic()
            )
            assert lookups.server.is_unavailable

            with pytest.raises(error):
                send(lookups.server)

            assert not lookups.server.is_unavailable
