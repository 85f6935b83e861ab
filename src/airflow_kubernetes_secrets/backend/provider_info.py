"""Metadata that Airflow shows in ``airflow providers list`` and ``airflow providers secrets``.

https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, in the format of Airflow's ``provider_info.schema.json``."""
    from airflow_kubernetes_secrets.version import __version__

    return {
        "package-name": "airflow-kubernetes-secrets",
        "name": "Kubernetes Secrets",
        "description": "Connections, variables and configuration from Kubernetes Secrets, found by label.",
        "versions": [__version__],
        "secrets-backends": ["airflow_kubernetes_secrets.KubernetesSecretsBackend"],
        # Airflow 3.2 and later loads these commands.
        "cli": ["airflow_kubernetes_secrets.cli.provider.get_cli_commands"],
    }
