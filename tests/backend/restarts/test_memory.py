"""Cached values stay after a restart of the API server, and are discarded if a refusal is repeated."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
    ForbiddenError,
)
from support.cluster import ServiceAccount
from support.exchange import Fault
from support.faults import FORBIDDEN, UNAUTHORIZED, answer_with
from support.proxy import Proxy
from support.refusals import REFUSALS
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver


@on_the_devserver
class TestMemory:
    @REFUSALS
    def test_cached_value_is_used_after_a_restart(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        """This also holds if no lookup has the second after which a refusal is confirmed."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=0, timeout=0.9)
        assert backend.get_variable("x") == "found"
        proxy.cut()
        proxy.always = refusal

        assert backend.get_variable("x") == "found"

    @REFUSALS
    def test_repeated_refusal_discards_the_cached_value(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, refusal: Fault, error: type[Exception]
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0, timeout=5)
        assert backend.get_variable("x") == "found"
        proxy.cut()
        proxy.always = refusal
        with pytest.raises(error):
            backend.get_variable("x")

        proxy.refuse()

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")

    def test_refusal_of_one_server_does_not_discard_the_cached_value(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """A proxy, for example, may send each request to another of several API servers."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=0)
        assert backend.get_variable("x") == "found"
        for fault in (FORBIDDEN, answer_with(503), FORBIDDEN, UNAUTHORIZED):
            proxy.faults.append(fault)

            assert backend.get_variable("x") == "found"

    def test_refusal_over_an_open_connection_overrides_the_cached_value(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0)
        assert backend.get_variable("x") == "found"
        proxy.always = FORBIDDEN

        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

    def test_cached_value_is_used_if_the_token_cannot_be_read_again(
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
