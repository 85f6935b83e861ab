"""The API server as one process knows it: within reach, away, or refusing."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from airflow_kubernetes_secrets import notices
from airflow_kubernetes_secrets.api.client import Client, Watch
from airflow_kubernetes_secrets.api.credentials import Credentials, ServiceAccountCredentials, in_a_pod
from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    ExpiredVersionError,
    ForbiddenError,
    NotConfiguredError,
    UnauthorizedError,
)
from airflow_kubernetes_secrets.labels import LabelSelector
from airflow_kubernetes_secrets.options import Options, is_namespace
from airflow_kubernetes_secrets.sources.index import Index
from airflow_kubernetes_secrets.sources.last_answers import LastAnswers
from airflow_kubernetes_secrets.sources.outage import Outage
from airflow_kubernetes_secrets.sources.query import Query


class ApiServer:
    """The Secrets of one namespace, at their source.

    Attributes:
        timeout: seconds that a lookup may take in all.
        on_refusal: called when the API server refuses this process (401, 403).
    """

    def __init__(self, client: Client, namespace: str, timeout: float, *, remembers: bool) -> None:
        """
        Args:
            remembers: whether to keep the last answers for an outage.
        """
        self._client = client
        self._namespace = namespace
        self._outage = Outage()
        self._last_answers = LastAnswers() if remembers else None
        self._answered_at = 0.0
        # What was asked for before everything was forgotten must not be remembered after.
        self._epoch = 0
        self.timeout = timeout
        self.on_refusal: Callable[[], None] = lambda: None

    @classmethod
    def from_options(cls, options: Options) -> ApiServer:
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
        return cls(Client(credentials, options.verbs), namespace, options.timeout, remembers=options.outage_ttl > 0)

    @property
    def is_away(self) -> bool:
        """Whether an outage is under way."""
        return self._outage.error is not None

    def find(self, query: Query, seconds: float) -> list[Secret]:
        """The Secrets that a lookup asks for.

        Args:
            seconds: that it may take at most; in an outage it takes less, or no time at all.

        Raises:
            KubernetesSecretsError: as of :meth:`Client.list_secrets`.
        """
        asked_at, epoch = monotonic(), self._epoch
        seconds = self._outage.seconds_for(seconds)
        try:
            found = self._client.list_secrets(self._namespace, query.selector, seconds).secrets
        except ApiUnavailableError as error:
            # If others were answered meanwhile, it is the trouble of this request alone.
            if self._answered_at < asked_at:
                self._outage.begin(error, monotonic() - asked_at)
            raise
        except (ForbiddenError, UnauthorizedError):
            self._answered()
            self.on_refusal()
            raise
        except ApiError:
            self._answered()
            raise
        self._answered()
        if self._last_answers is not None and self._epoch == epoch:
            self._last_answers.remember(query, asked_at, found)
        return found

    def last_answer(self, query: Query, longest: float) -> tuple[float, list[Secret]] | None:
        """When the query was last answered and how, unless that is longer ago than ``longest`` (seconds)."""
        return None if self._last_answers is None else self._last_answers.recall(query, longest)

    def fetch_index(self, label: str, seconds: float, not_older_than: str | None = None) -> Index:
        """List everything that has the label, once.

        Args:
            not_older_than: the version of an earlier index. Of several API servers one may be behind: it waits until
                it is not. Where no server ever gets there (etcd was restored from a backup), what there is will do.

        Raises:
            KubernetesSecretsError: as of :meth:`Client.list_secrets`. It says nothing of other questions: to list
                everything may be forbidden, or take too long.
        """
        asked_at, deadline = monotonic(), Deadline(seconds)
        selector = LabelSelector.exists(label)
        found = None
        try:
            if not_older_than is not None:
                with suppress(ApiUnavailableError, ExpiredVersionError):
                    found = self._client.list_once(self._namespace, selector, deadline.part(0.5).left(), not_older_than)
            if found is None:
                asked_at = monotonic()
                found = self._client.list_once(self._namespace, selector, deadline.left())
        except ApiError:
            self._answered()
            raise
        self._answered()
        return Index(label, found.secrets, found.resource_version, asked_at)

    def watch(self, label: str, resource_version: str, seconds: int, timeout: float) -> Watch:
        """Watch everything that has the label.

        Raises:
            KubernetesSecretsError: as of :meth:`Client.watch_secrets`.
        """
        selector = LabelSelector.exists(label)
        try:
            watch = self._client.watch_secrets(self._namespace, selector, resource_version, seconds, timeout)
        except UnauthorizedError:
            # A 403 is not the same: to list may still be allowed.
            self._answered()
            self.on_refusal()
            raise
        self._answered()
        return watch

    def forget(self) -> None:
        """Drop the last answers."""
        self._epoch += 1
        if self._last_answers is not None:
            self._last_answers.forget()

    def close(self) -> None:
        self.forget()
        self._client.close()

    def after_fork(self) -> None:
        """Leave what is the parent's to the parent."""
        self._client.after_fork()
        self._outage.after_fork()

    def _answered(self) -> None:
        self._answered_at = monotonic()
        error = self._outage.end()
        if error is not None:
            seconds = self._answered_at - self._outage.since
            notices.forget(error.cause[:2])
            notices.forget(bridged(error))
            notices.say(
                logging.INFO,
                f"the Kubernetes API at {error.server} answers again; a lookup was first in vain {seconds:.0f} s ago",
            )


def bridged(error: ApiUnavailableError) -> tuple[str, ...]:
    """The cause of a notice that memory bridges an outage."""
    return ("bridged", error.server)


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
