"""A client for the few Kubernetes API calls of this project, with idle connections, a deadline and retries.

A client belongs to one process. Threads share it: each one takes a connection for itself during a request.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import Generic, TypeVar
from urllib.parse import quote

from airflow_kubernetes_secrets.errors import (
    AnswerTooLargeError,
    ApiError,
    ApiUnavailableError,
    ExpiredVersionError,
    NotConfiguredError,
    NotFoundError,
    UnconfirmedRefusalError,
)
from airflow_kubernetes_secrets.kubernetes.connection_pool import ConnectionPool
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http1 import Head, Request, Response
from airflow_kubernetes_secrets.kubernetes.http_connection import HttpConnection, ResponseTooLargeError, TransportError
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import Secret, SecretList, WatchEvent
from airflow_kubernetes_secrets.kubernetes.refusals import CONFIRMED_AFTER_SECONDS, Refusals
from airflow_kubernetes_secrets.kubernetes.retry import RETRIED_STATUSES, Backoff, retry_after_seconds
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.version import __version__

_BACKOFF = Backoff()

# A connection that was idle for this many seconds may be dead without a sign, for example after a firewall has dropped
# it. A request on it gets only a share of the time, so that a new connection still has most of the time.
_DOUBTFUL_AFTER_SECONDS = 10.0
_DOUBTFUL_SHARE = 1 / 3


class _Failure:
    """Why an attempt failed.

    Attributes:
        remedy: what the user should do if another attempt would fail too; else empty.
        retry_after: the pause in seconds that the server requested.
    """

    __slots__ = ("problem", "remedy", "retry_after")

    longest_pause = math.inf

    def __init__(self, problem: str, remedy: str = "", retry_after: float | None = None) -> None:
        self.problem = problem
        self.remedy = remedy
        self.retry_after = retry_after


class _Unconfirmed(_Failure):
    """A 401 or 403 that does not count yet; see :mod:`airflow_kubernetes_secrets.kubernetes.refusals`.

    Attributes:
        longest_pause: the seconds after which another attempt can confirm it.
        refusal: the error to raise if it counts.
    """

    __slots__ = ("longest_pause", "refusal")

    def __init__(self, problem: str, longest_pause: float, refusal: ApiError) -> None:
        super().__init__(problem)
        self.longest_pause = longest_pause
        self.refusal = refusal


Reply = TypeVar("Reply", bound="Head | Response")
Result = TypeVar("Result")


_Send = Callable[[HttpConnection, Request, Deadline], Reply]


class Call:
    """A request, without the parts that identify the sender. Its ``repr`` does not show the body.

    Attributes:
        path: the path at the API server, with the query.
        content_type: the type of the body, if there is one.
    """

    __slots__ = ("body", "content_type", "method", "path")

    def __init__(self, path: str, method: str = "GET", body: bytes = b"", content_type: str = "") -> None:
        self.path = path
        self.method = method
        self.body = body
        self.content_type = content_type

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.path}>"


class Refusal:
    """A request that the API server refused for good: the facts of the error.

    Attributes:
        status: the HTTP status, such as 403.
        message: the API server's words; empty if the response is not one of the Kubernetes API.
        verb: what was requested, as a Kubernetes verb.
        path: the path at the API server, without the query.
        server: its host and port.
        source: where the credentials come from.
        unreadable: why the credentials could not be read again after a 401; empty if they could.
        as_user: the user to impersonate, if any.
    """

    __slots__ = ("as_user", "message", "namespace", "path", "server", "source", "status", "unreadable", "verb")

    def __init__(
        self,
        status: int,
        message: str,
        verb: str,
        namespace: str,
        path: str,
        *,
        server: str,
        source: str,
        unreadable: str = "",
        as_user: str | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.verb = verb
        self.namespace = namespace
        self.path = path
        self.server = server
        self.source = source
        self.unreadable = unreadable
        self.as_user = as_user


class _Operation:
    """A verb in a namespace, and its request.

    Attributes:
        renewed: whether the credentials have been read again for it.
    """

    __slots__ = ("call", "namespace", "renewed", "verb")

    def __init__(self, verb: str, namespace: str, call: Call) -> None:
        self.verb = verb
        self.namespace = namespace
        self.call = call
        self.renewed = False

    @property
    def path(self) -> str:
        """The path without the query. With the verb, it is what the API server allows or refuses."""
        return self.call.path.partition("?")[0]


class _ParsedOperation(_Operation, Generic[Result]):
    """An operation, and the parser of its response."""

    __slots__ = ("parse",)

    def __init__(self, verb: str, namespace: str, call: Call, parse: Callable[[Response], Result]) -> None:
        super().__init__(verb, namespace, call)
        self.parse = parse


class Client:
    """A client for one API server."""

    def __init__(
        self,
        credentials: Credentials,
        error_of: Callable[[Refusal], ApiError],
        *,
        as_user: str | None = None,
        backoff: Backoff = _BACKOFF,
        doubtful_after: float = _DOUBTFUL_AFTER_SECONDS,
    ) -> None:
        """Create a client. It does not connect yet.

        Args:
            error_of: returns the error to raise for a refused request.
            as_user: the user to impersonate.
                https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
            doubtful_after: the seconds after which an idle connection may be dead.
        """
        self._credentials = credentials
        self._error_of = error_of
        self._as_user = as_user
        self._backoff = backoff
        self._doubtful_after = doubtful_after
        self._refusals = Refusals()
        # When the last successful renewal of the credentials began, on the monotonic clock.
        self._renewal_began = -math.inf
        # Why the credentials could not be read again; empty if they could.
        self._unreadable = ""
        self._pool = ConnectionPool(credentials)

    @property
    def server(self) -> str:
        """Host and port of the API server, for messages."""
        return printable(self._credentials.endpoint)

    def list_secrets(self, namespace: str, selector: LabelSelector, timeout: float) -> SecretList:
        """Return the Secrets that match the selector, from the API server's watch cache (``resourceVersion=0``).

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
        from airflow_kubernetes_secrets.kubernetes.decode import parse_secret_list

        call = Call(_list_path(namespace, selector, "0"))
        parse = partial(parse_secret_list, namespace=namespace)
        return self._ask(_ParsedOperation("list", namespace, call, parse), timeout)

    def list_once(
        self, namespace: str, selector: LabelSelector, timeout: float, not_older_than: str = "0"
    ) -> SecretList:
        """Return the Secrets that match the selector, from a single request.

        Args:
            timeout: the seconds for the whole call.
            not_older_than: the version of the collection that the result must have reached.

        Raises:
            ApiUnavailableError: there was no usable response.
            ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for :meth:`list_secrets`.
        """
        from airflow_kubernetes_secrets.kubernetes.decode import parse_secret_list

        deadline = Deadline(timeout)
        call = Call(_list_path(namespace, selector, not_older_than))
        parse = partial(parse_secret_list, namespace=namespace)
        outcome = self._try(_ParsedOperation("list", namespace, call, parse), deadline)
        if isinstance(outcome, _Failure):
            raise self._unavailable(outcome, 1, deadline)
        return outcome

    def get_secret(self, namespace: str, name: str, timeout: float) -> Secret | None:
        """Return the Secret with this name, from the API server's watch cache; ``None`` if there is none.

        Args:
            timeout: the seconds for the whole call.

        Raises:
            ApiUnavailableError, ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for
                :meth:`list_secrets`.
        """
        from airflow_kubernetes_secrets.kubernetes.decode import parse_secret

        path = f"/api/v1/namespaces/{namespace}/secrets/{quote(name)}?resourceVersion=0"
        parse = partial(parse_secret, namespace=namespace, name=name)
        try:
            return self._ask(_ParsedOperation("get", namespace, Call(path), parse), timeout)
        except NotFoundError:
            return None

    def watch_secrets(
        self, namespace: str, selector: LabelSelector, resource_version: str, seconds: int, timeout: float
    ) -> Watch:
        """Start to watch the Secrets that match the selector, from a version on.

        Args:
            seconds: the time after which the API server should end the watch.
            timeout: the seconds within which the watch must start, and by which its end may be late.

        Raises:
            ExpiredVersionError: the API server no longer has the changes since that version.
            ApiUnavailableError: there was no usable response in time. The request is sent once.
            ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for :meth:`list_secrets`.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
        """
        from airflow_kubernetes_secrets.kubernetes.decode import status_message

        path = (
            f"/api/v1/namespaces/{namespace}/secrets?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}"
            f"&labelSelector={quote(str(selector))}&resourceVersion={quote(resource_version)}"
        )
        watch, deadline = _Operation("watch", namespace, Call(path)), Deadline(timeout)
        try:
            connection, reply = self._exchange(HttpConnection.open_stream, watch, deadline)
        except ResponseTooLargeError as error:
            raise self._too_large(error) from None
        except TransportError as error:
            self._refusals.note_failure()
            raise self._unavailable(_Failure(str(error), error.remedy), 1, deadline) from None
        if isinstance(reply, Head):
            self._refusals.note_allowed(watch.verb, watch.path)
            return Watch(self, connection, reply, namespace, Deadline(seconds + timeout))
        # Read this first: once the connection is idle, another thread may send on it.
        sent_at = connection.sent_at
        self._pool.keep(connection, reply.status)
        message = status_message(reply.body)
        if reply.status == 410:
            raise ExpiredVersionError(message)
        failure = self._failure(watch, sent_at, reply, message)
        if failure is not None:
            raise self._unavailable(failure, 1, deadline)
        raise self._refusal(watch, reply.status, message)

    def send(self, call: Call, verb: str, namespace: str, timeout: float) -> Response:
        """Send a request that no lookup makes. It must be one that may be repeated.

        Args:
            verb: the verb that the request needs, for the remedy of a 403.
            timeout: the seconds for the whole call.

        Raises:
            ApiUnavailableError, ForbiddenError, UnauthorizedError, ApiError, NotConfiguredError: as for
                :meth:`list_secrets`.
            NotFoundError: 404.
        """
        return self._ask(_ParsedOperation(verb, namespace, call, lambda response: response), timeout)

    def close(self) -> None:
        """Close the idle connections. The client can be used again."""
        self._pool.close()

    def after_fork(self) -> None:
        """Close the parent's connections, including those that its threads were using, without sending anything."""
        self._pool.after_fork()

    def _ask(self, operation: _ParsedOperation[Result], timeout: float) -> Result:
        deadline = Deadline(timeout)
        attempts = 0
        failure: _Failure | None = None
        while True:
            attempts += 1
            outcome = self._try(operation, deadline)
            if not isinstance(outcome, _Failure):
                return outcome
            # An attempt that the deadline cut off explains less than those before it.
            if failure is None or deadline.left():
                failure = outcome
            pause = None if outcome.remedy else self._backoff.pause(attempts, deadline.left(), outcome.retry_after)
            if pause is None:
                raise self._unavailable(failure, attempts, deadline)
            time.sleep(min(pause, outcome.longest_pause))

    def _try(self, operation: _ParsedOperation[Result], deadline: Deadline) -> Result | _Failure:
        from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError, status_message

        began = monotonic()
        try:
            connection, response = self._exchange(HttpConnection.ask, operation, deadline)
            # Read this first: once the connection is idle, another thread may send on it.
            sent_at = connection.sent_at
            self._pool.keep(connection, response.status)
            if response.status in (200, 201):
                result = operation.parse(response)
                self._refusals.note_allowed(operation.verb, operation.path)
                return result
        except ResponseTooLargeError as error:
            raise self._too_large(error) from None
        except TransportError as error:
            # An attempt that this process gave little time says nothing about the server.
            if deadline.left() or monotonic() - began >= CONFIRMED_AFTER_SECONDS:
                self._refusals.note_failure()
            return _Failure(str(error), error.remedy)
        except MalformedBodyError as error:
            return _Failure(str(error))
        message = status_message(response.body)
        failure = self._failure(operation, sent_at, response, message)
        if failure is not None:
            return failure
        raise self._refusal(operation, response.status, message)

    def _failure(self, operation: _Operation, sent_at: float, response: Response, message: str) -> _Failure | None:
        """Return why the request must be sent again; ``None`` if the response is final."""
        problem = f"it answered {response.status} {message}".rstrip()
        if response.status in RETRIED_STATUSES:
            if response.status >= 500:
                self._refusals.note_failure()
            return _Failure(problem, retry_after=retry_after_seconds(response.headers.get("retry-after")))
        if response.status in (401, 403):
            seconds = self._refusals.seconds_to_confirm(operation.verb, operation.path, response.status, sent_at)
            if seconds is not None:
                # Without the server's words: what answers a 401 may quote the credentials.
                refusal = self._refusal(operation, response.status, message)
                return _Unconfirmed(f"it answered {response.status}", seconds, refusal)
        else:
            # A response such as 404 means that the request was allowed.
            self._refusals.note_allowed(operation.verb, operation.path)
        return None

    def _exchange(self, send: _Send[Reply], operation: _Operation, deadline: Deadline) -> tuple[HttpConnection, Reply]:
        """Send a request. After a 401, read the credentials again and send it once more."""
        connection, reply = self._exchange_once(send, operation.call, deadline)
        if reply.status == 401 and self._renew(operation, connection.sent_at):
            # An idle connection would still use the old client certificate.
            connection.close()
            self._pool.close()
            # If an exec plugin has used all the time, the 401 is all that is known.
            if deadline.left():
                connection = self._pool.connect(deadline)
                reply = self._send(send, connection, operation.call, deadline)
        return connection, reply

    def _renew(self, operation: _Operation, sent_at: float) -> bool:
        """Read the credentials again after a 401, once for an operation.

        The request is repeated to confirm the 401. An exec plugin that ran for each of these attempts would use the
        time of the lookup.

        Args:
            sent_at: when the request was sent, in seconds on the monotonic clock.

        Returns:
            Whether the credentials have been read since the request was sent.
        """
        if self._renewal_began >= sent_at:
            return True
        if operation.renewed:
            return False
        operation.renewed = True
        began = monotonic()
        try:
            self._credentials.renew()
        except NotConfiguredError as error:
            self._unreadable = str(error)
            return False
        self._unreadable = ""
        self._renewal_began = began
        return True

    def _exchange_once(self, send: _Send[Reply], call: Call, deadline: Deadline) -> tuple[HttpConnection, Reply]:
        """Send a request on an idle connection, or on a new one if there is none or it is dead."""
        idle = self._pool.take()
        if idle is not None:
            try:
                return idle, self._send(send, idle, call, deadline)
            except ResponseTooLargeError:
                raise
            except TransportError:
                # What ended this connection (a restart, a firewall) has probably ended the others too.
                self._pool.close()
                self._refusals.note_failure()
        connection = self._pool.connect(deadline)
        return connection, self._send(send, connection, call, deadline)

    def _send(
        self,
        send: _Send[Reply],
        connection: HttpConnection,
        call: Call,
        deadline: Deadline,
    ) -> Reply:
        try:
            request = self._request(call)
            if connection.idle_seconds() >= self._doubtful_after:
                deadline = deadline.part(_DOUBTFUL_SHARE)
            return send(connection, request, deadline)
        except BaseException:
            connection.close()
            raise

    def _request(self, call: Call) -> Request:
        headers = {"Accept": "application/json", "User-Agent": f"airflow-kubernetes-secrets/{__version__}"}
        authorization = self._credentials.authorization()
        if authorization is not None:
            headers["Authorization"] = authorization
        if self._as_user is not None:
            headers["Impersonate-User"] = self._as_user
        if call.body:
            headers["Content-Type"] = call.content_type
        return Request(self._credentials.endpoint.path + call.path, headers, call.method, call.body)

    def _refusal(self, operation: _Operation, status: int, message: str) -> ApiError:
        refusal = Refusal(
            status,
            message,
            operation.verb,
            operation.namespace,
            operation.path,
            server=self.server,
            source=self._credentials.source,
            unreadable=self._unreadable,
            as_user=self._as_user,
        )
        return self._error_of(refusal)

    def _too_large(self, error: ResponseTooLargeError) -> AnswerTooLargeError:
        return AnswerTooLargeError(
            f"the Kubernetes API at {self.server} could not be read: {error}. Move Airflow's Secrets to a "
            "namespace of their own. If it has only a few Secrets, check what responds in place of the API server"
        )

    def _unavailable(self, failure: _Failure, attempts: int, deadline: Deadline) -> ApiUnavailableError:
        if isinstance(failure, _Unconfirmed):
            remedy = (
                "An API server that has just started may refuse every request, so a refusal counts only if it is "
                f"repeated {CONFIRMED_AFTER_SECONDS:g} s later, and there was no time for that. If it remains: "
                f"{failure.refusal}"
            )
            return UnconfirmedRefusalError(self.server, failure.problem, attempts, deadline.elapsed(), remedy)
        if failure.remedy:
            remedy = f"{failure.remedy}; it came with {self._credentials.source}"
        else:
            remedy = (
                "Check that it runs and can be reached from here (network policies), "
                "or raise 'timeout' in backend_kwargs"
            )
        return ApiUnavailableError(
            self.server,
            failure.problem,
            attempts,
            deadline.elapsed(),
            remedy,
            lasting=not failure.remedy,
            retry_after=failure.retry_after,
        )


class Watch:
    """A running watch, which yields events as they arrive until the API server ends it. It must be closed.

    Iterating raises :class:`ApiUnavailableError` if the stream breaks, does not end in time, or contains something
    other than an event of a Secret in the namespace. It raises :class:`ExpiredVersionError` if the API server reports
    that the version is too old.
    """

    def __init__(
        self, client: Client, connection: HttpConnection, head: Head, namespace: str, deadline: Deadline
    ) -> None:
        """Wrap a stream that has started.

        Args:
            deadline: when the API server must have ended the watch. Events and bookmarks do not extend it: a proxy can
                hold back the end and let them pass.
        """
        self._client = client
        # None when the watch has ended and the client has its connection again.
        self._connection: HttpConnection | None = connection
        self._head = head
        self._namespace = namespace
        self._deadline = deadline
        self._interrupted = False

    def __iter__(self) -> Iterator[WatchEvent]:
        from airflow_kubernetes_secrets.kubernetes.decode import MalformedBodyError, parse_watch_event

        connection = self._connection
        if connection is None:
            return
        try:
            for line in connection.lines(self._head, self._deadline):
                yield parse_watch_event(line, self._namespace)
        except TransportError as error:
            # A broken stream is often the first sign of a restart.
            if not self._interrupted:
                self._client._refusals.note_failure()
            failure = _Failure(str(error))
        except MalformedBodyError as error:
            failure = _Failure(str(error))
        else:
            self._connection = None
            self._client._pool.keep(connection, 200)
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


def _list_path(namespace: str, selector: LabelSelector, version: str) -> str:
    return (
        f"/api/v1/namespaces/{namespace}/secrets?labelSelector={quote(str(selector))}&resourceVersion={quote(version)}"
    )
