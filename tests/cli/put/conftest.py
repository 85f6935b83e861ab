"""The command ``put``, with an API server and without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from airflow_kubernetes_secrets.cli.main import main
from support import kubeconfigs
from support.airflow import BACKEND
from support.cluster import Cluster
from support.commands import SECRET, Done
from support.proxy import Proxy
from support.put_command import PutCommand
from support.standard_input import on_standard_input


@pytest.fixture
def put(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> PutCommand:
    return PutCommand(cluster, namespace, monkeypatch, capsys)


@pytest.fixture
def proxy(put: PutCommand) -> Iterator[Proxy]:
    """Return a proxy in front of the API server, to which the command sends its requests."""
    with Proxy(put.cluster) as proxy:
        path = put.cluster.kubeconfig(put.cluster.admin_token, put.namespace)
        server = {"server": f"https://{proxy.host}:{proxy.port}", "certificate-authority": str(proxy.ca_file)}
        kubeconfigs.edit(path, lambda config: config["clusters"][0].update(cluster=server))
        put.kubeconfig = str(path)
        put.configure()
        yield proxy


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return a function that runs the command without an API server, and returns its exit status and its output."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "AIRFLOW__SECRETS__BACKEND_KWARGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)

    def run(*arguments: str, stdin: bytes = b"") -> Done:
        on_standard_input(monkeypatch, stdin)
        capsys.readouterr()
        status = main(["put", *arguments])
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        return Done(status, shown.out, shown.err)

    return run
