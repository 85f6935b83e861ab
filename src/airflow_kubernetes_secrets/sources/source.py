"""Where the Secrets of one configuration come from: a Kubernetes API, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from airflow_kubernetes_secrets.api.deadline import Allowance
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.sources.kubernetes import Kubernetes
from airflow_kubernetes_secrets.sources.query import Query


class Source(Protocol):
    """Answers queries, as fresh as the options want it.

    An answer may hold more Secrets than were asked for; see :attr:`LabelQuery.absent`.
    """

    def recall(self, query: Query) -> Sequence[Secret] | None:
        """The answer, if memory has it and it is fresh; else ``None``. It does not wait."""

    def find(self, query: Query, time: Allowance) -> Sequence[Secret]:
        """The answer, at most ``cache_ttl`` old; in an outage as old as ``outage_ttl`` allows beyond that.

        Raises:
            KubernetesSecretsError: it could not be had.
        """

    def ask(self, query: Query, time: Allowance) -> Sequence[Secret]:
        """The answer as it is now; in an outage the last one, if that is not older than is allowed.

        Raises:
            KubernetesSecretsError: it could not be had.
        """

    def close(self) -> None:
        """End what runs, and forget everything."""

    def after_fork(self) -> None:
        """In a forked child: leave what is the parent's to the parent. What is remembered stays."""


def source_of(options: Options) -> Source:
    """
    Raises:
        NotConfiguredError: there is no way to the API, or no namespace to look in.
    """
    if options.path is not None:
        from airflow_kubernetes_secrets.sources.folder import Folder

        return Folder(options.path, options.namespace)
    return Kubernetes.from_options(options)
