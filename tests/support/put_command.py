"""``airflow-kubernetes-secrets put`` against one API server, and the Secrets that are stored there."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.process import restart
from support.airflow import BACKEND
from support.cluster import Cluster, checked
from support.commands import SECRET, Done
from support.standard_input import on_standard_input

UGLY = f"{SECRET} /?#@:%25&=+\"'\\$`<>\t{{}} ü漢\U0001f511 "


class PutCommand:
    """Runs the command against one API server, and checks that its output does not contain the password."""

    def __init__(
        self, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.kubeconfig = str(cluster.kubeconfig(cluster.admin_token, namespace))
        self.kwargs: dict[str, Any] = {}
        self.configure()

    def configure(self, **kwargs: object) -> None:
        """Set ``backend_kwargs``, in addition to the kubeconfig."""
        self.kwargs = {"kubeconfig": self.kubeconfig, **kwargs}
        self._monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
        self._monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(self.kwargs))

    def __call__(self, *arguments: str, stdin: str | bytes = b"") -> Done:
        on_standard_input(self._monkeypatch, stdin)
        self._capsys.readouterr()
        status = main(["put", *arguments])
        shown = self._capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        return Done(status, shown.out, shown.err)

    @property
    def kubectl(self) -> str:
        """The beginning of a command in a remedy. It names the kubeconfig, because kubectl's default can be another."""
        return f"kubectl --kubeconfig={self.kubeconfig}"

    @property
    def backend(self) -> KubernetesSecretsBackend:
        """A new backend with the options, without cached values. It sees every write before this call."""
        self.cluster.wait_for_watch_cache()
        restart()
        return KubernetesSecretsBackend(**self.kwargs)

    def stored(self, name: str, namespace: str | None = None) -> dict[str, Any]:
        """Return a stored Secret."""
        path = f"/api/v1/namespaces/{namespace or self.namespace}/secrets/{name}"
        return checked(self.cluster.admin.get(path))

    def data(self, name: str) -> dict[str, bytes]:
        """Return the decoded data of a stored Secret."""
        return {key: b64decode(value) for key, value in self.stored(name)["data"].items()}

    def names(self, namespace: str | None = None) -> list[str]:
        """Return the names of the stored Secrets."""
        items = checked(self.cluster.admin.get(f"/api/v1/namespaces/{namespace or self.namespace}/secrets"))["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def secret(self, name: str, data: Mapping[str, str], namespace: str | None = None, **metadata: object) -> None:
        """Create a Secret without the command."""
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace or self.namespace, **metadata},
                "data": {key: b64encode(value.encode()).decode() for key, value in data.items()},
            }
        )
