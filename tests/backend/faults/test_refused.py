"""An API server that refuses: missing permissions, and unknown credentials."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
    ForbiddenError,
    NotConfiguredError,
    UnauthorizedError,
)
from support.cluster import Cluster, ServiceAccount
from support.deadlines import ends_within
from support.errors import everything_about
from support.exchange import Exchange
from support.faults import answer_with, forward
from support.logs import log_messages
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.waiting import until


class TestForbidden:
    @pytest.mark.parametrize("grants", [[], ["get", "watch"]], ids=["nothing", "other verbs"])
    def test_error_contains_the_commands_that_grant_the_permission(
        self,
        cluster: Cluster,
        namespace: str,
        make_backend: MakeBackend,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        grants: list[str],
    ) -> None:
        account = cluster.service_account(namespace, "powerless", {namespace: grants})
        put.variable("x", "found")
        backend = make_backend(service_account_path=str(account.folder))

        with pytest.raises(ForbiddenError) as raised:
            backend.get_variable("x")
        with pytest.raises(ForbiddenError):
            backend.get_connection("y")

        assert str(raised.value) == (
            f"the service account 'powerless' of namespace '{namespace}' may not list secrets in namespace "
            f"'{namespace}'. Grant it:\n  kubectl create role airflow-kubernetes-secrets --namespace={namespace} "
            "--verb=list --resource=secrets --dry-run=client -o yaml | kubectl auth reconcile -f -\n  kubectl create "
            f"rolebinding airflow-kubernetes-secrets-{namespace}-powerless --namespace={namespace} "
            f"--role=airflow-kubernetes-secrets --serviceaccount={namespace}:powerless"
        )
        assert len(log_messages(caplog)) == 1

    @pytest.mark.parametrize(
        ("user", "subject", "binding"),
        [
            ("jane@example.com", "jane@example.com", "jane-example-com"),
            ("O'Brien $(id)", "'O'\"'\"'Brien $(id)'", "o-brien-id"),
        ],
    )
    def test_error_names_a_human_user(
        self, proxied: MakeBackend, proxy: Proxy, user: str, subject: str, binding: str
    ) -> None:
        message = f'secrets is forbidden: User "{user}" cannot list resource "secrets"'
        proxy.always = answer_with(403, json.dumps({"kind": "Status", "message": message}).encode())

        with pytest.raises(ForbiddenError) as raised:
            proxied().get_variable("x")

        assert f"the user {user!r} may not list secrets" in str(raised.value)
        assert f"rolebinding airflow-kubernetes-secrets-{binding} " in str(raised.value)
        assert str(raised.value).endswith(f" --user={subject}")

    def test_error_grants_no_permission_to_anonymous_users(self, proxied: MakeBackend, proxy: Proxy) -> None:
        message = 'secrets is forbidden: User "system:anonymous" cannot list resource "secrets"'
        proxy.always = answer_with(403, json.dumps({"kind": "Status", "message": message}).encode())

        with pytest.raises(UnauthorizedError, match="received no credentials") as raised:
            proxied().get_variable("x")

        assert "kubectl" not in str(raised.value)

    def test_a_proxy_that_forbids_without_a_status(self, proxied: MakeBackend, proxy: Proxy) -> None:
        proxy.always = answer_with(403, b"<html>no</html>")

        with pytest.raises(ForbiddenError, match="answered 403, without a message of the API") as raised:
            proxied().get_variable("x")

        # Permissions of Kubernetes may not be what is missing.
        assert "kubectl" not in str(raised.value)


class TestUnauthorized:
    def test_after_a_401_the_token_is_read_again_and_retried_once(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        backend = proxied()
        token_file = next(proxy.ca_file.parent.glob("serviceaccount-*")) / "token"
        valid = token_file.read_text()
        token_file.write_text("expired")
        # Another option leads to another client, which reads the expired token.
        other = proxied(timeout=9)
        with pytest.raises(UnauthorizedError):
            other.get_variable("x")
        token_file.write_text(valid)
        before = len(proxy.requests)

        assert other.get_variable("x") == "found"

        first, second = proxy.requests[before:]
        assert first.headers["authorization"] == "Bearer expired"
        assert second.headers["authorization"] == f"Bearer {valid}"
        # An open connection would continue to use the old client certificate too.
        assert first.connection != second.connection
        assert backend.get_variable("x") == "found"

    def test_after_a_401_old_connections_are_not_reused(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """An old connection would use the old client certificate."""
        put.variable("x", "found")
        backend = proxied()
        assert backend.get_variable("x") == "found"
        proxy.faults.append(answer_with(401))
        assert backend.get_variable("x") == "found"
        assert [request.connection for request in proxy.requests] == [1, 1, 2]

        def together(exchange: Exchange) -> bool:
            until(lambda: len(proxy.requests) == 5)
            return forward(exchange)

        proxy.faults.extend([together, together])
        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(backend.get_variable, ["x", "x"])) == ["found", "found"]

        assert {request.connection for request in proxy.requests[3:]} == {2, 3}

    def test_a_token_that_stays_invalid(
        self, make_backend: MakeBackend, account: ServiceAccount, caplog: pytest.LogCaptureFixture
    ) -> None:
        (account.folder / "token").write_text("hunter2")

        with (
            ends_within(1),
            pytest.raises(UnauthorizedError, match="does not accept the service account's token") as raised,
        ):
            make_backend().get_variable("x")

        assert str(account.folder / "token") in str(raised.value)
        assert "hunter2" not in str(raised.value)
        assert "hunter2" not in caplog.text

    def test_a_token_with_a_line_break_sends_no_second_header(self, proxied: MakeBackend, proxy: Proxy) -> None:
        [folder] = proxy.ca_file.parent.glob("serviceaccount-*")
        (folder / "token").write_text("hunter2\r\nX-Remote-User: admin")

        with (
            ends_within(1),
            pytest.raises(ApiUnavailableError, match="contains a character that HTTP does not allow") as raised,
        ):
            proxied(timeout=30).get_variable("x")

        assert proxy.requests == []
        assert f"Correct it; it came with the service account's token in {folder}/token" in str(raised.value)
        assert "hunter2" not in everything_about(raised.value)

    def test_token_file_that_was_deleted(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied()
        assert backend.get_variable("x") == "found"
        [folder] = proxy.ca_file.parent.glob("serviceaccount-*")
        shutil.rmtree(folder)
        proxy.always = answer_with(401)

        with pytest.raises(NotConfiguredError, match="token cannot be read: No such file"):
            backend.get_variable("x")
