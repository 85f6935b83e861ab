"""The connections of one client: idle ones are used again, and a forked child closes those of its parent."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from weakref import WeakSet

from airflow_kubernetes_secrets.kubernetes.credentials import Credentials
from airflow_kubernetes_secrets.kubernetes.deadline import Deadline
from airflow_kubernetes_secrets.kubernetes.http_connection import HttpConnection

# A process rarely has more threads that look something up at the same time.
_IDLE_CONNECTIONS = 8


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
