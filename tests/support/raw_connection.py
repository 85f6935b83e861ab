"""A client of a proxy or API server that shows what arrives on its connection, byte by byte."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlencode

from support.cluster import Cluster
from support.contract import Secrets
from support.kube_apiserver import trust
from support.proxy import Proxy

QUIET = 0.2
# A busy machine needs some of this. It is much shorter than a watch.
SOON = 20.0
WATCH_SECONDS = 120


class Caller:
    """One connection to ``server``, on which no wait is longer than ``SOON``."""

    def __init__(self, server: Cluster | Proxy, secrets: Secrets) -> None:
        self.connection = http.client.HTTPSConnection(
            server.host, server.port, context=trust(server.ca_file), timeout=SOON
        )
        self.path = secrets.path
        self.headers = {"Authorization": f"Bearer {secrets.cluster.admin_token}"}

    def list(self) -> int:
        """Return the status of the response."""
        self.connection.request("GET", self.path, headers=self.headers)
        response = self.connection.getresponse()
        response.read()
        return response.status

    def watch(self, version: str, seconds: int = WATCH_SECONDS) -> http.client.HTTPResponse:
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": seconds, "allowWatchBookmarks": "false"}
        self.connection.request("GET", f"{self.path}?{urlencode(query)}", headers=self.headers)
        # The response would drop the connection with the last reference to it.
        self.response = self.connection.getresponse()
        return self.response

    def is_quiet(self) -> bool:
        """Return whether neither data nor an end arrives for a while."""
        self.connection.sock.settimeout(QUIET)
        try:
            self.connection.sock.recv(1)
        except TimeoutError:
            self.connection.sock.settimeout(SOON)
            return True
        return False


@contextmanager
def calling(server: Cluster | Proxy, secrets: Secrets) -> Iterator[Caller]:
    caller = Caller(server, secrets)
    with closing(caller.connection):
        yield caller


def name(line: bytes) -> str:
    found: str = json.loads(line)["object"]["metadata"]["name"]
    return found


def drained(sock: socket.socket) -> bytes:
    """Return all bytes up to the last chunk of a response."""
    received = b""
    while not received.endswith(b"\r\n0\r\n\r\n"):
        piece = sock.recv(65536)
        assert piece, received
        received += piece
    return received
