"""The Secrets of one configuration from its Kubernetes API: one client, one outage, and a cache for each namespace."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.errors import ApiError, NotConfiguredError, UnauthorizedError
from airflow_kubernetes_secrets.kubernetes.client import Client
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials, ServiceAccountCredentials, in_a_pod
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE, is_namespace
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Resource, Secret
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.process import importing
from airflow_kubernetes_secrets.sources.namespace import Namespace
from airflow_kubernetes_secrets.sources.namespace_api import NamespaceApi
from airflow_kubernetes_secrets.sources.outage import ApiServerState
from airflow_kubernetes_secrets.sources.query import Query

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.kubernetes.refusals import ErrorResponse
    from airflow_kubernetes_secrets.sources.cache_policy import CachePolicy
    from airflow_kubernetes_secrets.sources.index_results import IndexResults


class ApiSource:
    """A source of Secrets; see :class:`airflow_kubernetes_secrets.sources.source.Source`.

    Attributes:
        index_results: decisions that came from the indexes; replaced when an index changes. ``None`` without indexes.
    """

    def __init__(self, client: Client, default_namespace: str, options: Options) -> None:
        """Create a source. It sends no request yet.

        Args:
            default_namespace: the namespace of queries without one.
        """
        self._client = client
        self._default_namespace = default_namespace
        self._options = options
        self._server_state = ApiServerState()
        # Each resource in a namespace has its own permissions, so a 403 for one does not concern the others.
        self._by_resource: dict[Resource, dict[str, Namespace]] = {resource: {} for resource in options.resources}
        self.index_results: IndexResults | None = None
        self._index_changed()

    @classmethod
    def from_options(cls, options: Options) -> ApiSource:
        """Create the source that the options describe.

        Raises:
            NotConfiguredError: there are no usable credentials, or there is no namespace to look in.
        """
        # Import these here, and not in the middle of a lookup. A fork waits for this lock, and nothing here waits for
        # the network.
        with importing.lock:
            from airflow_kubernetes_secrets.kubernetes import decode  # noqa: F401  # only to load it

            if options.cache_ttl:
                from airflow_kubernetes_secrets.sources import index_results  # noqa: F401  # only to load it
        credentials = credentials_of(options)
        default_namespace = options.namespace[0] if options.namespace else credentials.namespace()
        if not is_namespace(default_namespace):
            raise NotConfiguredError(
                f"the namespace from {credentials.source} is not a valid name. Set 'namespace' in backend_kwargs"
            )

        def error_of(response: ErrorResponse) -> ApiError:
            # Most processes never get a response with an error status.
            with importing.lock:
                from airflow_kubernetes_secrets.sources.api_errors import ApiErrors

            referenced = _referenced(options, default_namespace)
            errors = ApiErrors(verbs_of(options), options.resources, referenced, kubectl=options.kubectl)
            return errors.error_of(response)

        return cls(Client(credentials, error_of), default_namespace, options)

    def find_in_memory(self, query: Query) -> Sequence[Secret] | None:
        namespace = self._by_resource[query.resource].get(query.namespace or self._default_namespace)
        return None if namespace is None else namespace.find_in_memory(query)

    def find(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        return self._namespace(query).find(query, time.deadline)

    def find_uncached(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        return self._namespace(query).find_uncached(query, time.deadline)

    def measurements(self) -> dict[str, float]:
        indexes = [index for namespace in self._namespaces() for index in namespace.indexes()]
        now = monotonic()
        return {
            "outage": float(self._server_state.error is not None),
            "index.secrets": sum(size for size, _confirmed_at in indexes),
            "index.age": max((now - confirmed_at for _size, confirmed_at in indexes), default=0.0),
        }

    def close(self) -> None:
        for namespace in self._namespaces():
            namespace.close()
        self._client.close()

    def after_fork(self) -> None:
        self._client.after_fork()
        self._server_state.after_fork()
        # At the fork, the parent's watch may have been changing an index. Its thread does not exist in the child.
        self._index_changed()
        for namespace in self._namespaces():
            namespace.after_fork()

    def _index_changed(self) -> None:
        if self._options.cache_ttl:
            from airflow_kubernetes_secrets.sources.index_results import IndexResults

            self.index_results = IndexResults(self._policy_of)

    def _policy_of(self, query: Query) -> CachePolicy | None:
        namespace = self._by_resource[query.resource].get(query.namespace or self._default_namespace)
        return None if namespace is None else namespace.policy_of(query)

    def _namespace(self, query: Query) -> Namespace:
        namespaces, name = self._by_resource[query.resource], query.namespace or self._default_namespace
        namespace = namespaces.get(name)
        # Threads that first need it at the same moment get the same object.
        return namespaces.setdefault(name, self._make(query.resource, name)) if namespace is None else namespace

    def _namespaces(self) -> list[Namespace]:
        return [namespace for namespaces in self._by_resource.values() for namespace in list(namespaces.values())]

    def _make(self, resource: Resource, name: str) -> Namespace:
        options = self._options
        keeps_results = options.outage_ttl > 0 or options.cache_ttl > 0
        api = NamespaceApi(
            self._client, self._server_state, resource, name, options.timeout, keeps_results=keeps_results
        )
        policies = {}
        if options.cache_ttl:
            from airflow_kubernetes_secrets.sources.cache_policy import CachePolicy

            labels = [options.variables_label]
            if resource is SECRETS:
                labels.append(options.connections_label)
            if options.bundles and any(labels):
                labels.append(BUNDLE)
            for label in labels:
                if label is not None:
                    policies[label] = policy = CachePolicy(api, label, options.cache_ttl)
                    policy.on_change = self._index_changed
        max_age = options.cache_ttl + options.outage_ttl if options.outage_ttl else 0.0
        namespace = Namespace(api, policies, options.cache_ttl, max_age)
        api.on_refusal = lambda error: self._refused(namespace, error)
        return namespace

    def _refused(self, namespace: Namespace, error: ApiError) -> None:
        """Forget what this process may no longer use: after a 403 that resource in that namespace, after a 401 all."""
        for each in self._namespaces() if isinstance(error, UnauthorizedError) else [namespace]:
            each.forget()


def _referenced(options: Options, default_namespace: str) -> dict[str, tuple[str, ...]]:
    """Return the names of the Secrets that references name, for each namespace."""
    names_by_namespace: dict[str, tuple[str, ...]] = {}
    for namespace, names in options.referenced.items():
        # The options can name one namespace in both ways.
        each = namespace or default_namespace
        names_by_namespace[each] = tuple(sorted({*names_by_namespace.get(each, ()), *names}))
    return names_by_namespace


def verbs_of(options: Options) -> tuple[str, ...]:
    """Return the verbs that lookups with these options need on all Secrets of a namespace."""
    if not options.cache_ttl or not (options.connections_label or options.variables_label):
        return ("list",)
    from airflow_kubernetes_secrets.sources.cache_policy import SHORTEST_WATCHED_TTL

    return ("list", "watch") if options.cache_ttl >= SHORTEST_WATCHED_TTL else ("list",)


def credentials_of(options: Options) -> Credentials:
    """Return the credentials of the kubeconfig in the options, of the pod, or of the kubeconfig in ``KUBECONFIG``.

    The first of these that exists is used. In a pod, ``KUBECONFIG`` is ignored: it may be set for another cluster, in
    which tasks work.

    Raises:
        NotConfiguredError: there are no credentials, or they are unusable.
    """
    kubeconfig = options.kubeconfig or ("" if in_a_pod() else os.environ.get("KUBECONFIG", ""))
    if kubeconfig:
        with importing.lock:
            from airflow_kubernetes_secrets.kubernetes.kubeconfig import KubeconfigCredentials

        return KubeconfigCredentials(kubeconfig, options.context)
    if options.context:
        raise NotConfiguredError(
            f"context {options.context!r} requires a kubeconfig; set 'kubeconfig' in backend_kwargs, or add "
            "--kubeconfig to the command"
        )
    return ServiceAccountCredentials(options.service_account_path)
