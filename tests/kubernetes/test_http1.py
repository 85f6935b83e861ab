"""The project's HTTP/1.1 client, compared with ``http.client``."""

from __future__ import annotations

import io
import tracemalloc
from http.client import HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_kubernetes_secrets.kubernetes.http1 import (
    Body,
    BodyTooLargeError,
    MalformedResponseError,
    Request,
    Response,
    read_head,
    read_lines,
    read_response,
)

BODIES = st.binary(max_size=300)
NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,15}\Z").filter(
    lambda name: name.lower() not in ("content-length", "transfer-encoding", "connection")
)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)
HEADERS = st.dictionaries(NAMES, VALUES, max_size=5)
STATUSES = st.sampled_from([200, 201, 400, 401, 403, 404, 410, 429, 500, 503])


class Socket:
    """The part of a socket that HTTPResponse uses."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._received)


def official(received: bytes) -> tuple[int, dict[str, str], bytes, bool]:
    response = HTTPResponse(Socket(received), method="GET")  # type: ignore[arg-type]  # it uses no more of a socket
    response.begin()
    body = response.read()
    return (
        response.status,
        {name.lower(): value for name, value in response.getheaders()},
        body,
        not response.will_close,
    )


def ours(received: bytes) -> tuple[int, dict[str, str], bytes, bool]:
    response = read(received)
    return response.status, dict(response.headers), bytes(response.body), response.keeps_open


def read(received: bytes) -> Response:
    return read_response(io.BufferedReader(io.BytesIO(received)))


def head(status: int, headers: dict[str, str], version: str = "1.1") -> bytes:
    lines = [f"HTTP/{version} {status} Reason", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%X;ext=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@given(STATUSES, HEADERS, BODIES)
def test_body_with_a_content_length(status: int, headers: dict[str, str], body: bytes) -> None:
    received = head(status, {**headers, "Content-Length": str(len(body))}) + body

    assert ours(received) == official(received)


@given(STATUSES, HEADERS, BODIES, st.integers(1, 50))
def test_a_body_in_chunks(status: int, headers: dict[str, str], body: bytes, size: int) -> None:
    received = head(status, {**headers, "Transfer-Encoding": "chunked"}) + chunked(body, size)

    assert ours(received) == official(received)


@given(BODIES, st.sampled_from(["1.0", "1.1"]))
def test_a_body_that_ends_with_the_connection(body: bytes, version: str) -> None:
    received = head(200, {}, version) + body

    assert ours(received) == official(received)
    assert not read(received).keeps_open


@pytest.mark.parametrize("connection", ["close", "Close", "keep-alive", "Upgrade, close"])
def test_connection(connection: str) -> None:
    received = head(200, {"Connection": connection, "Content-Length": "1"}) + b"x"

    assert read(received).keeps_open is ("close" not in connection.lower())


def test_interim_response_is_skipped() -> None:
    received = head(103, {"Link": "x"}) + head(200, {"Content-Length": "2"}) + b"ok"

    assert read(received).body == b"ok"


@pytest.mark.parametrize("status", [204, 304])
def test_responses_without_a_body(status: int) -> None:
    received = head(status, {"ETag": "x"})

    assert ours(received) == official(received)
    assert ours(received)[2:] == (b"", True)


def test_http_1_0_closes() -> None:
    received = head(200, {"Content-Length": "1"}, "1.0") + b"x"

    assert ours(received) == official(received)
    assert not read(received).keeps_open


@pytest.mark.parametrize(
    "headers", [{"Transfer-Encoding": "Chunked"}, {"Transfer-Encoding": "chunked", "Content-Length": "3"}]
)
def test_chunked_encoding_takes_precedence_over_a_length(headers: dict[str, str]) -> None:
    received = head(200, headers) + chunked(b"hello", 2)

    assert ours(received) == official(received)
    assert read(received).body == b"hello"


def test_bytes_after_a_response_remain_for_the_next_one() -> None:
    one = head(200, {"Content-Length": "3"}) + b"one"
    two = head(200, {"Transfer-Encoding": "chunked"}) + chunked(b"two", 2)
    stream: Any = io.BufferedReader(io.BytesIO(one + two + one))

    assert [read_response(stream).body for _ in range(3)] == [b"one", b"two", b"one"]


COMPLETE = [
    head(200, {"Content-Type": "application/json", "Content-Length": "5"}) + b"hello",
    head(200, {"Transfer-Encoding": "chunked"}) + chunked(b"hello world", 4),
]


@pytest.mark.parametrize("complete", COMPLETE, ids=["length", "chunks"])
def test_truncated_response_is_refused(complete: bytes) -> None:
    for length in range(len(complete)):
        with pytest.raises(MalformedResponseError):
            read(complete[:length])


@given(st.binary(max_size=200))
def test_garbage_causes_only_a_malformed_response_error(garbage: bytes) -> None:
    for received in (garbage, b"HTTP/1.1 200 OK\r\n" + garbage, head(200, {"Transfer-Encoding": "chunked"}) + garbage):
        error = failure(received)
        assert error is None or (str(error).isascii() and error.__cause__ is None)


def failure(received: bytes) -> MalformedResponseError | None:
    try:
        read(received)
    except MalformedResponseError as error:
        return error
    return None


@pytest.mark.parametrize(
    "received",
    [
        head(200, {"Content-Length": "-1"}),
        head(200, {"Content-Length": "5x"}) + b"hello",
        head(200, {"Content-Length": "9" * 30}),
        head(200, {"Content-Length": "a"}) + b"hello world",
        head(200, {"Content-Length": "5", "content-length": "4"}) + b"hello",
        head(200, {"Transfer-Encoding": "chunked", "transfer-encoding": "gzip"}) + chunked(b"hello", 5),
        head(200, {"Transfer-Encoding": "gzip"}) + b"x",
        head(200, {"Transfer-Encoding": "gzip, chunked"}) + chunked(b"x", 1),
        head(200, {"Transfer-Encoding": "chunked"}) + b"3\r\nabcd\r\n0\r\n\r\n",
        head(200, {f"X-{number}": "x" for number in range(101)}) + b"",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x:" * 35000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
    ],
    ids=lambda received: str(received[:40]),
)
def test_malformed_responses(received: bytes) -> None:
    with pytest.raises(MalformedResponseError):
        read(received)


class TestLines:
    HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    LINES = (b'{"a": "\xc3\xa4"}', b"", b"x" * 20_000, b"last")

    @staticmethod
    def chunked(body: bytes, size: int) -> bytes:
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)

    @staticmethod
    def lines(received: bytes) -> list[bytes]:
        stream = io.BytesIO(received)
        return list(read_lines(stream, read_head(stream)))

    @pytest.mark.parametrize("size", [1, 2, 7, 1000, 100_000])
    def test_lines_do_not_depend_on_the_chunks(self, size: int) -> None:
        body = b"".join(line + b"\n" for line in self.LINES)

        assert self.lines(self.HEAD + self.chunked(body, size) + b"0\r\n\r\n") == list(self.LINES)

    def test_complete_lines_are_returned_immediately(self) -> None:
        stream = io.BytesIO(self.HEAD + self.chunked(b"one\ntwo\nthr", 100))
        lines = read_lines(stream, read_head(stream))

        assert [next(lines), next(lines)] == [b"one", b"two"]
        with pytest.raises(MalformedResponseError):
            next(lines)

    @pytest.mark.parametrize(
        "received",
        [
            HEAD,
            HEAD + b"3\r\none",
            HEAD + b"3\r\none\r\n",
            HEAD + b"4\r\none\n\r\n",
            HEAD + b"3\r\none\r\n0\r\n\r\n",
            HEAD + b"4\r\none\n\r\n0\r\n",
            HEAD + b"x\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none\n",
        ],
    )
    def test_truncated_body_is_an_error(self, received: bytes) -> None:
        with pytest.raises(MalformedResponseError):
            self.lines(received)

    def test_line_length_is_limited(self) -> None:
        piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"

        with pytest.raises(BodyTooLargeError, match="larger than 16 MiB"):
            self.lines(self.HEAD + piece * 17)

    def test_chunk_size_is_limited(self) -> None:
        with pytest.raises(BodyTooLargeError, match="larger than 16 MiB"):
            self.lines(self.HEAD + b"ffffffffffff\r\n")

    def test_a_chunk_of_many_lines_needs_little_memory(self) -> None:
        stream = io.BytesIO(self.HEAD + self.chunked(b"\n" * 1024**2, 1024**2))
        lines = read_lines(stream, read_head(stream))
        tracemalloc.start()
        try:
            assert next(lines) == b""
            _current, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 8 * 1024**2


def test_repr_of_request_and_body_shows_no_content() -> None:
    body = Body()
    body.content += b"hunter2"

    assert repr(body) == "<7 bytes>"
    assert "hunter2" not in repr(Request("/", {"Authorization": "Bearer hunter2"}, "PATCH", b"hunter2"))


def test_a_request() -> None:
    sent = Request("/api?x=y", {"Accept": "application/json"}).to_bytes("[::1]:443")

    assert sent == b"GET /api?x=y HTTP/1.1\r\nHost: [::1]:443\r\nAccept: application/json\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a b", {}),
        ("/a\r\nX: y", {}),
        ("/", {"X": "a\r\nY: b"}),
        ("/", {"X": "a\nb"}),
        ("/", {"X": "a\rb"}),
        ("/", {"X": "a\0b"}),
        ("/", {"X": "ä"}),
        ("/", {"X\n": "b"}),
    ],
)
def test_injection_into_a_request_is_refused(target: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is not allowed there"):
        Request(target, headers).to_bytes("host")


def test_a_response_does_not_show_its_body() -> None:
    assert "hunter2" not in repr(read(head(200, {"Content-Length": "7", "X": "hunter2"}) + b"hunter2"))


def test_a_request_with_a_body() -> None:
    sent = Request("/api", {"Content-Type": "application/json"}, "POST", b'{"a": "\xc3\xa9"}').to_bytes("host")
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /api HTTP/1.1",
        b"Host: host",
        b"Content-Type: application/json",
        b"Content-Length: 11",
    ]
    assert body == b'{"a": "\xc3\xa9"}'
