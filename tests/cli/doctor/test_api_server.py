"""``doctor`` on the API server: a test produces each finding."""

from __future__ import annotations

import socket

import pytest

from airflow_kubernetes_secrets.inventory import cluster as inventory_cluster
from support.cluster import Cluster
from support.commands import SECRET, Commands
from support.exchange import Exchange
from support.faults import answer_with, forward, late
from support.findings import doctor, error, only
from support.proxy import Proxy
from support.servers import on_the_devserver


@on_the_devserver
class TestApiServer:
    def test_unreachable_api_server(self, commands: Commands) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            commands.set("KUBERNETES_SERVICE_PORT", str(taken.getsockname()[1]))
            findings = doctor(commands, status=1)
        assert only(findings)["code"] == "unreachable"
        assert findings[-1]["status"] == "skipped"

    @pytest.mark.parametrize("timeout", [5, 0.5])
    def test_api_server_that_refuses_version_and_access_reviews(
        self, cluster: Cluster, commands: Commands, timeout: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On a hardened server not every user may read its version, or review permissions.

        A short timeout leaves a lookup no time to confirm a 403, but a command takes that time.
        """
        # The shortest timeout of a command, 2 s, is not enough on a busy machine.
        monkeypatch.setattr(inventory_cluster, "_SHORTEST_TIMEOUT", 5.0)
        forbidden = '{"kind": "Status", "code": 403, "message": "forbidden: User \\"x\\" cannot get path \\"/\\""}'

        def refuse(exchange: Exchange) -> bool:
            if "/secrets" in exchange.request.target:
                return forward(exchange)
            answer_with(403, forbidden.encode())(exchange)
            return False  # a body that was not read may follow

        with Proxy(cluster) as proxy:
            proxy.always = refuse
            for name, value in proxy.pod_environment().items():
                commands.set(name, value)
            commands.configure(timeout=timeout, service_account_path=str(proxy.folder(commands.account)))
            findings = doctor(commands, status=0)
        assert any("of unknown version" in each["text"] for each in findings)
        skipped = next(each for each in findings if each["status"] == "skipped")
        assert skipped["text"].startswith("not checked: the user 'x' may not request /apis/authorization.k8s.io/")
        assert skipped["text"].endswith(". Have an administrator allow it, or use another user")
        assert findings[-1]["text"] == "0 connections, 0 variables, 0 configuration options can be read"

    def test_slow_api_server(self, cluster: Cluster, commands: Commands) -> None:
        with Proxy(cluster) as proxy:
            proxy.always = late(0.2)
            for name, value in proxy.pod_environment().items():
                commands.set(name, value)
            commands.configure(timeout=0.6, service_account_path=str(proxy.folder(commands.account)))
            findings = commands.run("doctor", "-o", "json", status=(0, 1)).document["findings"]
        slow = next(each for each in findings if each["code"] == "slow")
        assert "timeout is 0.6 s, the limit for a lookup with all its attempts" in slow["text"]

    def test_unknown_token(self, commands: Commands) -> None:
        (commands.account.folder / "token").write_text(f"{SECRET}-unknown")
        assert "does not accept the service account's token" in error(commands, "unreachable")
