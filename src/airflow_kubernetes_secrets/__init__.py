"""Apache Airflow connections, variables and configuration from Kubernetes Secrets, found by label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.version import __version__

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.backend import KubernetesSecretsBackend
    from airflow_kubernetes_secrets.no_secrets import NoSecretsBackend

__all__ = ["KubernetesSecretsBackend", "NoSecretsBackend", "__version__"]


def __getattr__(name: str) -> object:
    # The command line and the devserver work where Airflow is not installed or not able to start.
    if name in ("KubernetesSecretsBackend", "NoSecretsBackend"):
        # While Airflow's configuration is read it imports the backend that is set there. Where that begins with the
        # import of this one, it would find half of it.
        import airflow.configuration  # noqa: F401  # it has to be imported before

        if name == "NoSecretsBackend":
            from airflow_kubernetes_secrets.no_secrets import NoSecretsBackend

            return NoSecretsBackend
        from airflow_kubernetes_secrets.backend import KubernetesSecretsBackend

        return KubernetesSecretsBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
