"""The lower bound: the same requests on a TLS socket, with responses that are read but not parsed."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

from probes.served import CONNECTIONS_LABEL, FOLDER, NAMESPACE

_SELECTOR_OF_ONE = f"{CONNECTIONS_LABEL}%3Dmy_db%2C%21airflow.apache.org/team"
_END_OF_CHUNKS = b"\r\n0\r\n\r\n"


class BareSocket:
    """One connection, with requests that are built in advance."""

    def __init__(self) -> None:
        address = (os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
        context = ssl.create_default_context(cafile=f"{FOLDER}/ca.crt")
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        plain = socket.socket()
        plain.connect(address)
        # bytes, because a str goes through the codec for international names, which is not part of the lower bound.
        self._socket = context.wrap_socket(plain, server_hostname=address[0].encode())
        headers = (
            f"Host: {address[0]}\r\nAccept: application/json\r\n"
            f"Authorization: Bearer {Path(FOLDER, 'token').read_text()}\r\n\r\n"
        )
        self._one, self._all = (
            f"GET /api/v1/namespaces/{NAMESPACE}/secrets?labelSelector={selector}&resourceVersion=0 HTTP/1.1\r\n"
            f"{headers}".encode()
            for selector in (_SELECTOR_OF_ONE, CONNECTIONS_LABEL)
        )

    def get_conn_value(self, _id: str) -> bytes:
        """Send the LIST of a lookup. The response is short and has a Content-Length."""
        self._socket.sendall(self._one)
        answer = self._socket.recv(65536)
        head, _separator, body = answer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._socket.recv(65536)
        return body

    def list_all(self) -> int:
        """Send the LIST of an index, whose response is chunked. Returns the number of bytes."""
        self._socket.sendall(self._all)
        buffer = bytearray(65536)
        received, tail = 0, b""
        while tail != _END_OF_CHUNKS:
            size = self._socket.recv_into(buffer)
            if not size:
                raise ConnectionError("the API server closed the connection before the end of its response")
            received += size
            tail = (tail + bytes(buffer[max(size - len(_END_OF_CHUNKS), 0) : size]))[-len(_END_OF_CHUNKS) :]
        return received
