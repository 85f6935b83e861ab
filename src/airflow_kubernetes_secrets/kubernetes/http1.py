"""The part of HTTP/1.1 that requests to an API server need.

``http.client`` took half of the CPU time of a warm lookup, most of it in its parser for e-mail headers. ``make bench``
shows what a lookup costs beyond a bare socket. A test compares this module with ``http.client``.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import hexdigits
from typing import BinaryIO

_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_MOST_DIGITS = 12
_LARGEST_PIECE = 1024 * 1024

# The largest body that is read into memory, in bytes: a LIST of 100,000 Secrets of 2.6 KiB each, including what the API
# server adds to them. No Secret is larger than 1.5 MiB, which is etcd's default limit for an object.
LARGEST_BODY_BYTES = 256 * 1024 * 1024

# The longest line of a watch, in bytes. Each event is one line of JSON with one object in it.
LARGEST_LINE_BYTES = 16 * 1024 * 1024


# The headers that determine where a body ends. With two lengths, one response could be read as two: RFC 9112, 6.3. (A
# response with chunks and a length is unambiguous, because chunks take precedence.)
_ENDS_OF_A_BODY = ("content-length", "transfer-encoding")


class MalformedResponseError(Exception):
    """The input is not a whole HTTP/1.1 response. The message quotes nothing of it."""


class BodyTooLargeError(Exception):
    """A body, or a line of a stream, is larger than the limit in bytes."""

    def __init__(self, largest: int) -> None:
        super().__init__(f"the response is larger than {largest // 1024**2} MiB")


class Response:
    """A whole response. Its ``repr`` does not show the body.

    Attributes:
        headers: the values by the names in lower case.
        keeps_open: whether another request may be sent on the same connection.
    """

    __slots__ = ("body", "headers", "keeps_open", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytearray, keeps_open: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.keeps_open = keeps_open

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


class Head:
    """The part of a response before its body.

    Attributes:
        headers: the values by the names in lower case.
        keeps_open: whether another request may be sent on the same connection after a body with a known end.
    """

    __slots__ = ("headers", "keeps_open", "status")

    def __init__(self, status: int, headers: dict[str, str], keeps_open: bool) -> None:
        self.status = status
        self.headers = headers
        self.keeps_open = keeps_open


class Request:
    """A request. Its ``repr`` shows neither the body nor the headers, one of which is a credential."""

    __slots__ = ("_body", "_headers", "_method", "_target")

    def __init__(self, target: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b"") -> None:
        self._target = target
        self._headers = headers
        self._method = method
        self._body = body

    def to_bytes(self, host: str) -> bytes:
        """Return the bytes to send.

        Args:
            host: the value of the ``Host`` header.

        Raises:
            ValueError: the target or a header contains a line break, or another character that is not allowed there.
        """
        lines = [f"{self._method} {self._target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        if self._body:
            lines.append(f"Content-Length: {len(self._body)}")
        if " " in self._target or not all(line.isascii() and line.isprintable() for line in lines):
            raise ValueError("the target or a header of a request contains a character that is not allowed there")
        return "\r\n".join([*lines, "\r\n"]).encode("ascii") + self._body

    def __repr__(self) -> str:
        return f"<Request for {self._target}>"


class Body:
    """The received part of a body. Its ``repr`` does not show it, since an exception may occur at any moment."""

    __slots__ = ("content",)

    def __init__(self) -> None:
        self.content = bytearray()

    def __repr__(self) -> str:
        return f"<{len(self.content)} bytes>"


def read_response(stream: BinaryIO) -> Response:
    """Read one response, and nothing that may follow it.

    Raises:
        MalformedResponseError: this is not a response, or the connection ended within it.
        BodyTooLargeError: its body is larger than :data:`LARGEST_BODY_BYTES`.
        OSError: reading failed, or took too long.
    """
    return read_body(stream, read_head(stream))


def read_head(stream: BinaryIO) -> Head:
    """Read a response up to its body.

    Raises:
        MalformedResponseError: this is not a response, or the connection ended within it.
        OSError: reading failed, or took too long.
    """
    version, status = _read_status(stream)
    headers = _read_headers(stream)
    while 100 <= status < 200:
        version, status = _read_status(stream)
        headers = _read_headers(stream)
    return Head(status, headers, version == b"1" and "close" not in headers.get("connection", "").lower())


def read_body(stream: BinaryIO, head: Head) -> Response:
    """Read the whole body that follows ``head``.

    Raises:
        MalformedResponseError: the connection ended within the body.
        BodyTooLargeError: the body is larger than :data:`LARGEST_BODY_BYTES`.
        OSError: reading failed, or took too long.
    """
    status, headers, keeps_open = head.status, head.headers, head.keeps_open
    # A LIST can have a hundred MiB. The body grows in place, so that it is not in memory twice.
    body = Body()
    # RFC 9112, 6.3, defines how a body ends.
    if status in (204, 304):
        pass
    elif "transfer-encoding" in headers:
        while _read_chunk(stream, headers["transfer-encoding"], body, LARGEST_BODY_BYTES):
            pass
    elif "content-length" in headers:
        _read_exactly(stream, _length(headers["content-length"], base=10), body, LARGEST_BODY_BYTES)
    else:
        _read_to_the_end(stream, body)
        keeps_open = False
    return Response(status, headers, body.content, keeps_open)


def read_lines(stream: BinaryIO, head: Head) -> Iterator[bytes]:
    """Yield the lines of a chunked body as they arrive, until the body ends.

    Raises:
        MalformedResponseError: the body is not chunked, or the connection ended within it.
        BodyTooLargeError: a line, or a chunk, is larger than :data:`LARGEST_LINE_BYTES`.
        OSError: reading failed, or took too long.
    """
    body = Body()
    looked_at = 0
    while _read_chunk(stream, head.headers.get("transfer-encoding", "none"), body, LARGEST_LINE_BYTES):
        # One line at a time: a chunk can consist of millions of short ones.
        begin = 0
        while (end := body.content.find(b"\n", max(begin, looked_at))) >= 0:
            yield bytes(body.content[begin:end])
            begin = end + 1
        del body.content[:begin]
        looked_at = len(body.content)
    if body.content:
        raise MalformedResponseError("the response ended within a line")


def _read_status(stream: BinaryIO) -> tuple[bytes, int]:
    """Read a status line such as ``HTTP/1.1 200 OK``. Return the minor version and the status."""
    line = _read_line(stream)
    if not line:
        raise MalformedResponseError("the connection was closed")
    version, _space, rest = line.rstrip(b"\r\n").partition(b" ")
    status = rest[:3]
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not (len(status) == 3 and status.isdigit()) or rest[3:4].strip():
        raise MalformedResponseError("the response is not HTTP")
    return version[-1:], int(status)


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MOST_HEADERS + 1):
        line = _read_line(stream)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise MalformedResponseError("the response ended within its headers, or they are not HTTP")
        name, value = name.lower(), value.strip()
        if name in _ENDS_OF_A_BODY and headers.get(name, value) != value:
            raise MalformedResponseError("the response states its length in two ways")
        headers[name] = value
    raise MalformedResponseError(f"the response has more than {_MOST_HEADERS} headers")


def _read_chunk(stream: BinaryIO, encoding: str, body: Body, largest: int) -> bool:
    """Read one chunk of a body (RFC 9112, 7.1). The trailers after the last chunk are dropped.

    Args:
        largest: the most bytes that the body may have with this chunk.

    Returns:
        Whether there was a chunk.
    """
    if encoding.lower() != "chunked":
        raise MalformedResponseError("the response has an encoding that was not requested")
    size = _length(_read_line(stream).partition(b";")[0].decode("latin-1").strip(), base=16)
    if not size:
        _read_headers(stream)
        return False
    _read_exactly(stream, size, body, largest)
    if _read_line(stream) not in (b"\r\n", b"\n"):
        raise MalformedResponseError("the response has a chunk that does not have the stated size")
    return True


def _length(text: str, base: int) -> int:
    # This uses no pattern: compiling one takes a hundredth of the time of a process's first lookup.
    if not 0 < len(text) <= _MOST_DIGITS or text.strip(hexdigits):
        raise MalformedResponseError("the response does not state its length")
    try:
        return int(text, base)
    except ValueError:
        raise MalformedResponseError("the response does not state its length") from None


def _read_exactly(stream: BinaryIO, size: int, body: Body, largest: int) -> None:
    """Read in pieces, so that memory is used for what has arrived, and not for what a broken response announces."""
    expected = len(body.content) + size
    if expected > largest:
        raise BodyTooLargeError(largest)
    while (missing := expected - len(body.content)) > 0:
        body.content += stream.read(min(missing, _LARGEST_PIECE))
        if expected - len(body.content) == missing:
            raise MalformedResponseError("the response is cut off")


def _read_to_the_end(stream: BinaryIO, body: Body) -> None:
    while piece := stream.read(_LARGEST_PIECE):
        body.content += piece
        if len(body.content) > LARGEST_BODY_BYTES:
            raise BodyTooLargeError(LARGEST_BODY_BYTES)


def _read_line(stream: BinaryIO) -> bytes:
    line = stream.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise MalformedResponseError("the response has a line that is too long")
    return line
