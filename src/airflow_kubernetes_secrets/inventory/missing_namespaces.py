"""Namespaces that lookups search and that do not exist, such as those with a misspelt name."""

from __future__ import annotations

from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.snapshot import namespaces_of
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import create_namespace
from airflow_kubernetes_secrets.messages.advice import command_lines
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def missing_namespace(cluster: Cluster, namespace: str) -> str:
    """Return that a namespace does not exist, with the remedy; empty if it exists, or if this user may not know that.

    The API server returns an empty list for such a namespace, so lookups find nothing and nothing fails.

    Raises:
        KubernetesSecretsError: the API server cannot be queried.
    """
    if cluster.has_namespace(namespace) is not False:
        return ""
    return (
        f"namespace {namespace!r} does not exist. Correct its name in --namespace or backend_kwargs, or create it:"
        + command_lines(create_namespace(cluster.kubectl, namespace))
    )


def missing_namespaces(options: Options, location: BackendLocation) -> list[str]:
    """Return which of the searched namespaces do not exist, each with its remedy. What cannot be read is skipped."""
    if not isinstance(location, Cluster):
        return []
    try:
        found = [missing_namespace(location, each) for each in namespaces_of(options, location)]
    except KubernetesSecretsError:
        return []
    return [each for each in found if each]
