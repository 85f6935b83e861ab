"""Secrets for tests."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from support.cluster import Cluster

CONNECTION = "airflow.apache.org/connection-id"
VARIABLE = "airflow.apache.org/variable-key"
CONFIG = "airflow.apache.org/config-key"
TEAM = "airflow.apache.org/team"
BUNDLE = "airflow.apache.org/bundle"

if TYPE_CHECKING:
    from airflow_kubernetes_secrets import KubernetesSecretsBackend

MakeBackend = Callable[..., "KubernetesSecretsBackend"]

_numbers = itertools.count(1)


class Put:
    """Creates labelled Secrets in one namespace. Each call returns the stored object."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.namespace = namespace

    def __call__(
        self,
        labels: Mapping[str, str],
        value: str | bytes | None = None,
        *,
        name: str | None = None,
        data: Mapping[str, str | bytes] | None = None,
        annotations: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> dict[str, Any]:
        contents: dict[str, str | bytes] = dict(data or {})
        if value is not None:
            contents["value"] = value
        return self._cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name or f"secret-{next(_numbers)}",
                    "namespace": namespace or self.namespace,
                    "labels": dict(labels),
                    "annotations": dict(annotations or {}),
                },
                "data": {key: _base64(content) for key, content in contents.items()},
            }
        )

    def connection(
        self, conn_id: str, value: str | bytes | None, team: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Create the Secret of a connection."""
        return self({CONNECTION: conn_id, **_team(team)}, value, **more)

    def variable(self, key: str, value: str | bytes, team: str | None = None, **more: Any) -> dict[str, Any]:
        """Create the Secret of a variable."""
        return self({VARIABLE: key, **_team(team)}, value, **more)

    def config(self, key: str, value: str | bytes, **more: Any) -> dict[str, Any]:
        """Create the Secret of a configuration option."""
        return self({CONFIG: key}, value, **more)


def _team(team: str | None) -> dict[str, str]:
    return {} if team is None else {TEAM: team}


def _base64(content: str | bytes) -> str:
    return b64encode(content.encode() if isinstance(content, str) else content).decode()
