"""A server that sends the responses which a malicious API server or proxy could send."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

PATIENCE = 30.0

# Returns the status and the document for a method and a target (the path with its query).
Answer = Callable[[str, str], "tuple[int, Mapping[str, Any]]"]


def always(status: int, document: Mapping[str, Any]) -> Answer:
    """Return this response for every method and target."""
    return lambda _method, _target: (status, document)


class FakeApi:
    """An HTTPS server on loopback that responds with the result of ``answer``; a context manager.

    Attributes:
        answer: may be replaced at any time.
        folder: laid out like that of a pod's service account.
    """

    def __init__(self, answer: Answer, folder: Path, namespace: str = "airflow") -> None:
        self.answer = answer
        self.folder = folder
        authority = trustme.CA()
        folder.mkdir()
        authority.cert_pem.write_to_path(str(folder / "ca.crt"))
        (folder / "token").write_text("a-token")
        (folder / "namespace").write_text(namespace)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> FakeApi:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    def pod_environment(self) -> dict[str, str]:
        """Return the variables by which a pod finds this server."""
        host, port = self._server.server_address[:2]
        return {"KUBERNETES_SERVICE_HOST": str(host), "KUBERNETES_SERVICE_PORT": str(port)}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.rfile.read(int(handler.headers.get("content-length", 0)))
            status, document = self.answer(handler.command, handler.path)
            body = json.dumps(document).encode()
            # A reason phrase can also contain control sequences for a terminal.
            handler.send_response(status, "\x1b[31m\x9b::error::forged")
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        names = dict.fromkeys(("do_GET", "do_POST", "do_PATCH"), answer)
        quiet = {"protocol_version": "HTTP/1.1", "timeout": PATIENCE, "log_message": lambda *_arguments: None}
        # Otherwise the body would wait 40 ms for the client to acknowledge the header.
        at_once = {"disable_nagle_algorithm": True}
        return type("Handler", (BaseHTTPRequestHandler,), {**names, **quiet, **at_once})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that has closed its connection."""


def refusal(code: int, message: str, reason: str = "") -> tuple[int, dict[str, Any]]:
    """Return a Status, in which the API reports an error."""
    return code, {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "code": code,
        "reason": reason,
    }
