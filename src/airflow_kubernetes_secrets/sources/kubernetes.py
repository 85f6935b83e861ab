"""The Secrets of one configuration at its Kubernetes API: one client, one outage, and each namespace for itself."""

from __future__ import annotations

import os
from collections.abc import Sequence

from airflow_kubernetes_secrets.api.client import Client
from airflow_kubernetes_secrets.api.credentials import Credentials, ServiceAccountCredentials, in_a_pod
from airflow_kubernetes_secrets.api.deadline import Allowance
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import ApiError, NotConfiguredError, UnauthorizedError
from airflow_kubernetes_secrets.labels import is_namespace
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.sources.api_server import ApiServer
from airflow_kubernetes_secrets.sources.namespace import Namespace
from airflow_kubernetes_secrets.sources.outage import Outage
from airflow_kubernetes_secrets.sources.query import Query


class Kubernetes:
    """A source of Secrets; see :class:`airflow_kubernetes_secrets.sources.source.Source`."""

    def __init__(self, client: Client, home: str, options: Options) -> None:
        """
        Args:
            home: the namespace of queries that name none.
        """
        self._client = client
        self._home = home
        self._options = options
        self._outage = Outage()
        self._namespaces: dict[str, Namespace] = {}

    @classmethod
    def from_options(cls, options: Options) -> Kubernetes:
        """
        Raises:
            NotConfiguredError: there is no way to the API, or no namespace to look in.
        """
        # Here, and not when the first answer comes: a process that forks while another of its threads imports something
        # leaves the child a lock that nobody opens.
        from airflow_kubernetes_secrets.api import decode  # noqa: F401  # imported here, not in the middle of a lookup

        if options.cache_ttl:
            from airflow_kubernetes_secrets.sources import ladder  # noqa: F401  # imported here, not in the middle of a lookup
        credentials = credentials_of(options)
        home = options.namespace[0] if options.namespace else credentials.namespace()
        if not is_namespace(home):
            raise NotConfiguredError(
                f"the namespace that comes with {credentials.source} is not the name of one. "
                "Set 'namespace' in backend_kwargs"
            )
        referenced: dict[str, tuple[str, ...]] = {}
        for namespace, names in options.referenced.items():
            # One can be named in both ways.
            each = namespace or home
            referenced[each] = tuple(sorted({*referenced.get(each, ()), *names}))
        return cls(Client(credentials, options.verbs, referenced=referenced), home, options)

    def recall(self, query: Query) -> Sequence[Secret] | None:
        namespace = self._namespaces.get(query.namespace or self._home)
        return None if namespace is None else namespace.recall(query)

    def find(self, query: Query, time: Allowance) -> Sequence[Secret]:
        return self._namespace(query).find(query, time.deadline)

    def ask(self, query: Query, time: Allowance) -> Sequence[Secret]:
        return self._namespace(query).ask(query, time.deadline)

    def close(self) -> None:
        for namespace in list(self._namespaces.values()):
            namespace.close()
        self._client.close()

    def after_fork(self) -> None:
        self._client.after_fork()
        self._outage.after_fork()
        for namespace in self._namespaces.values():
            namespace.after_fork()

    def _namespace(self, query: Query) -> Namespace:
        name = query.namespace or self._home
        namespace = self._namespaces.get(name)
        # Threads that need it first at the same moment get the same one.
        return self._namespaces.setdefault(name, self._make(name)) if namespace is None else namespace

    def _make(self, name: str) -> Namespace:
        options = self._options
        remembers = options.outage_ttl > 0 or (options.cache_ttl > 0 and bool(options.references))
        server = ApiServer(self._client, self._outage, name, options.timeout, remembers=remembers)
        ladders = {}
        if options.cache_ttl:
            from airflow_kubernetes_secrets.sources.ladder import Ladder

            for label in (options.connections_label, options.variables_label):
                if label is not None:
                    ladders[label] = Ladder(server, label, options.cache_ttl)
        longest = options.cache_ttl + options.outage_ttl if options.outage_ttl else 0.0
        namespace = Namespace(server, ladders, options.cache_ttl, longest)
        server.on_refusal = lambda error: self._refused(namespace, error)
        return namespace

    def _refused(self, namespace: Namespace, error: ApiError) -> None:
        """What was remembered is no longer for this process to use: there, or after a 401 anywhere."""
        for each in list(self._namespaces.values()) if isinstance(error, UnauthorizedError) else [namespace]:
            each.forget()


def credentials_of(options: Options) -> Credentials:
    """A kubeconfig in the options, else those of the pod, else the kubeconfig that ``KUBECONFIG`` names.

    In a pod the variable may be there for another cluster, the one that tasks work with.

    Raises:
        NotConfiguredError: there are none, or they cannot be used.
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
