"""A client for the few Kubernetes API calls of this project, with a deadline and retries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from airflow_kubernetes_secrets.counters import REQUEST, RETRY, counters
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    ExpiredVersionError,
    NotFoundError,
)
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.failures import (
    RETRIED_STATUSES,
    Backoff,
    Failure,
    RequestedPause,
    retry_after_seconds,
    server_of,
    too_large_error,
)
from airflow_kubernetes_secrets.kubernetes.http1 import Head, Response
from airflow_kubernetes_secrets.kubernetes.http_connection import HttpConnection, ResponseTooLargeError, TransportError
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import Resource, Secret
from airflow_kubernetes_secrets.kubernetes.refusals import (
    CONFIRMED_AFTER_SECONDS,
    ErrorResponse,
    Refusals,
    UnconfirmedRefusal,
)
from airflow_kubernetes_secrets.kubernetes.transport import DOUBTFUL_AFTER_SECONDS, Call, Transport

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.kubernetes.decode import SecretList
    from airflow_kubernetes_secrets.kubernetes.watch_events import WatchEvent

_BACKOFF = Backoff()

# With these statuses, a server does not accept the request as it is: its method, its length, its headers (RFC 9110,
# 15.5 and 15.6). To repeat it changes nothing.
_FINAL_STATUSES = frozenset({405, 411, 413, 414, 415, 417, 431, 501})

_REMEDY = "Check the address, its path, and what responds there"

Result = TypeVar("Result")


class _Operation:
    """A verb in a namespace, and its request."""

    __slots__ = ("call", "namespace", "verb")

    def __init__(self, verb: str, namespace: str, call: Call) -> None:
        self.verb = verb
        self.namespace = namespace
        self.call = call

    @property
    def path(self) -> str:
        """The path without the query. With the verb, it is what the API server allows or refuses."""
        return self.call.path.partition("?")[0]


class Client:
    """A client for one API server. It belongs to one process, whose threads share it."""

    def __init__(
        self,
        credentials: Credentials,
        error_of: Callable[[ErrorResponse], ApiError],
        *,
        as_user: str | None = None,
        backoff: Backoff = _BACKOFF,
        doubtful_after: float = DOUBTFUL_AFTER_SECONDS,
    ) -> None:
        """Create a client. It does not connect yet.

        Args:
            error_of: returns the error to raise for a response with an error status.
            as_user: the user to impersonate.
                https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
            doubtful_after: the seconds after which an idle connection may be dead.
        """
        self._credentials = credentials
        self._error_of = error_of
        self._as_user = as_user
        self._backoff = backoff
        self._refusals = Refusals()
        self._requested_pause = RequestedPause()
        self._transport = Transport(
            credentials, self._refusals.note_failure, as_user=as_user, doubtful_after=doubtful_after
        )

    @property
    def server(self) -> str:
        """Host and port of the API server, for messages."""
        return server_of(self._credentials)

    def list_objects(self, resource: Resource, namespace: str, selector: LabelSelector, timeout: float) -> SecretList:
        """Return the objects that match the selector, from the API server's watch cache (``resourceVersion=0``).

        Args:
            timeout: the seconds for the whole call.

        Raises:
            ApiUnavailableError: there was no usable response in that time.
            ForbiddenError: 403.
            UnauthorizedError: 401.
            ApiError: another error that a retry does not fix.
            NotConfiguredError: the credentials can no longer be read.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
        """
        from airflow_kubernetes_secrets.kubernetes.decode import parse_list

        call = Call(_list_path(resource, namespace, selector, "0"))
        parse = partial(parse_list, resource=resource, namespace=namespace)
        return self._send(_Operation("list", namespace, call), parse, timeout)

    def list_once(
        self,
        resource: Resource,
        namespace: str,
        selector: LabelSelector,
        *,
        timeout: float,
        not_older_than: str = "0",
    ) -> SecretList:
        """Return the objects that match the selector, from a single request.

        Args:
            timeout: the seconds for the whole call.
            not_older_than: the version of the collection that the result must have reached.

        Raises:
            ExpiredVersionError: the API server no longer knows the version.
            ApiUnavailableError: there was no usable response.
            ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for :meth:`list_objects`.
        """
        from airflow_kubernetes_secrets.kubernetes.decode import parse_list

        deadline = Deadline(timeout)
        call = Call(_list_path(resource, namespace, selector, not_older_than))
        parse = partial(parse_list, resource=resource, namespace=namespace)
        try:
            outcome = self._try(_Operation("list", namespace, call), parse, deadline)
        except ApiError as error:
            if error.status == 410:
                raise ExpiredVersionError(str(error)) from None
            raise
        if isinstance(outcome, Failure):
            raise self._unavailable(outcome, 1, deadline)
        return outcome

    def get_object(self, resource: Resource, namespace: str, name: str, timeout: float) -> Secret | None:
        """Return the object with this name, from the API server's watch cache; ``None`` if there is none.

        Args:
            timeout: the seconds for the whole call.

        Raises:
            ApiUnavailableError, ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for
                :meth:`list_objects`.
        """
        from airflow_kubernetes_secrets.kubernetes.decode import parse_object

        path = f"/api/v1/namespaces/{namespace}/{resource.plural}/{quote(name)}?resourceVersion=0"
        parse = partial(parse_object, resource=resource, namespace=namespace, name=name)
        try:
            return self._send(_Operation("get", namespace, Call(path)), parse, timeout)
        except NotFoundError:
            return None

    def watch_objects(
        self,
        resource: Resource,
        namespace: str,
        selector: LabelSelector,
        resource_version: str,
        *,
        seconds: int,
        timeout: float,
    ) -> Watch:
        """Start to watch the objects that match the selector, from a version on.

        Args:
            seconds: the time after which the API server should end the watch.
            timeout: the seconds within which the watch must start, and by which its end may be late.

        Raises:
            ExpiredVersionError: the API server no longer has the changes since that version.
            ApiUnavailableError: there was no usable response in time. The request is sent once.
            ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for :meth:`list_objects`.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
        """
        from airflow_kubernetes_secrets.kubernetes.decode import status_message

        path = (
            f"/api/v1/namespaces/{namespace}/{resource.plural}?watch=true&allowWatchBookmarks=true"
            f"&timeoutSeconds={seconds}&labelSelector={quote(str(selector))}&resourceVersion={quote(resource_version)}"
        )
        watch, deadline = _Operation("watch", namespace, Call(path)), Deadline(timeout)
        failure = self._requested_pause.failure()
        if failure is not None:
            raise self._unavailable(failure, 1, deadline)
        try:
            connection, reply = self._transport.exchange(HttpConnection.open_stream, watch.call, deadline)
        except ResponseTooLargeError as error:
            raise too_large_error(error, self._credentials) from None
        except TransportError as error:
            self._refusals.note_failure()
            raise self._unavailable(_failure_of(error), 1, deadline) from None
        if isinstance(reply, Head):
            if not _is_json(reply):
                connection.close()
                self._note_failure_of_the_server()
                failure = Failure(f"it answered {reply.status}, but not with JSON", _REMEDY)
                raise self._unavailable(failure, 1, deadline)
            self._refusals.note_allowed(watch.verb, watch.path)
            return Watch(self, connection, reply, resource, namespace, deadline=Deadline(seconds + timeout))
        # Read this first: once the connection is idle, another thread may send on it.
        sent_at = connection.sent_at
        self._transport.keep(connection, reply.status)
        message = status_message(reply.body)
        if reply.status == 410 and message:
            raise ExpiredVersionError(message)
        failure = self._failure(watch, sent_at, reply, message)
        if failure is not None:
            raise self._unavailable(failure, 1, deadline)
        raise self._error_of_response(watch, reply.status, message)

    def send(self, call: Call, verb: str, namespace: str, timeout: float) -> Response:
        """Send any other request, for a command. It may be sent more than once, so it must be safe to repeat.

        Args:
            verb: the verb that the request needs, for the remedy of a 403.
            timeout: the seconds for the whole call.

        Raises:
            ApiUnavailableError, ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for
                :meth:`list_objects`.
            NotFoundError: 404.
        """
        return self._send(_Operation(verb, namespace, call), lambda response: response, timeout)

    def close(self) -> None:
        """Close the idle connections. The client can be used again."""
        self._transport.close()

    def after_fork(self) -> None:
        """Close the parent's connections, including those that its threads were using, without sending anything."""
        self._transport.after_fork()

    def _send(self, operation: _Operation, parse: Callable[[Response], Result], timeout: float) -> Result:
        deadline = Deadline(timeout)
        attempts = 0
        failure: Failure | None = None
        while True:
            attempts += 1
            outcome = self._try(operation, parse, deadline)
            if not isinstance(outcome, Failure):
                return outcome
            # An attempt that the deadline cut off explains less than those before it.
            if failure is None or deadline.left():
                failure = outcome
            pause = None if outcome.is_final else self._backoff.pause(attempts, deadline.left(), outcome.retry_after)
            if pause is None:
                raise self._unavailable(failure, attempts, deadline)
            counters.count(RETRY)
            time.sleep(min(pause, outcome.longest_pause))

    def _try(self, operation: _Operation, parse: Callable[[Response], Result], deadline: Deadline) -> Result | Failure:
        failure = self._requested_pause.failure()
        if failure is not None:
            return failure
        began = monotonic()
        try:
            return self._attempt(operation, parse, deadline)
        finally:
            counters.took(REQUEST, monotonic() - began)

    def _attempt(
        self, operation: _Operation, parse: Callable[[Response], Result], deadline: Deadline
    ) -> Result | Failure:
        from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError, status_message

        began = monotonic()
        try:
            connection, response = self._transport.exchange(HttpConnection.send, operation.call, deadline)
            # Read this first: once the connection is idle, another thread may send on it.
            sent_at = connection.sent_at
            self._transport.keep(connection, response.status)
            if response.status in (200, 201):
                result = parse(response)
                self._refusals.note_allowed(operation.verb, operation.path)
                return result
        except ResponseTooLargeError as error:
            raise too_large_error(error, self._credentials) from None
        except TransportError as error:
            # An attempt that this process gave little time says nothing about the server.
            if deadline.left() or monotonic() - began >= CONFIRMED_AFTER_SECONDS:
                self._refusals.note_failure()
            return _failure_of(error)
        except MalformedBodyError as error:
            self._note_failure_of_the_server()
            return Failure(str(error))
        message = status_message(response.body)
        failure = self._failure(operation, sent_at, response, message)
        if failure is not None:
            # That of a watch is not noted: the server may refuse only watches.
            self._requested_pause.note(response.status, failure)
            return failure
        raise self._error_of_response(operation, response.status, message)

    def _failure(self, operation: _Operation, sent_at: float, response: Response, message: str) -> Failure | None:
        """Return why the request must be sent again; ``None`` if the response is final."""
        problem = f"it answered {response.status} {message}".rstrip()
        if response.status in RETRIED_STATUSES:
            if response.status >= 500:
                self._refusals.note_failure()
            return Failure(problem, retry_after=retry_after_seconds(response.headers.get("retry-after")))
        if response.status in (401, 403):
            seconds = self._refusals.seconds_to_confirm(operation.verb, operation.path, response.status, sent_at)
            if seconds is not None:
                # The message is omitted: what responds with a 401 may quote the credentials.
                error = self._error_of_response(operation, response.status, message)
                return UnconfirmedRefusal(f"it answered {response.status}", seconds, error)
        elif not message:
            return self._not_of_the_api(operation, response)
        else:
            # A response such as 404 means that the request was allowed.
            self._refusals.note_allowed(operation.verb, operation.path)
        return None

    def _not_of_the_api(self, operation: _Operation, reply: Response) -> Failure:
        """Return the failure for a response of something else, such as a load balancer whose API servers are down."""
        self._note_failure_of_the_server()
        return Failure(
            f"it answered {reply.status}, without a message of the API",
            _REMEDY,
            retry_after_seconds(reply.headers.get("retry-after")),
            # Something that lets only GET through would get any other request again and again.
            is_final=operation.call.method != "GET" or reply.status in _FINAL_STATUSES,
        )

    def _note_failure_of_the_server(self) -> None:
        # Something else responds. So the API server may be down, and a new connection may lead to it again.
        self._refusals.note_failure()
        self._transport.close()

    def _error_of_response(self, operation: _Operation, status: int, message: str) -> ApiError:
        response = ErrorResponse(
            status,
            message,
            operation.verb,
            operation.namespace,
            operation.path,
            server=self.server,
            source=self._credentials.source,
            refusal_reason=self._credentials.refusal_reason,
            unreadable=self._transport.unreadable,
            as_user=self._as_user,
        )
        return self._error_of(response)

    def _unavailable(self, failure: Failure, attempts: int, deadline: Deadline) -> ApiUnavailableError:
        return failure.unavailable_error(self._credentials, attempts=attempts, deadline=deadline)


def _failure_of(error: TransportError) -> Failure:
    return Failure(str(error), error.remedy, is_final=error.is_final)


def _is_json(reply: Head) -> bool:
    media_type = reply.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == "application/json"


class Watch:
    """A running watch, which yields events as they arrive until the API server ends it. It must be closed.

    Iterating raises :class:`ApiUnavailableError` if the stream breaks, does not end in time, or contains something
    other than an event of an object in the namespace. It raises :class:`ExpiredVersionError` if the API server reports
    that the version is too old.
    """

    def __init__(
        self,
        client: Client,
        connection: HttpConnection,
        head: Head,
        resource: Resource,
        namespace: str,
        *,
        deadline: Deadline,
    ) -> None:
        """Wrap a stream that has started.

        Args:
            deadline: when the API server must have ended the watch. Events and bookmarks do not extend it,
                because a proxy can forward them and still delay the end of the watch.
        """
        self._client = client
        # None when the watch has ended and the client has its connection again.
        self._connection: HttpConnection | None = connection
        self._head = head
        self._resource = resource
        self._namespace = namespace
        self._deadline = deadline
        self._interrupted = False

    def __iter__(self) -> Iterator[WatchEvent]:
        from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError
        from airflow_kubernetes_secrets.kubernetes.watch_events import parse_watch_event

        connection = self._connection
        if connection is None:
            return
        try:
            for line in connection.lines(self._head, self._deadline):
                yield parse_watch_event(line, self._resource, self._namespace)
        except TransportError as error:
            # A broken stream is often the first sign of a restart.
            if not self._interrupted:
                self._client._refusals.note_failure()
            failure = _failure_of(error)
        except MalformedBodyError as error:
            self._client._note_failure_of_the_server()
            failure = Failure(str(error))
        else:
            self._connection = None
            self._client._transport.keep(connection, 200)
            return
        raise self._client._unavailable(failure, 1, self._deadline)

    def interrupt(self) -> None:
        """End the watch, from another thread."""
        self._interrupted = True
        if (connection := self._connection) is not None:
            connection.interrupt()

    def close(self) -> None:
        """Close the connection, without sending anything to the API server."""
        if (connection := self._connection) is not None:
            connection.close()


def _list_path(resource: Resource, namespace: str, selector: LabelSelector, version: str) -> str:
    return (
        f"/api/v1/namespaces/{namespace}/{resource.plural}?labelSelector={quote(str(selector))}"
        f"&resourceVersion={quote(version)}"
    )
