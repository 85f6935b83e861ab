"""As much of HTTP/1.1 as requests to an API server need.

``http.client`` would do, but half of the CPU time of a warm lookup went into it, most of that into its parser for
e-mail headers; ``make bench`` shows what a lookup costs above a bare socket. A test holds this to ``http.client``.
https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_LARGEST_PIECE = 1024 * 1024

# What a body may take of the process's memory, in bytes: a LIST of 100,000 Secrets of 2.6 KiB each, with all that the
# API server adds to them. No Secret is larger than 1.5 MiB, which is etcd's default limit for an object.
LARGEST_BODY_BYTES = 256 * 1024 * 1024

# An event of a watch is a line of JSON with one object in it.
LARGEST_LINE_BYTES = 16 * 1024 * 1024


# The headers that say where a body ends. With two lengths one answer could be read as two: RFC 9112, 6.3. (Chunks and a
# length are no such case: chunks come first.)
_ENDS_OF_A_BODY = ("content-length", "transfer-encoding")


class MalformedAnswerError(Exception):
    """What was received is not an answer in HTTP/1.1, or not all of one. Its text quotes nothing of it."""


class TooLargeAnswerError(Exception):
    """A body, or a line of a stream, is larger than it may be (in bytes)."""

    def __init__(self, largest: int) -> None:
        super().__init__(f"the answer is larger than {largest // 1024**2} MiB")


class Response:
    """An answer, read to its end. Its ``repr`` does not show the body.

    Attributes:
        headers: by their names in lower case.
        keeps_open: another request may be sent over the same connection.
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
    """What comes before the body of an answer.

    Attributes:
        headers: by their names in lower case.
        keeps_open: another request may be sent over the same connection after the body, if that says where it ends.
    """

    __slots__ = ("headers", "keeps_open", "status")

    def __init__(self, status: int, headers: dict[str, str], keeps_open: bool) -> None:
        self.status = status
        self.headers = headers
        self.keeps_open = keeps_open


class Request:
    """A request. Its ``repr`` shows neither the headers, one of which is a credential, nor the body."""

    __slots__ = ("_body", "_headers", "_method", "_target")

    def __init__(self, target: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b"") -> None:
        self._target = target
        self._headers = headers
        self._method = method
        self._body = body

    def to_bytes(self, host: str) -> bytes:
        """As it is sent.

        Raises:
            ValueError: the target or a header holds a line break, or another character that does not belong there.
        """
        lines = [f"{self._method} {self._target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        if self._body:
            lines.append(f"Content-Length: {len(self._body)}")
        if " " in self._target or not all(line.isascii() and line.isprintable() for line in lines):
            raise ValueError("the target or a header of a request holds a character that does not belong there")
        return "\r\n".join([*lines, "\r\n"]).encode("ascii") + self._body

    def __repr__(self) -> str:
        return f"<Request for {self._target}>"


class Body:
    """What has come of a body. Its ``repr`` does not show it, since an exception may come at any moment."""

    __slots__ = ("content",)

    def __init__(self) -> None:
        self.content = bytearray()

    def __repr__(self) -> str:
        return f"<{len(self.content)} bytes>"


def read_response(stream: BinaryIO) -> Response:
    """Read one answer, and nothing of what may follow it.

    Raises:
        MalformedAnswerError: it is not one, or the connection ended within it.
        TooLargeAnswerError: its body is larger than :data:`LARGEST_BODY_BYTES`.
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
        TooLargeAnswerError: it is larger than :data:`LARGEST_BODY_BYTES`.
        OSError: reading failed, or took too long.
    """
    status, headers, keeps_open = head.status, head.headers, head.keeps_open
    # A LIST can be a hundred MiB: it grows in place, instead of being there a second time when it is put together.
    body = Body()
    # How a body ends: RFC 9112, 6.3.
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
    """The lines of a body in chunks, each as soon as it is there; they end where the body does.

    Raises:
        MalformedAnswerError: the body is not in chunks, or the connection ended within it.
        TooLargeAnswerError: a line, or a chunk, is larger than :data:`LARGEST_LINE_BYTES`.
        OSError: reading failed, or took too long.
    """
    body = Body()
    looked_at = 0
    while _read_chunk(stream, head.headers.get("transfer-encoding", "none"), body, LARGEST_LINE_BYTES):
        if body.content.find(b"\n", looked_at) >= 0:
            *lines, body.content = body.content.split(b"\n")
            yield from map(bytes, lines)
        looked_at = len(body.content)
    if body.content:
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
        name, value = name.lower(), value.strip()
        if name in _ENDS_OF_A_BODY and headers.get(name, value) != value:
            raise MalformedAnswerError("the answer says in two ways how long it is")
        headers[name] = value
    raise MalformedAnswerError(f"the answer has more than {_MOST_HEADERS} headers")


def _read_chunk(stream: BinaryIO, encoding: str, body: Body, largest: int) -> bool:
    """Read one chunk of a body (RFC 9112, 7.1), and whether there was one; the trailers after the last are dropped.

    Args:
        largest: the bytes that the body may have with it.
    """
    if encoding.lower() != "chunked":
        raise MalformedAnswerError("the answer has an encoding that was not asked for")
    size = _length(_read_line(stream).partition(b";")[0].decode("latin-1").strip(), base=16)
    if not size:
        _read_headers(stream)
        return False
    _read_exactly(stream, size, body, largest)
    if _read_line(stream) not in (b"\r\n", b"\n"):
        raise MalformedAnswerError("the answer has a chunk of another size than it says")
    return True


def _length(text: str, base: int) -> int:
    if not re.fullmatch(r"[0-9A-Fa-f]{1,12}", text):
        raise MalformedAnswerError("the answer does not say how long it is")
    try:
        return int(text, base)
    except ValueError:
        raise MalformedAnswerError("the answer does not say how long it is") from None


def _read_exactly(stream: BinaryIO, size: int, body: Body, largest: int) -> None:
    """Read in pieces: memory is needed for what has come, and not for what a broken answer says will come."""
    wanted = len(body.content) + size
    if wanted > largest:
        raise TooLargeAnswerError(largest)
    while (missing := wanted - len(body.content)) > 0:
        body.content += stream.read(min(missing, _LARGEST_PIECE))
        if wanted - len(body.content) == missing:
            raise MalformedAnswerError("the answer is cut off")


def _read_to_the_end(stream: BinaryIO, body: Body) -> None:
    while piece := stream.read(_LARGEST_PIECE):
        body.content += piece
        if len(body.content) > LARGEST_BODY_BYTES:
            raise TooLargeAnswerError(LARGEST_BODY_BYTES)


def _read_line(stream: BinaryIO) -> bytes:
    line = stream.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise MalformedAnswerError("the answer has a line that is too long")
    return line
