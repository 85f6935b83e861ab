"""Apache Airflow connections, variables and configuration from Kubernetes Secrets, found by label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.version import __version__

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.backend.kubernetes_secrets import KubernetesSecretsBackend
    from airflow_kubernetes_secrets.backend.no_secrets import NoSecretsBackend

__all__ = ["KubernetesSecretsBackend", "NoSecretsBackend", "__version__"]


def __getattr__(name: str) -> object:
    # Import lazily: the command line and the devserver also run where Airflow is not installed or cannot start.
    if name in ("KubernetesSecretsBackend", "NoSecretsBackend"):
        # While Airflow reads its configuration, it imports the configured backend. If the import started with the
        # backend module instead, Airflow would find that module only partly loaded.
        import airflow.configuration  # noqa: F401  # must be imported before the backend

        if name == "NoSecretsBackend":
            from airflow_kubernetes_secrets.backend.no_secrets import NoSecretsBackend

            return NoSecretsBackend
        from airflow_kubernetes_secrets.backend.kubernetes_secrets import KubernetesSecretsBackend

        return KubernetesSecretsBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
