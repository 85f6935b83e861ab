"""An unavailable API server, with ``on_error`` ``deny``."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from support.errors import everything_about
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver

# The tested code is on the client's side, so the devserver is enough.
pytestmark = on_the_devserver


class TestDeny:
    def test_outage_raises_access_denied(self, proxied: MakeBackend, proxy: Proxy) -> None:
        from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

        backend = proxied(on_error="deny", timeout=0.3)
        proxy.refuse()

        for ask in (backend.get_conn_value, backend.get_connection, backend.get_variable):
            with pytest.raises(AirflowSecretsBackendAccessDenied, match=r"'x': the Kubernetes API at .* refused"):
                ask("x")

    def test_unusable_secret_raises_access_denied(self, proxied: MakeBackend, put: Put) -> None:
        from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

        put.connection("x", "a://b://c://user:hunter2@d", name="broken")

        with pytest.raises(AirflowSecretsBackendAccessDenied, match=f"Secret {put.namespace}/broken") as raised:
            proxied(on_error="deny").get_connection("x")

        assert "hunter2" not in everything_about(raised.value)

    def test_configuration_option_raises_the_original_error(self, proxied: MakeBackend, proxy: Proxy) -> None:
        backend = proxied(on_error="deny", timeout=0.3)
        proxy.refuse()

        with pytest.raises(ApiUnavailableError):
            backend.get_config("x")

    def test_a_miss_is_no_error(self, proxied: MakeBackend) -> None:
        assert proxied(on_error="deny").get_connection("x") is None

    def test_cached_value_is_used_in_an_outage(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied(on_error="deny", timeout=2)
        backend.get_variable("x")
        proxy.refuse()

        assert backend.get_variable("x") == "found"
