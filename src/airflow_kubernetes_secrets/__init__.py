"""Apache Airflow connections, variables and configuration from Kubernetes Secrets, found by label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.version import __version__

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.backend import KubernetesSecretsBackend

__all__ = ["KubernetesSecretsBackend", "__version__"]


def __getattr__(name: str) -> object:
    # The command line and the devserver work where Airflow is not installed or not able to start.
    if name == "KubernetesSecretsBackend":
        from airflow_kubernetes_secrets.backend import KubernetesSecretsBackend

        return KubernetesSecretsBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
