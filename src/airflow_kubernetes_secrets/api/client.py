"""The Kubernetes API for this project's few calls, with kept connections, a deadline and retries.

A client belongs to one process. Threads share it: each takes a connection for itself while it asks.
"""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple
from urllib.parse import quote

from airflow_kubernetes_secrets.api.connection import Connection, TransportError
from airflow_kubernetes_secrets.api.credentials import Credentials
from airflow_kubernetes_secrets.api.deadline import Deadline
from airflow_kubernetes_secrets.api.http1 import Response
from airflow_kubernetes_secrets.api.objects import MalformedBodyError, Secret, parse_secret_list, status_message
from airflow_kubernetes_secrets.api.permissions import ANONYMOUS, forbidden_text, refused_user
from airflow_kubernetes_secrets.api.retry import RETRIED_STATUSES, Backoff, retry_after_seconds
from airflow_kubernetes_secrets.errors import ApiError, ApiUnavailableError, ForbiddenError, UnauthorizedError
from airflow_kubernetes_secrets.labels import LabelSelector
from airflow_kubernetes_secrets.version import __version__

# More idle connections than threads that look things up at the same moment are of no use.
_IDLE_CONNECTIONS = 8

_BACKOFF = Backoff()

# A connection that was idle for so many seconds may be dead without anybody having said so (a firewall that forgot it).
# It gets only a share of the time, so that a new one still has most of it.
_DOUBTFUL_AFTER_SECONDS = 10.0
_DOUBTFUL_SHARE = 1 / 3


class _Failure(NamedTuple):
    """Why an attempt came to nothing.

    Attributes:
        remedy: what to do about it, where another attempt would come to nothing too.
        at_once: the next attempt needs no pause; the API server has not seen this one.
    """

    problem: str
    remedy: str = ""
    retry_after: float | None = None
    at_once: bool = False


class Client:
    """Reads Secrets from one API server."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        backoff: Backoff = _BACKOFF,
        doubtful_after: float = _DOUBTFUL_AFTER_SECONDS,
    ) -> None:
        """
        Args:
            doubtful_after: seconds after which an idle connection is no longer trusted to be alive.
        """
        self._credentials = credentials
        self._backoff = backoff
        self._doubtful_after = doubtful_after
        # Only connections between two exchanges are in here: whoever uses one takes it out, and puts it back after
        # a whole answer. An exception from a signal handler therefore cannot leave half an answer to the next user.
        # Append and pop are atomic, so no lock can be left locked either.
        self._idle: deque[Connection] = deque()

    def list_secrets(self, namespace: str, selector: LabelSelector, timeout: float) -> list[Secret]:
        """The Secrets that the selector matches, as the API server's watch cache has them (``resourceVersion=0``).

        Args:
            timeout: seconds that it may take in all.

        Raises:
            ApiUnavailableError: there was no usable answer in that time.
            ForbiddenError: 403.
            UnauthorizedError: 401.
            ApiError: another error that trying again does not mend.
            NotConfiguredError: the credentials can no longer be read.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
        """
        path = f"/api/v1/namespaces/{namespace}/secrets?labelSelector={quote(str(selector))}&resourceVersion=0"
        deadline = Deadline(timeout)
        attempts = 0
        while True:
            attempts += 1
            outcome = self._attempt(path, namespace, deadline)
            if not isinstance(outcome, _Failure):
                return outcome
            if outcome.at_once:
                continue
            pause = None if outcome.remedy else self._backoff.pause(attempts, deadline.left(), outcome.retry_after)
            if pause is None:
                raise self._unavailable(outcome, attempts, deadline.elapsed(), timeout)
            time.sleep(pause)

    def close(self) -> None:
        """Close the kept connections. The client can be used again."""
        while self._idle:
            self._idle.pop().close()

    def _attempt(self, path: str, namespace: str, deadline: Deadline) -> list[Secret] | _Failure:
        kept = self._take_kept()
        try:
            response = self._get(kept or self._connect(deadline), path, deadline)
            if response.status == 401:
                # A kept connection would also keep the old client certificate.
                self.close()
                self._credentials.renew()
                response = self._get(self._connect(deadline), path, deadline)
            if response.status == 200:
                return parse_secret_list(response.body)
        except TransportError as error:
            if kept is not None:
                # What killed it (a restart, a firewall) has hardly spared the others.
                self.close()
            return _Failure(str(error), error.remedy, at_once=kept is not None)
        except MalformedBodyError as error:
            return _Failure(str(error))
        message = status_message(response.body)
        if response.status in RETRIED_STATUSES:
            said = f"{response.status} {message}".strip()
            return _Failure(f"it answered {said}", retry_after=retry_after_seconds(response.headers.get("retry-after")))
        raise self._refusal(response.status, message, namespace)

    def _take_kept(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self, deadline: Deadline) -> Connection:
        return Connection(self._credentials.endpoint, self._credentials.tls(), deadline)

    def _get(self, connection: Connection, path: str, deadline: Deadline) -> Response:
        headers = {"Accept": "application/json", "User-Agent": f"airflow-kubernetes-secrets/{__version__}"}
        try:
            authorization = self._credentials.authorization()
            if authorization is not None:
                headers["Authorization"] = authorization
            if connection.idle_seconds() >= self._doubtful_after:
                deadline = deadline.part(_DOUBTFUL_SHARE)
            response = connection.get(path, headers, deadline)
        except BaseException:
            connection.close()
            raise
        if connection.is_open and len(self._idle) < _IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def _refusal(self, status: int, message: str, namespace: str) -> ApiError:
        server, source = self._credentials.endpoint, self._credentials.source
        user = refused_user(message)
        if status == 403 and user != ANONYMOUS:
            return ForbiddenError(forbidden_text(user, "list", namespace), status)
        if status == 403:
            return UnauthorizedError(
                f"the Kubernetes API at {server} got no credentials and takes this process for {ANONYMOUS}: {source} "
                "gives none. An exec plugin that fails is one cause",
                status,
            )
        if status == 401:
            return UnauthorizedError(
                f"the Kubernetes API at {server} does not accept {source}, which was read again: "
                "it has expired, was revoked, or is another cluster's. Mount a current one, or restart the pod",
                status,
            )
        return ApiError(f"the Kubernetes API at {server} answered {status} {message}".rstrip(), status)

    def _unavailable(self, failure: _Failure, attempts: int, seconds: float, timeout: float) -> ApiUnavailableError:
        if failure.remedy:
            remedy = f"{failure.remedy}; it came with {self._credentials.source}"
        else:
            remedy = (
                "Check that it runs and may be reached from here (network policies), "
                f"or raise 'timeout' in backend_kwargs, now {timeout:g} s"
            )
        return ApiUnavailableError(str(self._credentials.endpoint), failure.problem, attempts, seconds, remedy)
