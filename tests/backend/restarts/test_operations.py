"""Each operation is judged separately: an allowed operation does not affect the refusal of another one."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    ForbiddenError,
    UnconfirmedRefusalError,
)
from support.exchange import Exchange, Fault
from support.faults import FORBIDDEN, FORBIDDEN_BODY, answer_with, forward
from support.manifest_sources import ServerSource
from support.proxy import Proxy
from support.servers import on_the_devserver
from support.steady_lookups import SteadyLookups


def refuse_name(name: str) -> Fault:
    """Refuse to return the Secret of this name, and end the connection after each response."""

    def fault(exchange: Exchange) -> bool:
        path = exchange.request.target.partition("?")[0]
        refusal = answer_with(403, FORBIDDEN_BODY, headers={"Connection": "close"})
        return (refusal if path.endswith(f"/{name}") else forward)(exchange)

    return fault


@on_the_devserver
class TestSeveralOperations:
    """Kubernetes authorizes by verb, namespace and name, so a refusal of one request does not apply to others."""

    @pytest.fixture
    def backend(self, source: ServerSource) -> KubernetesSecretsBackend:
        for name in ("one", "two"):
            source.put({}, f"{name}'s value", name=name)
        references = {"variables": {"one": "one", "two": "two"}}
        return source.make_backend(references=references, cache_ttl=0, timeout=5)

    def test_forbidden_secret_does_not_confirm_the_refusal_of_another_secret(
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

    def test_allowed_secret_does_not_delay_the_refusal_of_another_secret(
        self, proxy: Proxy, backend: KubernetesSecretsBackend
    ) -> None:
        """This also holds if each response ends its connection."""
        assert backend.get_variable("two") == "two's value"
        proxy.always = refuse_name("two")
        lookups = SteadyLookups()
        lookups.start(lambda: "found" if backend.get_variable("one") == "one's value" else None)
        try:
            with pytest.raises(ForbiddenError):
                backend.get_variable("two")
        finally:
            lookups.stop()

        assert lookups.problems == []

    def test_unconfirmed_refusal_begins_no_outage(
        self, source: ServerSource, proxy: Proxy, backend: KubernetesSecretsBackend
    ) -> None:
        references = {"variables": {"one": "one", "two": "two"}}
        # Less than the second after which a refusal is confirmed.
        hasty = source.make_backend(references=references, cache_ttl=0, timeout=0.9)
        proxy.always = refuse_name("two")
        with pytest.raises(UnconfirmedRefusalError):
            hasty.get_variable("two")

        assert hasty.get_variable("one") == "one's value"
