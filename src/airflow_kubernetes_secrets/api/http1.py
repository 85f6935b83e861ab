"""As much of HTTP/1.1 as a GET from an API server needs.

``http.client`` would do, but half of the CPU time of a warm lookup went into it, most of that into its parser for
e-mail headers; ``make bench`` shows what a lookup costs above a bare socket. A test holds this to ``http.client``.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_LARGEST_PIECE = 1024 * 1024


class MalformedAnswerError(Exception):
    """What was received is not an answer in HTTP/1.1, or not all of one. Its text quotes nothing of it."""


class Response:
    """An answer, read to its end. Its ``repr`` does not show the body.

    Attributes:
        headers: by their names in lower case.
        keeps_open: another request may be sent over the same connection.
    """

    __slots__ = ("body", "headers", "keeps_open", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, keeps_open: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.keeps_open = keeps_open

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


def request_bytes(host: str, target: str, headers: Mapping[str, str]) -> bytes:
    """A GET request.

    Raises:
        ValueError: the target or a header holds a line break, or another character that does not belong there.
    """
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    if " " in target or not all(line.isascii() and line.isprintable() for line in lines):
        raise ValueError("the target or a header of a request holds a character that does not belong there")
    return "\r\n".join([*lines, "\r\n"]).encode("ascii")


def read_response(stream: BinaryIO) -> Response:
    """Read one answer to a GET, and nothing of what may follow it.

    Raises:
        MalformedAnswerError: it is not one, or the connection ended within it.
        OSError: reading failed, or took too long.
    """
    version, status = _read_status(stream)
    headers = _read_headers(stream)
    while 100 <= status < 200:
        version, status = _read_status(stream)
        headers = _read_headers(stream)
    keeps_open = version == b"1" and "close" not in headers.get("connection", "").lower()
    # How a body ends: RFC 9112, 6.3.
    if status in (204, 304):
        body = b""
    elif "transfer-encoding" in headers:
        body = _read_chunks(stream, headers["transfer-encoding"])
    elif "content-length" in headers:
        body = _read_exactly(stream, _length(headers["content-length"], base=10))
    else:
        body, keeps_open = stream.read(), False
    return Response(status, headers, body, keeps_open)


def _read_status(stream: BinaryIO) -> tuple[bytes, int]:
    """The minor version and the status: ``HTTP/1.1 200 OK``."""
    line = _read_line(stream)
    if not line:
        raise MalformedAnswerError("the connection was closed")
    version, _space, rest = line.rstrip(b"\r\n").partition(b" ")
    status = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not (len(status) == 3 and status.isdigit()) or rest[3:4].strip():
        raise MalformedAnswerError("the answer is not HTTP")
    return version[-1:], int(status)


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS + 1):
        line = _read_line(stream)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise MalformedAnswerError("the answer ended within its headers, or they are not HTTP")
        headers[name.lower()] = value.strip()
    raise MalformedAnswerError(f"the answer has more than {_MOST_HEADERS} headers")


def _read_chunks(stream: BinaryIO, encoding: str) -> bytes:
    """A body in chunks (RFC 9112, 7.1), without its trailers."""
    if encoding.lower() != "chunked":
        raise MalformedAnswerError("the answer has an encoding that was not asked for")
    chunks = []
    while size := _length(_read_line(stream).partition(b";")[0].decode("latin-1").strip(), base=16):
        chunks.append(_read_exactly(stream, size))
        if _read_line(stream) not in (b"\r\n", b"\n"):
            raise MalformedAnswerError("the answer has a chunk of another size than it says")
    _read_headers(stream)
    return b"".join(chunks)


def _length(text: str, base: int) -> int:
    if not re.fullmatch(r"[0-9A-Fa-f]{1,12}", text):
        raise MalformedAnswerError("the answer does not say how long it is")
    try:
        return int(text, base)
    except ValueError:
        raise MalformedAnswerError("the answer does not say how long it is") from None


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Read in pieces: memory is needed for what has come, and not for what a broken answer says will come."""
    pieces = []
    while size:
        piece = stream.read(min(size, _LARGEST_PIECE))
        if not piece:
            raise MalformedAnswerError("the answer is cut off")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _read_line(stream: BinaryIO) -> bytes:
    line = stream.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise MalformedAnswerError("the answer has a line that is too long")
    return line
