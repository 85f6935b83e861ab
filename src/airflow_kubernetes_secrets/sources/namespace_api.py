"""One resource in one namespace of the API server: reachable, unavailable, or refusing requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiResponseTooLargeError,
    ApiUnavailableError,
    ExpiredVersionError,
    ForbiddenError,
    UnauthorizedError,
    UnconfirmedRefusalError,
)
from airflow_kubernetes_secrets.kubernetes.client import Client, Watch
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import Resource, Secret
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.sources.outage import ApiServerState, LastResults
from airflow_kubernetes_secrets.sources.query import LabelQuery, NameQuery, Query

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.kubernetes.decode import SecretList
    from airflow_kubernetes_secrets.sources.index import Index


class NamespaceApi:
    """Read the objects of one resource in one namespace from the API server.

    Attributes:
        resource: the resource, such as Secrets.
        namespace: the name of the namespace.
        timeout: the seconds for a whole lookup.
        on_refusal: called when the API server does not let this process read them (401, 403).
    """

    def __init__(
        self,
        client: Client,
        server_state: ApiServerState,
        resource: Resource,
        namespace: str,
        timeout: float,
        *,
        keeps_results: bool,
    ) -> None:
        """Create a reader. It sends no request yet.

        Args:
            server_state: the state of the API server, which all its namespaces share.
            keeps_results: whether to store the last responses.
        """
        self._client = client
        self._server_state = server_state
        self._last_results = LastResults() if keeps_results else None
        # Incremented when something is forgotten: the response to an earlier request must not be stored after that.
        self._epoch = 0
        self.resource = resource
        self.namespace = namespace
        self.timeout = timeout
        self.on_refusal: Callable[[ApiError], None] = lambda _error: None

    @property
    def is_unavailable(self) -> bool:
        """Whether the API server is unavailable."""
        return self._server_state.error is not None

    def fetch(self, query: Query, seconds: float) -> list[Secret]:
        """Return the Secrets for a query from the API server.

        Args:
            seconds: the most seconds that the request may take. During an outage it takes less, or is not sent at all.

        Raises:
            KubernetesSecretsError: as for :meth:`Client.list_objects`.
        """
        requested_at, epoch, deadline = monotonic(), self._epoch, Deadline(seconds)
        allowed = self._server_state.seconds_for(seconds)
        try:
            found = self._request(query, allowed) if allowed == seconds else self._probe(query, allowed, deadline)
        except UnconfirmedRefusalError:
            # The server can be reached, so no outage begins.
            self._note_response()
            raise
        except ApiUnavailableError as error:
            self._server_state.record_failure(error, requested_at)
            raise
        except ApiResponseTooLargeError:
            # Something else may have sent it, so it ends no outage.
            raise
        except ApiError as error:
            self._note_response()
            self._note_refusal(query, error)
            raise
        self._note_response()
        if self._last_results is not None and self._epoch == epoch:
            self._last_results.remember(query, requested_at, found)
        return found

    def last_result(self, query: Query, max_age: float) -> tuple[float, list[Secret]] | None:
        """Return when the query was last sent and its result; ``None`` if that was ``max_age`` seconds ago or more."""
        return None if self._last_results is None else self._last_results.get(query, max_age)

    def fetch_index(self, label: str, seconds: float, not_older_than: str | None = None) -> Index:
        """List all Secrets that have the label, once.

        Args:
            seconds: the most seconds that this may take.
            not_older_than: the version of an earlier index. If one of several API servers is behind, it waits until it
                has caught up. If no server reaches or knows this version (etcd was restored from a backup), any list is
                taken.

        Raises:
            KubernetesSecretsError: as for :meth:`Client.list_objects`. Other queries may still succeed: listing
                everything may be forbidden, or take too long.
        """
        # The caller has loaded it. A process without a cache does not need it.
        from airflow_kubernetes_secrets.sources.index import Index

        requested_at, deadline = monotonic(), Deadline(seconds)
        selector = LabelSelector.exists(label)
        found = None
        try:
            if not_older_than is not None:
                with suppress(ApiUnavailableError, ExpiredVersionError):
                    found = self._list_once(selector, deadline.part(0.5).left(), not_older_than)
            if found is None:
                requested_at = monotonic()
                found = self._list_once(selector, deadline.left(), "0")
        except ApiResponseTooLargeError:
            raise
        except (ApiError, ExpiredVersionError, UnconfirmedRefusalError):
            self._note_response()
            raise
        self._note_response()
        return Index(label, found.secrets, found.resource_version, requested_at)

    def watch(self, label: str, resource_version: str, seconds: int, timeout: float) -> Watch:
        """Watch all Secrets that have the label.

        Raises:
            KubernetesSecretsError: as for :meth:`Client.watch_objects`.
        """
        selector = LabelSelector.exists(label)
        try:
            watch = self._client.watch_objects(
                self.resource, self.namespace, selector, resource_version, seconds=seconds, timeout=timeout
            )
        except (ApiError, ExpiredVersionError, UnconfirmedRefusalError) as error:
            self._note_response()
            # A 403 is not reported: listing may still be allowed.
            if isinstance(error, UnauthorizedError):
                self.on_refusal(error)
            raise
        self._note_response()
        return watch

    def forget(self) -> None:
        """Drop the last responses."""
        self._epoch += 1
        if self._last_results is not None:
            self._last_results.forget()

    def _probe(self, query: Query, seconds: float, deadline: Deadline) -> list[Secret]:
        """Send a query during an outage. If the server responds with a refusal, confirm it in the time that is left."""
        try:
            return self._request(query, seconds)
        except UnconfirmedRefusalError:
            self._note_response()
        return self._request(query, deadline.left())

    def _request(self, query: Query, seconds: float) -> list[Secret]:
        if isinstance(query, LabelQuery):
            return self._client.list_objects(self.resource, self.namespace, query.selector, seconds).secrets
        secret = self._client.get_object(self.resource, self.namespace, query.name, seconds)
        return [] if secret is None else [secret]

    def _list_once(self, selector: LabelSelector, seconds: float, not_older_than: str) -> SecretList:
        return self._client.list_once(
            self.resource, self.namespace, selector, timeout=seconds, not_older_than=not_older_than
        )

    def _note_refusal(self, query: Query, error: ApiError) -> None:
        if isinstance(query, NameQuery) and isinstance(error, ForbiddenError):
            # Kubernetes authorizes by name, so this concerns no other Secret.
            self._epoch += 1
            if self._last_results is not None:
                self._last_results.drop(query)
        elif isinstance(error, (ForbiddenError, UnauthorizedError)):
            self.on_refusal(error)

    def _note_response(self) -> None:
        error = self._server_state.record_response()
        if error is not None:
            seconds = monotonic() - self._server_state.since
            notices.forget(error.log_key[:2])
            notices.forget(outage_notice(error))
            notices.log(
                logging.INFO,
                f"the Kubernetes API at {error.server} is available again; the first failed lookup was {seconds:.0f} "
                "s ago",
            )


def outage_notice(error: ApiUnavailableError) -> tuple[str, ...]:
    """Return the key of the notice that cached values cover an outage."""
    return ("outage", error.server)
