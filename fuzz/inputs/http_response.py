"""HTTP/1.1 responses with correct, or nearly correct, framing."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.canary import CANARY

_STATUS = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 404", b"HTTP/1.1 204 No Content", b"HTTP/2 200", b"HTTP/1.1 20"]
)
_END = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""])
_BODY = st.sampled_from([b"", b"{}", b'{"a": 1}\n{"b": 2}\n', CANARY.encode(), b"\n\n", b"x" * 100]) | st.binary(
    max_size=20
)
_HEADERS = st.lists(
    st.sampled_from(
        [
            b"Connection: close",
            b"connection: Keep-Alive",
            b"X-A: " + CANARY.encode(),
            b"Content-Type: a",
            b":",
            b"no colon",
        ]
    ),
    max_size=3,
)


@st.composite
def _framed(draw: st.DrawFn) -> bytes:
    body, headers = draw(_BODY), draw(_HEADERS)
    form = draw(st.sampled_from(["length", "chunks", "none", "both"]))
    if form in ("length", "both"):
        length = draw(st.sampled_from([len(body), len(body), len(body) + 1, max(len(body) - 1, 0), 10**11]))
        headers.append(b"Content-Length: %d" % length)
    if form in ("chunks", "both"):
        headers.append(draw(st.sampled_from([b"Transfer-Encoding: chunked", b"transfer-encoding: gzip, chunked"])))
        body = draw(_chunks(body))
    end = draw(_END)
    interim = draw(st.sampled_from([b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n"]))
    return interim + draw(_STATUS) + end + b"".join(header + end for header in headers) + end + body


@st.composite
def _chunks(draw: st.DrawFn, body: bytes) -> bytes:
    parts = []
    while body:
        size = draw(st.integers(1, len(body)))
        stated = draw(
            st.sampled_from([b"%x" % size, b"%x" % size, b"%X;a=b" % size, b"%x" % (size + 1), b"-1", b"ff" * 9])
        )
        parts.append(stated + b"\r\n" + body[:size] + draw(_END))
        body = body[size:]
    return b"".join(parts) + draw(st.sampled_from([b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nTrailer: a\r\n\r\n", b"0", b""]))


INPUTS = st.builds(bytes.__add__, _framed(), st.sampled_from([b"", b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\0"]))
