"""A client for the requests with which thousands of tests begin: httpx takes longer for one than the API server."""

from __future__ import annotations

import http.client
import json
import select
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode


class Sent(NamedTuple):
    """What was requested."""

    method: str
    url: str


@dataclass(frozen=True)
class JsonResponse:
    """A response, with the names that httpx uses."""

    request: Sent
    status_code: int
    text: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    def json(self) -> Any:
        return json.loads(self.text)


class JsonClient:
    """Sends requests on one connection, one after the other. Threads may share it."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPSConnection(host, port, context=context, timeout=60)
        self._headers = {**headers, "Content-Type": "application/json"}
        self._lock = threading.Lock()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> JsonResponse:
        return self._send("GET", f"{path}?{urlencode(params)}" if params else path)

    def post(self, path: str, json: object) -> JsonResponse:
        return self._send("POST", path, json)

    def put(self, path: str, json: object) -> JsonResponse:
        return self._send("PUT", path, json)

    def delete(self, path: str) -> JsonResponse:
        return self._send("DELETE", path)

    def close(self) -> None:
        """Close the connection. The next request opens another."""
        self._connection.close()

    def _send(self, method: str, path: str, body: object = None) -> JsonResponse:
        text = None if body is None else json.dumps(body)
        with self._lock:
            if self._is_closed_by_server():
                self._connection.close()
            try:
                self._connection.request(method, path, text, self._headers)
                response = self._connection.getresponse()
                content = response.read().decode()
            except BaseException:
                self._connection.close()
                raise
        return JsonResponse(Sent(method, path), response.status, content)

    def _is_closed_by_server(self) -> bool:
        """Return whether the server has closed the connection, as it does after a while without requests."""
        if self._connection.sock is None:
            return False
        poll = select.poll()
        poll.register(self._connection.sock, select.POLLIN)
        return bool(poll.poll(0))
