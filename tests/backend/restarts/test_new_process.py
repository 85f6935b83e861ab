"""A process without cached values: the first refusal of a server that has just started is not confirmed."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
    ForbiddenError,
    UnconfirmedRefusalError,
)
from support.exchange import Exchange, Fault
from support.faults import FORBIDDEN, forward
from support.manifest_sources import ServerSource
from support.proxy import Proxy
from support.refusals import REFUSALS
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until


def on_first_connections(count: int, refusal: Fault) -> Fault:
    """Refuse every request on the first connections. They lead to a server that starts, and the others do not."""
    known: dict[int, Fault] = {}

    def fault(exchange: Exchange) -> bool:
        return known.setdefault(exchange.request.connection, refusal if len(known) < count else forward)(exchange)

    return fault


@on_the_devserver
class TestNewProcess:
    @REFUSALS
    def test_first_refusal_is_retried(
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
    def test_refusal_by_one_server_is_retried_on_another_server(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        """A load balancer in front of several API servers chooses one for each connection."""
        put.variable("x", "found")
        proxy.always = on_first_connections(1, refusal)

        assert proxied().get_variable("x") == "found"

    def test_after_a_confirmed_refusal_another_server_is_used(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusals_confirmed_at_once: None
    ) -> None:
        put.variable("x", "found")
        proxy.always = on_first_connections(2, FORBIDDEN)
        backend = proxied()
        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

        assert backend.get_variable("x") == "found"

    @REFUSALS
    def test_repeated_refusal_is_an_error(
        self, proxied: MakeBackend, proxy: Proxy, refusal: Fault, error: type[Exception]
    ) -> None:
        proxy.always = refusal

        with pytest.raises(error):
            proxied().get_variable("x")

        assert len(proxy.requests) >= 2

    def test_after_a_confirmed_refusal_later_requests_are_not_repeated(
        self, proxied: MakeBackend, proxy: Proxy
    ) -> None:
        proxy.always = FORBIDDEN
        backend = proxied()
        with pytest.raises(ForbiddenError):
            backend.get_variable("x")
        before = len(proxy.requests)

        for number in range(5):
            with pytest.raises(ForbiddenError):
                backend.get_variable(f"x{number}")

        assert len(proxy.requests) == before + 5

    def test_refusal_that_cannot_be_confirmed_in_time(self, proxied: MakeBackend, proxy: Proxy) -> None:
        proxy.always = FORBIDDEN
        backend = proxied(timeout=0.9)

        with pytest.raises(UnconfirmedRefusalError, match="must be confirmed by another one 1 s later") as raised:
            backend.get_variable("x")

        # A task's process may end before there is another lookup.
        assert "may not list secrets in namespace" in str(raised.value)
        assert "\n  kubectl create role " in str(raised.value)
        until(lambda: isinstance(_error(backend), ForbiddenError))

    @REFUSALS
    def test_first_refusal_of_a_reference_is_retried(
        self, source: ServerSource, proxy: Proxy, refusal: Fault, error: type[Exception]
    ) -> None:
        source.put({}, "found", name="referenced")
        proxy.faults.extend([refusal, refusal])

        assert source.make_backend(references={"variables": {"x": "referenced"}}).get_variable("x") == "found"


def _error(backend: KubernetesSecretsBackend) -> Exception | None:
    try:
        backend.get_variable("x")
    except (ApiUnavailableError, ForbiddenError) as error:
        return error
    return None
