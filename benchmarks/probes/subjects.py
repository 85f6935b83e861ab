"""The subjects of the measurements: this backend, Apache's, and a bare TLS socket, the lower bound for both."""

from __future__ import annotations

from typing import Any, Protocol

from probes.served import FOLDER, NAMESPACE


class Subject(Protocol):
    """The interface of all three subjects."""

    def get_conn_value(self, conn_id: str) -> Any: ...


class Ours(Subject, Protocol):
    """The interface of this backend."""

    def get_variable(self, key: str) -> Any: ...


def make(who: str, **options: object) -> Subject:
    """Import and build a subject, as Airflow does.

    Args:
        options: the options of this backend; the other subjects ignore them.
    """
    return {"ours": ours, "peer": peer, "bare": bare}[who](**options)


def ours(**options: object) -> Ours:
    from airflow_kubernetes_secrets import KubernetesSecretsBackend

    backend: Ours = KubernetesSecretsBackend(namespace=NAMESPACE, service_account_path=FOLDER, **options)
    return backend


def peer(**_options: object) -> Subject:
    from airflow.providers.cncf.kubernetes.secrets.kubernetes_secrets_backend import KubernetesSecretsBackend
    from kubernetes.config import incluster_config

    # The peer has no option for the folder, and /var/run belongs to the machine.
    incluster_config.SERVICE_TOKEN_FILENAME = f"{FOLDER}/token"
    incluster_config.SERVICE_CERT_FILENAME = f"{FOLDER}/ca.crt"
    backend: Subject = KubernetesSecretsBackend(namespace=NAMESPACE)
    return backend


def bare(**_options: object) -> Subject:
    from probes.bare import BareSocket

    return BareSocket()


def other_ids(secrets: int, count: int) -> list[str]:
    """Return ids of other Secrets, spread over all of them; repeated if there are fewer than ``count``."""
    return [f"other-{number * max(secrets // count, 1) % secrets}" for number in range(count)]


def missing_ids(count: int) -> list[str]:
    """Return ids that no Secret has."""
    return [f"missing-{number}" for number in range(count)]
