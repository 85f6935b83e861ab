"""The source that asks the Kubernetes API each time: as fresh as the API server's own watch cache."""

from __future__ import annotations

import os

from airflow_kubernetes_secrets.api.client import Client
from airflow_kubernetes_secrets.api.credentials import Credentials, ServiceAccountCredentials, in_a_pod
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.labels import LabelSelector
from airflow_kubernetes_secrets.options import Options, is_namespace


class DirectSource:
    """One LIST for every question. It keeps connections, and no Secrets."""

    def __init__(self, client: Client, namespace: str, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self.namespace = namespace

    @classmethod
    def from_options(cls, options: Options) -> DirectSource:
        """
        Raises:
            NotConfiguredError: there is no way to the API, or no namespace to look in.
        """
        credentials = _credentials(options)
        namespace = options.namespace or credentials.namespace()
        if not is_namespace(namespace):
            raise NotConfiguredError(
                f"the namespace that comes with {credentials.source} is not the name of one. "
                "Set 'namespace' in backend_kwargs"
            )
        return cls(Client(credentials), namespace, options.timeout)

    def find(self, selector: LabelSelector) -> list[Secret]:
        return self._client.list_secrets(self.namespace, selector, self._timeout)

    def close(self) -> None:
        self._client.close()


def _credentials(options: Options) -> Credentials:
    """A kubeconfig in the options, else those of the pod, else the kubeconfig that ``KUBECONFIG`` names.

    In a pod the variable may be there for another cluster, the one that tasks work with.
    """
    kubeconfig = options.kubeconfig or ("" if in_a_pod() else os.environ.get("KUBECONFIG", ""))
    if kubeconfig:
        from airflow_kubernetes_secrets.api.kubeconfig import KubeconfigCredentials

        return KubeconfigCredentials(kubeconfig, options.context)
    if options.context:
        raise NotConfiguredError(
            f"context {options.context!r} is one of a kubeconfig, and none is named; set 'kubeconfig' in backend_kwargs"
        )
    return ServiceAccountCredentials(options.service_account_path)
