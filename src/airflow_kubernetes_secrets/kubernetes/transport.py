"""Send requests with the credentials of this process, on an idle connection or a new one.

After a 401, the credentials are read again, and the request is sent once more.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TypeVar
from weakref import WeakSet

from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http1 import Head, Request, Response
from airflow_kubernetes_secrets.kubernetes.http_connection import (
    HttpConnection,
    ResponseTooLargeError,
    TransportError,
)
from airflow_kubernetes_secrets.version import __version__

# A connection that was idle for this many seconds may be dead without a sign, for example after a firewall has dropped
# it. A request on it gets only a share of the time, so that a new connection still has most of the time.
DOUBTFUL_AFTER_SECONDS = 10.0
_DOUBTFUL_SHARE = 1 / 3

# A lookup can send several requests, and each of them can get a 401. The credentials are not read again so many seconds
# after the last time: an exec plugin may take a minute, and the deadline of the lookup does not limit it.
_READ_AGAIN_AFTER_SECONDS = 1.0

# A process rarely has more threads that look something up at the same time.
_IDLE_CONNECTIONS = 8

_JSON = "application/json"

Reply = TypeVar("Reply", bound=Head | Response)

Send = Callable[[HttpConnection, Request, Deadline], Reply]


class Call:
    """A request, without the parts that identify the sender. It may be sent several times.

    Its ``repr`` does not show the body.

    Attributes:
        path: the path at the API server, with the query.
        content_type: the type of the body, if there is one.
        accept: the type of the response.
        renewed: whether the credentials have been read again for it.
    """

    __slots__ = ("accept", "body", "content_type", "method", "path", "renewed")

    def __init__(
        self, path: str, method: str = "GET", body: bytes = b"", content_type: str = "", *, accept: str = _JSON
    ) -> None:
        self.path = path
        self.method = method
        self.body = body
        self.content_type = content_type
        self.accept = accept
        self.renewed = False

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.path}>"


class ConnectionPool:
    """Connections to one API server. Threads share it: each one takes a connection for itself during a request."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        # These connections are between two exchanges: a thread takes one out, and puts it back after a whole response.
        # So an exception from a signal handler cannot leave half a response to the next user. Append and pop are
        # atomic, so no lock is needed that could stay locked.
        self._idle: deque[HttpConnection] = deque()
        # All open connections, which a forked child closes.
        self._connections: WeakSet[HttpConnection] = WeakSet()

    def take(self) -> HttpConnection | None:
        """Return an idle connection on which nothing has arrived since its last response; ``None`` if there is none."""
        with suppress(IndexError):
            while True:
                idle = self._idle.pop()
                try:
                    if idle.is_quiet():
                        return idle
                except BaseException:
                    idle.close()
                    raise
                idle.close()
        return None

    def connect(self, deadline: Deadline) -> HttpConnection:
        """Return a new connection.

        Raises:
            TransportError: it could not be opened before the deadline.
        """
        connection = HttpConnection(self._credentials.endpoint, self._credentials.tls(), deadline)
        self._connections.add(connection)
        return connection

    def keep(self, connection: HttpConnection, status: int) -> None:
        """Keep a connection for the next exchange, after a whole response.

        After a server error or a refusal it is closed: behind a load balancer, the next connection may lead to another
        server, which may accept the request. A server that starts must not confirm its own refusals.

        Args:
            status: the HTTP status of the response.
        """
        if status < 500 and status not in (401, 403) and connection.is_open and len(self._idle) < _IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the idle connections. The pool can be used again."""
        # Another thread may take one at the same time.
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def after_fork(self) -> None:
        """Close the parent's connections, including those that its threads were using, without sending anything."""
        self._idle.clear()
        connections, self._connections = list(self._connections), WeakSet()
        for connection in connections:
            connection.close()


class Transport:
    """Sends requests to one API server. Threads share it: each one takes a connection for itself during a request.

    Attributes:
        unreadable: why the credentials could not be read again after a 401; empty if they could.
    """

    def __init__(
        self,
        credentials: Credentials,
        note_failure: Callable[[], None],
        *,
        as_user: str | None = None,
        doubtful_after: float = DOUBTFUL_AFTER_SECONDS,
    ) -> None:
        """Create a transport. It does not connect yet.

        Args:
            note_failure: called if an idle connection is dead, because the API server may have restarted.
            as_user: the user to impersonate.
            doubtful_after: the seconds after which an idle connection may be dead.
        """
        self._credentials = credentials
        self._note_failure = note_failure
        self._as_user = as_user
        self._doubtful_after = doubtful_after
        # When the credentials were last read again, and when this was last attempted, on the monotonic clock.
        self._renewed_at = self._renewal_ended_at = -math.inf
        self._pool = ConnectionPool(credentials)
        self.unreadable = ""

    def exchange(self, send: Send[Reply], call: Call, deadline: Deadline) -> tuple[HttpConnection, Reply]:
        """Send a request. After a 401, read the credentials again and send it once more.

        Args:
            send: the method of a connection that sends the request, and reads as much of the response as is needed.

        Returns:
            The connection, and what ``send`` returned. Unless more has to be read, the caller passes the connection to
            :meth:`keep`.

        Raises:
            TransportError: there was no response before the deadline.
            NotConfiguredError: the credentials can no longer be read.
        """
        connection, reply = self._exchange_once(send, call, deadline)
        if reply.status == 401 and self._renew(call, connection.sent_at):
            # An idle connection would still use the old client certificate.
            connection.close()
            self._pool.close()
            # If an exec plugin has used all the time, the 401 is all that is known.
            if deadline.left():
                connection = self._pool.connect(deadline)
                reply = self._send(send, connection, call, deadline)
        return connection, reply

    def keep(self, connection: HttpConnection, status: int) -> None:
        """Keep a connection for another request, after a whole response with this status."""
        self._pool.keep(connection, status)

    def close(self) -> None:
        """Close the idle connections. Requests can still be sent."""
        self._pool.close()

    def after_fork(self) -> None:
        """Close the parent's connections, including those that its threads were using, without sending anything."""
        self._pool.after_fork()

    def _renew(self, call: Call, sent_at: float) -> bool:
        """Read the credentials again after a 401, once for each call.

        The request is repeated to confirm the 401. An exec plugin must not run for each of these attempts.

        Args:
            sent_at: when the request was sent, in seconds on the monotonic clock.

        Returns:
            Whether the credentials have been read since the request was sent.
        """
        if self._renewed_at >= sent_at:
            return True
        if call.renewed:
            return False
        call.renewed = True
        if monotonic() - self._renewal_ended_at < _READ_AGAIN_AFTER_SECONDS:
            return False
        try:
            self._credentials.renew()
        except NotConfiguredError as error:
            self.unreadable = str(error)
            return False
        finally:
            self._renewal_ended_at = monotonic()
        self.unreadable = ""
        self._renewed_at = self._renewal_ended_at
        return True

    def _exchange_once(self, send: Send[Reply], call: Call, deadline: Deadline) -> tuple[HttpConnection, Reply]:
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
                self._note_failure()
        connection = self._pool.connect(deadline)
        return connection, self._send(send, connection, call, deadline)

    def _send(
        self,
        send: Send[Reply],
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
        headers = {"Accept": call.accept, "User-Agent": f"airflow-kubernetes-secrets/{__version__}"}
        authorization = self._credentials.authorization()
        if authorization is not None:
            headers["Authorization"] = authorization
        if self._as_user is not None:
            headers["Impersonate-User"] = self._as_user
        if call.body:
            headers["Content-Type"] = call.content_type
        return Request(self._credentials.endpoint.path + call.path, headers, call.method, call.body)
