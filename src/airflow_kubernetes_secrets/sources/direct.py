"""The source that asks the Kubernetes API each time: as fresh as the API server's own watch cache."""

from __future__ import annotations

import os

from airflow_kubernetes_secrets.api.client import Client
from airflow_kubernetes_secrets.api.credentials import Credentials, ServiceAccountCredentials
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.labels import LabelSelector
from airflow_kubernetes_secrets.options import Options


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
        return cls(Client(credentials), options.namespace or credentials.namespace(), options.timeout)

    def find(self, selector: LabelSelector) -> list[Secret]:
        return self._client.list_secrets(self.namespace, selector, self._timeout)

    def close(self) -> None:
        self._client.close()


def _credentials(options: Options) -> Credentials:
    """A kubeconfig that somebody named comes before the pod's own credentials; none is ever looked for."""
    kubeconfig = options.kubeconfig or os.environ.get("KUBECONFIG")
    if kubeconfig:
        from airflow_kubernetes_secrets.api.kubeconfig import KubeconfigCredentials

        return KubeconfigCredentials(kubeconfig, options.context)
    if options.context:
        raise OptionError(
            f"backend_kwargs: context {options.context!r} is one of a kubeconfig, and none is named; set 'kubeconfig'"
        )
    return ServiceAccountCredentials(options.service_account_path)
