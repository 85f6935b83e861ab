"""As much of HTTP/1.1 as a GET from an API server needs.

``http.client`` would do, but half of the CPU time of a warm lookup went into it, most of that into its parser for
e-mail headers; ``make bench`` shows what a lookup costs above a bare socket. A test holds this to ``http.client``.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_LARGEST_PIECE = 1024 * 1024

# etcd takes objects of up to 1.5 MiB by default, and an event of a watch is a line of JSON with one object in it.
_LONGEST_STREAMED_LINE = 16 * 1024 * 1024


class MalformedAnswerError(Exception):
    """What was received is not an answer in HTTP/1.1, or not all of one. Its text quotes nothing of it."""


class Response:
    """An answer, read to its end. Its ``repr`` does not show the body.

    Attributes:
        headers: by their names in lower case.
        keeps_open: another request may be sent over the same connection.
    """

    __slots__ = ("body", "headers", "keeps_open", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes | bytearray, keeps_open: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.keeps_open = keeps_open

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


class Head(NamedTuple):
    """What comes before the body of an answer.

    Attributes:
        headers: by their names in lower case.
        keeps_open: another request may be sent over the same connection after the body, if that says where it ends.
    """

    status: int
    headers: dict[str, str]
    keeps_open: bool


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
    return read_body(stream, read_head(stream))


def read_head(stream: BinaryIO) -> Head:
    """Read an answer up to its body.

    Raises:
        MalformedAnswerError: it is not one, or the connection ended within it.
        OSError: reading failed, or took too long.
    """
    version, status = _read_status(stream)
    headers = _read_headers(stream)
    while 100 <= status < 200:
        version, status = _read_status(stream)
        headers = _read_headers(stream)
    return Head(status, headers, version == b"1" and "close" not in headers.get("connection", "").lower())


def read_body(stream: BinaryIO, head: Head) -> Response:
    """Read the body that comes after ``head``, to its end.

    Raises:
        MalformedAnswerError: the connection ended within it.
        OSError: reading failed, or took too long.
    """
    status, headers, keeps_open = head
    body: bytes | bytearray
    # How a body ends: RFC 9112, 6.3.
    if status in (204, 304):
        body = b""
    elif "transfer-encoding" in headers:
        # A LIST can be a hundred MiB: it grows in place, instead of being there a second time when it is put together.
        body = bytearray()
        for chunk in _chunks(stream, headers["transfer-encoding"]):
            body += chunk
    elif "content-length" in headers:
        body = _read_exactly(stream, _length(headers["content-length"], base=10))
    else:
        body, keeps_open = stream.read(), False
    return Response(status, headers, body, keeps_open)


def read_lines(stream: BinaryIO, head: Head) -> Iterator[bytes]:
    """The lines of a body in chunks, each as soon as it is there; they end where the body does.

    Raises:
        MalformedAnswerError: the body is not in chunks, or the connection ended within it.
        OSError: reading failed, or took too long.
    """
    rest = bytearray()
    for chunk in _chunks(stream, head.headers.get("transfer-encoding", "none")):
        rest += chunk
        if len(rest) > _LONGEST_STREAMED_LINE:
            raise MalformedAnswerError("the answer has a line that is too long")
        if b"\n" in chunk:
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            yield from map(bytes, lines)
    if rest:
        raise MalformedAnswerError("the answer ended within a line")


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


def _chunks(stream: BinaryIO, encoding: str) -> Iterator[bytes | bytearray]:
    """The chunks of a body (RFC 9112, 7.1); its trailers are read and dropped."""
    if encoding.lower() != "chunked":
        raise MalformedAnswerError("the answer has an encoding that was not asked for")
    while size := _length(_read_line(stream).partition(b";")[0].decode("latin-1").strip(), base=16):
        chunk = _read_exactly(stream, size)
        if _read_line(stream) not in (b"\r\n", b"\n"):
            raise MalformedAnswerError("the answer has a chunk of another size than it says")
        yield chunk
    _read_headers(stream)


def _length(text: str, base: int) -> int:
    if not re.fullmatch(r"[0-9A-Fa-f]{1,12}", text):
        raise MalformedAnswerError("the answer does not say how long it is")
    try:
        return int(text, base)
    except ValueError:
        raise MalformedAnswerError("the answer does not say how long it is") from None


def _read_exactly(stream: BinaryIO, size: int) -> bytes | bytearray:
    """Read in pieces: memory is needed for what has come, and not for what a broken answer says will come."""
    body = stream.read(min(size, _LARGEST_PIECE))
    if len(body) == size:
        return body
    grown = bytearray(body)
    while body and len(grown) < size:
        body = stream.read(min(size - len(grown), _LARGEST_PIECE))
        grown += body
    if len(grown) < size:
        raise MalformedAnswerError("the answer is cut off")
    return grown


def _read_line(stream: BinaryIO) -> bytes:
    line = stream.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise MalformedAnswerError("the answer has a line that is too long")
    return line
